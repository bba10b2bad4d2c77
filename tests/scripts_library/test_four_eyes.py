"""Four eyes: what runs is what somebody else has approved (docs/four-eyes.md)."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backups import facts, four_eyes, housekeeping, inline_migration
from backups.models import Repository
from borgui.accounts.models import AuditEntry, Installation, User
from scripts_library import approval, approving, chain, library, links, store, testruns, tried_again
from scripts_library.errors import Conflict, Invalid, Refused
from scripts_library.models import Script, ScriptRevision
from scripts_library.preview import preview

from .authors import NEW, OLD, author, browser_of, fresh, save
from .stage import POST, PRE, Stage, block, edit_outside, file_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def approved(settings: Any, anna: User) -> Script:
    """A script that was there when four eyes was switched on."""
    script = library.create("it", OLD, source="editor", user=anna)
    settings.FOUR_EYES = True
    four_eyes.settle()
    return fresh(script)


def attached(script: Script, hook: str = PRE, **fields: Any) -> Stage:
    stage = Stage()
    stage.attach(hook, script.name, **fields)
    return stage


def printed(stage: Stage) -> str:
    return stage.row().stdout.strip()


# --- off --------------------------------------------------------------------------------------------------------------
def test_while_it_is_off_a_saved_text_runs_at_once_and_nothing_more_is_asked(
    settings: Any, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SETTLED", 0)  # else a young file is looked at again, and counted below
    script = library.create("it", OLD, source="editor", user=anna)
    stage = attached(script)
    save(script, NEW, anna)
    assert stage.pre().go_on
    assert printed(stage) == "new"
    row = fresh(script)
    library.look(row)
    with CaptureQueriesContext(
        connection,
    ) as off:
        links.of_script(row, PRE, links.NO_REPOSITORY, values={})
        four_eyes.attention()
    assert len(off) == 1  # the revision, as ever
    with pytest.raises(Refused, match="is off"):
        approving.approve(row, row.sha256, user=author("ben"))


# --- switching it on ----------------------------------------------------------------------------------------------------
def test_what_is_there_when_it_is_switched_on_runs_on_and_the_log_says_so(approved: Script) -> None:
    stage = attached(approved)
    assert stage.pre().go_on
    assert printed(stage) == "old"
    revision = approved.revisions.get()
    assert (revision.decision, revision.decided_by_user) == ("approved", None)
    assert revision.decision_remark == four_eyes.SWITCHED_ON
    told = AuditEntry.objects.filter(action="revision approved").get()
    assert told.after["sha256"] == approved.sha256
    assert AuditEntry.objects.filter(action="four eyes switched on").count() == 1


def test_what_was_changed_while_it_was_off_again_is_not_let_through(
    approved: Script, settings: Any, anna: User
) -> None:
    stage = attached(approved)
    settings.FOUR_EYES = False
    four_eyes.settle()
    save(approved, NEW, anna)
    settings.FOUR_EYES = True
    four_eyes.settle()
    assert approval.state(fresh(approved)) == "waiting"
    stage.pre()
    assert printed(stage) == "old"
    told = AuditEntry.objects.filter(kind="setting").order_by("pk").values_list("action", flat=True)
    assert list(told) == ["four eyes switched on", "four eyes switched off", "four eyes switched on"]


def test_an_old_text_in_a_repository_runs_on_and_a_changed_one_does_not(settings: Any) -> None:
    repository = Repository.objects.create(
        name="photos", path="/srv/photos", source_paths=["/srv/one"], encryption="none", pre_backup_script="echo old"
    )
    settings.FOUR_EYES = True
    four_eyes.settle()
    stage = Stage(repository)
    assert stage.pre().go_on
    Repository.objects.filter(pk=repository.pk).update(pre_backup_script="echo evil")
    repository.refresh_from_db()
    [row] = stage.plan()
    assert "move it into the library" in chain.problems([row])
    entry = inline_migration.move(repository, PRE)
    assert approval.state(entry.script) == "waiting"


def test_an_old_text_that_was_approved_is_an_approved_script_when_it_is_moved(settings: Any) -> None:
    repository = Repository.objects.create(
        name="photos", path="/srv/photos", source_paths=["/srv/one"], encryption="none", pre_backup_script="echo old"
    )
    settings.FOUR_EYES = True
    four_eyes.settle()
    entry = inline_migration.move(repository, PRE)
    stage = Stage(Repository.objects.get())
    assert stage.pre().go_on
    assert stage.row(entry.script.name).stdout == "old\n"


# --- a new text waits -----------------------------------------------------------------------------------------------------
def test_a_saved_text_waits_and_the_approved_one_runs_until_another_author_approves_it(
    approved: Script, anna: User, ben: User
) -> None:
    stage = attached(approved)
    save(approved, NEW, anna)
    stage.pre()
    assert printed(stage) == "old"
    waiting = fresh(approved)
    with pytest.raises(Refused, match=r"You wrote it.*ben can"):
        approving.approve(waiting, waiting.sha256, user=anna)
    approving.approve(waiting, waiting.sha256, user=ben)
    stage.pre()
    assert printed(stage) == "new"
    entry = AuditEntry.objects.filter(action="revision approved").latest("pk")
    assert (entry.before["sha256"], entry.after["sha256"]) == (approved.sha256, waiting.sha256)
    assert entry.after["written by"] == ["anna"]


def test_a_script_that_was_never_approved_keeps_the_backup_from_beginning(approved: Script, anna: User) -> None:
    new = library.create("new one", NEW, source="api", user=anna)
    stage = attached(new)
    [row] = stage.plan()
    assert chain.problems([row]) == f"'new one': {approval.NEVER_APPROVED}"
    assert approval.state(fresh(new)) == "waiting"


def test_an_outside_edit_waits_for_any_author_and_is_kept_by_approving_it(approved: Script, anna: User) -> None:
    stage = attached(approved)
    edit_outside(approved, NEW)
    stage.pre()
    assert printed(stage) == "old"
    waiting = fresh(approved)
    assert approval.writers(waiting) == set()
    with pytest.raises(Refused, match="approving"):
        library.keep_edit(waiting, user=anna)
    approving.approve(waiting, waiting.sha256, user=anna)
    assert not fresh(approved).unseen_edit
    stage.pre()
    assert printed(stage) == "new"
    edit_outside(approved, "#!/bin/sh\necho third\n")
    library.look(fresh(approved))
    library.revert_edit(fresh(approved), user=anna)
    assert file_of(approved).read_text() == NEW  # what was approved, not what an editor saved before it


def test_the_bytes_that_were_approved_run_whatever_the_file_becomes(approved: Script, ben: User) -> None:
    stage = attached(approved)
    edit_outside(approved, NEW)
    waiting = fresh(approved)
    library.look(waiting)
    seen = waiting.sha256
    edit_outside(approved, "#!/bin/sh\necho evil\n")
    with pytest.raises(Conflict) as refused:
        approving.approve(fresh(approved), seen, user=ben)
    assert refused.value.sha256 == fresh(approved).sha256 != seen
    stage.pre()
    assert printed(stage) == "old"


def test_a_text_that_was_pinned_before_runs_whatever_is_decided_since(settings: Any, anna: User) -> None:
    script = library.create("it", OLD, source="editor", user=anna, run_on="always")
    stage = attached(script, POST)
    rows = stage.plan()
    settings.FOUR_EYES = True
    stage.post("success", rows)
    assert printed(stage) == "old"


def test_whoever_had_a_hand_in_it_does_not_approve_it(approved: Script, anna: User, ben: User) -> None:
    save(approved, NEW, anna)
    save(approved, f"{NEW}# a typing error less\n", ben)
    waiting = fresh(approved)
    for one in (anna, ben):
        with pytest.raises(Refused, match="second author"):
            approving.approve(waiting, waiting.sha256, user=one)
    carla = author("carla", "administrator")
    approving.approve(waiting, waiting.sha256, user=carla)
    with pytest.raises(Refused, match="No version"):
        approving.approve(fresh(approved), waiting.sha256, user=carla)


def test_an_operator_does_not_approve_and_is_told_who_can(approved: Script, anna: User) -> None:
    save(approved, NEW, anna)
    with pytest.raises(Refused, match="the right to write"):
        approving.approve(fresh(approved), fresh(approved).sha256, user=author("olga", "operator"))


def test_going_back_to_what_runs_needs_nobody_and_to_anything_older_it_does(
    approved: Script, anna: User, ben: User
) -> None:
    save(approved, NEW, anna)
    save(approved, OLD, anna)
    assert approval.state(fresh(approved)) == "approved"
    save(approved, NEW, anna)
    approving.approve(fresh(approved), fresh(approved).sha256, user=ben)
    first = approved.revisions.last()
    library.restore(fresh(approved), first, user=ben)
    assert approval.state(fresh(approved)) == "waiting"
    with pytest.raises(Refused):
        approving.approve(fresh(approved), fresh(approved).sha256, user=ben)


# --- what a block says waits with it ------------------------------------------------------------------------------------
def test_an_unapproved_text_changes_neither_when_the_approved_one_runs_nor_what_it_gets(
    settings: Any, anna: User, ben: User
) -> None:
    def text(run_on: str, name: str, timeout: int) -> str:
        said = block(f'run_on = "{run_on}"', f"timeout = {timeout}", f'interrupts = "{name}"', "[[parameters]]",
                     f'name = "{name}"', 'default = "x"')  # fmt: skip
        return f"#!/bin/sh\n{said}\necho ${{{name}}}\n"

    script = library.create("it", text("always", "ONE", 60), source="editor", user=anna)
    settings.FOUR_EYES = True
    four_eyes.settle()
    stage = attached(script, POST)
    save(script, text("success", "TWO", 7), anna)
    [row] = stage.plan()
    assert (row.run_on, row.timeout, row.parameters, row.interrupts) == ("always", 60, {"ONE": "x"}, "ONE")
    assert links.interrupts_of([stage.repository.pk]) == {stage.repository.pk: ["ONE"]}
    waiting = fresh(script)
    assert approval.follows(waiting) == {"run_on": "success", "timeout": 7}
    approving.approve(waiting, waiting.sha256, user=ben)
    [row] = stage.plan()
    assert (row.run_on, row.timeout, row.parameters, row.interrupts) == ("success", 7, {"TWO": "x"}, "TWO")
    entry = AuditEntry.objects.filter(action="revision approved").latest("pk")
    assert (entry.before["run_on"], entry.after["run_on"]) == ("always", "success")


def test_the_preview_says_which_version_runs_and_that_it_does(approved: Script, anna: User) -> None:
    stage = attached(approved)
    save(approved, NEW, anna)
    [entry] = preview(facts.of(stage.repository))["success"]["pre_backup"]
    assert entry.runs
    assert entry.advice == [approval.OLDER_RUNS]


# --- trying -------------------------------------------------------------------------------------------------------------
def test_nothing_unapproved_is_tried(approved: Script, anna: User) -> None:
    first = testruns.queue(approved, user=anna)
    assert first.revision is not None
    assert first.revision.text == OLD
    save(approved, NEW, anna)
    with pytest.raises(tried_again.NotAgain, match="not even to try it"):
        tried_again.again(first, None, anna)
    answer = browser_of(anna).post(f"/api/scripts/{approved.pk}/test", {}, content_type="application/json")
    assert answer.status_code == 409
    row = testruns.queue(fresh(approved), user=anna)  # as an operator runs an assigned script
    assert row.revision is not None
    assert row.revision.text == OLD


# --- turning down ---------------------------------------------------------------------------------------------------------
def test_what_is_turned_down_says_why_and_the_approved_text_is_back(approved: Script, anna: User, ben: User) -> None:
    waiting = save(approved, NEW, anna)
    with pytest.raises(Invalid):
        approving.turn_down(waiting, waiting.sha256, "  ", user=ben)
    approving.turn_down(waiting, waiting.sha256, "stops the wrong container", user=ben)
    assert file_of(approved).read_text() == OLD
    assert approval.state(fresh(approved)) == "approved"
    revision = approved.revisions.get(decision="turned down")
    assert revision.text == NEW
    assert (revision.decision, revision.decision_remark) == ("turned down", "stops the wrong container")
    assert AuditEntry.objects.get(action="revision turned down").after["reason"] == "stops the wrong container"
    save(approved, NEW, anna)
    assert approval.state(fresh(approved)) == "waiting"  # written once more, it is looked at once more


def test_a_new_script_that_was_turned_down_is_approved_after_its_writer_has_changed_it(
    approved: Script, anna: User, ben: User
) -> None:
    new = library.create("new one", NEW, source="editor", user=anna)
    approving.turn_down(new, new.sha256, "no", user=ben)
    assert approval.state(fresh(new)) == "turned_down"
    assert approved not in Script.objects.waiting()
    assert new not in Script.objects.waiting()
    changed = save(new, f"{NEW}# better\n", anna)
    assert approval.state(fresh(new)) == "waiting"
    approving.approve(changed, changed.sha256, user=ben)
    assert approval.state(fresh(new)) == "approved"


def test_with_files_that_are_read_only_it_is_only_marked(
    approved: Script, anna: User, ben: User, settings: Any
) -> None:
    settings.SCRIPTS_READONLY = True
    edit_outside(approved, NEW)
    waiting = fresh(approved)
    library.look(waiting)
    approving.turn_down(waiting, waiting.sha256, "no", user=ben)
    assert file_of(approved).read_text() == NEW
    assert approval.state(fresh(approved)) == "turned_down"
    stage = attached(approved)
    stage.pre()
    assert printed(stage) == "old"


def test_with_blocked_outside_edits_nothing_runs_until_it_is_approved(
    approved: Script, ben: User, settings: Any
) -> None:
    settings.EXTERNAL_EDITS = "block"
    stage = attached(approved)
    edit_outside(approved, NEW)
    [row] = stage.plan()
    assert "approve or revert the change first" in row.problem
    waiting = fresh(approved)
    approving.approve(waiting, waiting.sha256, user=ben)
    stage.pre()
    assert printed(stage) == "new"


# --- on the machine -------------------------------------------------------------------------------------------------------
def test_whoever_types_commands_on_the_machine_can_approve(approved: Script, anna: User, capsys: Any) -> None:
    save(approved, NEW, anna)
    call_command("approve_scripts", "--all", "--dry-run")
    assert capsys.readouterr().out == "waits: it\n"
    call_command("approve_scripts", "it")
    assert capsys.readouterr().out == "approved: it\n"
    assert approval.state(fresh(approved)) == "approved"
    assert "on the machine by" in fresh(approved).revisions.first().decision_remark  # type: ignore[union-attr]
    call_command("approve_scripts", "--all", "--json")
    assert capsys.readouterr().out == '{"scripts": [], "dry_run": false}\n'
    for wrong in ((), ("nothing like it",), ("it", "--all")):
        with pytest.raises(CommandError):
            call_command("approve_scripts", *wrong)


def test_the_checks_tell_who_is_alone_and_a_process_without_the_setting(approved: Script, settings: Any) -> None:
    assert four_eyes.problems() == [four_eyes.ALONE]
    author("ben")
    assert four_eyes.problems() == []
    settings.FOUR_EYES = False
    assert four_eyes.problems() == [four_eyes.NOT_HERE]
    Installation.objects.update(four_eyes=False)
    assert four_eyes.problems() == []


def test_what_was_approved_is_not_aged_out(approved: Script, anna: User) -> None:
    for number in range(25):
        save(approved, f"{NEW}# {number}\n", anna)
    ScriptRevision.objects.update(created_at=timezone.now().replace(year=2020))
    housekeeping.age_out(timezone.now())
    assert approved.revisions.count() == 21
    stage = attached(approved)
    stage.pre()
    assert printed(stage) == "old"
