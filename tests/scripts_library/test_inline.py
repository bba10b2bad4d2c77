"""Old inline texts are the chain of their hook while nothing else is: behaviour.md, section 12."""

from typing import Any

import pytest

from backups import facts
from backups.models import Repository
from scripts_library import inline
from scripts_library.models import ExecutionStatus, Outcome, RepositoryScript, ScriptRevision

from .stage import POST, PRE, Stage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

BEFORE, AFTER = "Inline text before the backup", "Inline text after the backup"


@pytest.mark.parametrize(
    ("switches", "go_on", "outcome"),
    [
        ({}, False, Outcome.FAILURE),
        ({"continue_on_hook_failure": True}, True, Outcome.WARNING),
        ({"skip_on_hook_failure": True}, False, Outcome.SKIPPED),
        ({"continue_on_hook_failure": True, "skip_on_hook_failure": True}, True, Outcome.WARNING),
    ],
)
def test_the_switches_of_the_repository_decide_when_it_fails(
    switches: dict[str, bool], go_on: bool, outcome: str
) -> None:
    stage = Stage(pre_backup_script="exit 3", **switches)
    verdict = stage.pre()
    assert (verdict.go_on, verdict.outcome) == (go_on, outcome)
    assert stage.row(BEFORE).exit_code == 3


@pytest.mark.parametrize("outcome", Outcome.values)
def test_the_text_after_the_backup_runs_after_every_outcome(outcome: str) -> None:
    stage = Stage(post_backup_script='echo "$BACKUP_STATUS"')
    stage.post(outcome)
    assert (stage.row(AFTER).stdout, stage.row(AFTER).run_on) == (f"{outcome}\n", "always")
    assert stage.row(AFTER).is_promise


def test_it_is_recorded_like_every_other() -> None:
    stage = Stage(pre_backup_script="echo $BORG_UI_HOOK_TYPE; set -o pipefail; false | true", pre_hook_timeout=17)
    stage.pre()
    row = stage.row(BEFORE)
    assert (row.script_id, row.assignment_id, row.timeout, row.exit_code) == (None, None, 17, 1)
    assert row.stdout == "pre-backup\n"
    assert row.repository_id == stage.repository.pk
    assert row.revision
    assert (row.revision.source, row.revision.text) == ("inline", stage.repository.pre_backup_script)
    assert stage.log(BEFORE).endswith("pre-backup\n")


def test_without_a_shebang_it_is_bash_and_with_one_it_is_that() -> None:
    stage = Stage(pre_backup_script="echo ${BASH_VERSION:+bash} ${PWD/[a-z]*/x}")
    stage.pre()
    assert stage.row(BEFORE).stdout == "bash /x\n"
    stage.repository.pre_backup_script = "#!/usr/bin/env python3\nprint(6 * 7)"
    stage.pre()
    assert stage.row(BEFORE).stdout == "42\n"


def test_windows_line_ends_of_a_form_are_repaired() -> None:
    stage = Stage(post_backup_script="if true; then\r\n  echo fine\r\nfi\r\n")
    stage.post("success")
    assert (stage.row(AFTER).status, stage.row(AFTER).stdout) == (ExecutionStatus.SUCCEEDED, "fine\n")


@pytest.mark.parametrize("text", ["", " ", "\r\n\t\n"])
def test_a_blank_text_is_none(text: str) -> None:
    stage = Stage(pre_backup_script=text, post_backup_script=text)
    assert stage.plan() == []
    assert not inline.is_dormant(facts.of(stage.repository), PRE)


def test_the_time_limits_are_those_of_the_repository() -> None:
    stage = Stage(pre_backup_script="sleep 30", post_backup_script="sleep 30", pre_hook_timeout=1, post_hook_timeout=1)
    rows = stage.plan()
    assert stage.pre(rows).outcome == Outcome.FAILURE
    stage.post("failure", rows)
    assert stage.statuses == {BEFORE: ExecutionStatus.TIMED_OUT, AFTER: ExecutionStatus.TIMED_OUT}


def names(stage: Stage) -> list[str]:
    return [row.script_name for row in stage.plan()]


def test_an_enabled_library_script_makes_the_text_of_its_hook_dormant_and_only_that() -> None:
    stage = Stage(pre_backup_script="exit 1", post_backup_script="exit 1")
    entry = stage.attach(PRE, "new")
    known = facts.of(stage.repository)
    assert names(stage) == ["new", AFTER]
    assert (inline.is_dormant(known, PRE), inline.is_dormant(known, POST)) == (True, False)

    RepositoryScript.objects.filter(pk=entry.pk).update(enabled=False)
    assert names(stage) == [BEFORE, AFTER]
    assert not inline.is_dormant(known, PRE)


def test_a_script_of_another_repository_changes_nothing() -> None:
    stage = Stage(pre_backup_script="exit 0")
    other = Stage(Repository.objects.create(name="other", path="/srv/other", encryption="none"))
    other.attach(PRE, "new")
    assert names(stage) == [BEFORE]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_migrated_hook_never_runs_its_text_again(enabled: bool) -> None:
    stage = Stage(pre_backup_script="exit 1", pre_hook_migrated=True)
    stage.attach(PRE, "new", enabled=enabled)
    assert names(stage) == (["new"] if enabled else [])
    assert inline.is_dormant(facts.of(stage.repository), PRE)


def test_the_same_text_has_one_revision_and_another_text_another() -> None:
    first, again, other = (inline.revision(text) for text in ("exit 0", "exit 0", "exit 1"))
    assert first == again != other
    assert ScriptRevision.objects.filter(script=None).count() == 2


def test_an_inline_text_with_a_nul_runs_without_it() -> None:
    stage = Stage(pre_backup_script="echo a\0b")
    stage.pre()
    assert stage.row(BEFORE).stdout == "ab\n"


@pytest.mark.django_db(transaction=True)
def test_a_job_runs_both_texts_and_shares_state_dir(make_repository: Any, make_job: Any) -> None:
    from backups import pipeline
    from backups.watch import StopRequest

    text = 'echo stopped > "$STATE_DIR/it"'
    stage = Stage(make_repository(pre_backup_script=text, post_backup_script='cat "$STATE_DIR/it"'))
    job = make_job(stage.repository)
    pipeline.run(job.pk, StopRequest())
    assert stage.row(AFTER).stdout == "stopped\n"
    assert {row.backup_job_id for row in stage.rows.values()} == {job.pk}
