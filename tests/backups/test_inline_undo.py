"""Back to the old inline texts: nothing that runs changes, and nothing that somebody did since is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backups import inline_migration, inline_undo, promises
from backups.models import BackupJob, BrokenPromise, Repository
from scripts_library import assignments, inline, library
from scripts_library.errors import Conflict
from scripts_library.models import Hook, RepositoryScript, Script, ScriptExecution

from . import old_texts
from .old_texts import everything, migrate

Make = Callable[..., Repository]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def entry(make_repository: Make) -> RepositoryScript:
    """A text of 'photos' that was moved."""
    return inline_migration.move(make_repository(pre_backup_script="echo a"), Hook.PRE)


def edit(entry: RepositoryScript, folder: Path) -> None:
    (folder.parent / entry.script.file_path).write_text("#!/bin/bash\necho b\n")
    library.look(entry.script)


def beside(entry: RepositoryScript, folder: Path) -> None:
    other = library.create("Other", "#!/bin/sh\n", source="editor")
    assignments.assign(entry.repository_id, other, Hook.PRE)


SINCE: dict[str, tuple[Callable[[RepositoryScript, Path], Any], str]] = {
    "edited": (edit, "has been changed since"),
    "taken away": (lambda entry, _: assignments.remove(entry), "taken away there since"),
    "switched off": (lambda entry, _: assignments.change(entry, {"enabled": False}), "is switched off there"),
    "another limit": (lambda entry, _: assignments.change(entry, {"custom_timeout": 5}), "changed since (timeout)"),
    "another way to fail": (lambda entry, _: assignments.change(entry, {"on_failure": "skip"}), "since (on_failure)"),
    "another beside it": (beside, "Other scripts run there too"),
    "text emptied": (lambda *_: Repository.objects.update(pre_backup_script=" "), "nothing to go back to"),
    "text changed": (lambda *_: Repository.objects.update(pre_backup_script="echo c"), "taken away there since"),
}  # fmt: skip


@pytest.mark.parametrize("name", SINCE)
def test_where_somebody_did_something_since_it_stays(
    entry: RepositoryScript, settings: Any, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    act, reason = SINCE[name]
    act(entry, settings.LIBRARY_DIR)
    was = old_texts.before()

    assert migrate("--undo") == 1

    assert reason in capsys.readouterr().out
    assert old_texts.before() == was


@pytest.mark.parametrize("name", SINCE)
def test_what_somebody_does_while_it_goes_back_counts_too(entry: RepositoryScript, settings: Any, name: str) -> None:
    ((one,), _) = inline_undo.plan(everything())
    SINCE[name][0](entry, settings.LIBRARY_DIR)
    was = old_texts.before()
    with pytest.raises(Conflict):
        inline_undo.go_back(one)
    assert old_texts.before() == was


def test_a_script_that_is_used_elsewhere_or_was_worked_on_stays_in_the_library(make_repository: Make) -> None:
    rows = [make_repository(str(number), pre_backup_script=f"echo {number}") for number in range(3)]
    migrate()
    used, described, plain = (row.repository_scripts.get().script for row in rows)
    assignments.assign(make_repository("new").pk, used, Hook.POST)
    library.update(described, changes={"description": "Prints a one."}, source="editor")

    assert migrate("--undo") == 0

    assert set(Script.objects.kept()) == {used, described}
    assert not inline_undo.plan(everything())[0]
    assert plain.pk


def test_a_file_that_is_gone_is_no_reason_to_stay(entry: RepositoryScript, settings: Any) -> None:
    (settings.LIBRARY_DIR.parent / entry.script.file_path).unlink()
    assert migrate("--undo") == 0
    assert not Script.objects.kept().exists()


def test_going_back_one_repository_leaves_the_others(make_repository: Make) -> None:
    for name in ("a", "b"):
        make_repository(name, pre_backup_script="echo same")
    migrate()

    assert migrate("--undo", "--repository", "a") == 0

    assert list(Repository.objects.filter(pre_hook_migrated=True).values_list("name", flat=True)) == ["b"]
    assert Script.objects.kept().count() == 1


def test_a_broken_promise_is_kept_by_a_good_run_of_whatever_stands_there_now(
    make_repository: Make, make_job: Callable[..., BackupJob]
) -> None:
    row = make_repository(post_backup_script="start the app")
    common = {"repository_id": row.pk, "since": timezone.now(), "message": "It failed."}

    def break_one(script: Script | None, name: str) -> BrokenPromise:
        made: BrokenPromise = BrokenPromise.objects.create(
            job=make_job(row), position=0, execution_id=1, script_id=script and script.pk, script_name=name, **common
        )
        return made

    def mended(script: Script | None, name: str) -> list[BrokenPromise]:
        good = {"hook_type": Hook.POST, "status": "succeeded", "repository_id": row.pk, "script_name": name}
        return promises.mend([ScriptExecution(pk=2, script=script, **good)])

    old_name = inline.NAMES[Hook.POST]
    by_the_text = break_one(None, old_name)
    script = inline_migration.move(row, Hook.POST).script
    assert mended(script, script.name) == [by_the_text]

    by_the_script = break_one(script, script.name)
    assert migrate("--undo") == 0
    assert mended(None, old_name) == [by_the_script]
