"""All old inline texts at once: what runs around the backups is the same before, after, and after going back."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from backups import facts, inline_migration, inline_traces, inline_undo
from backups.models import Repository
from borgui import commands
from scripts_library import assignments, library, links, new_files, sameness, store
from scripts_library.models import Hook, RepositoryScript, Script
from scripts_library.store import Store

from . import old_texts
from .conftest import eventually
from .old_texts import everything, migrate

Make = Callable[..., Repository]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- the same runs ----------------------------------------------------------------------------------------------------
def test_the_same_runs_after_it_and_after_going_back_and_after_it_again(
    make_repository: Make, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    old_texts.fill(28, 20, seed=1, make=make_repository)
    rows, was, had = everything(), old_texts.before(), files(settings.LIBRARY_DIR)
    ran = old_texts.trace(rows)

    plan = inline_migration.plan(rows)
    assert {left.reason.partition(" ")[0] for left in plan.left} == {"The", "It"}

    assert migrate("--dry-run") == 1
    assert old_texts.before() == was
    assert migrate() == 1
    assert not inline_migration.plan(everything()).moves
    assert old_texts.trace(rows) == ran
    made = Script.objects.kept().filter(revisions__source="migration").count()
    assert made == plan.new_scripts == len({move.key for move in plan.moves})
    assert made == len(files(settings.LIBRARY_DIR)) - len(had)

    assert migrate("--undo") == 0
    assert (old_texts.before(), files(settings.LIBRARY_DIR)) == (was, had)
    assert old_texts.trace(rows) == ran
    assert migrate() == 1
    capsys.readouterr()
    assert migrate() == 1
    assert "moved to" not in capsys.readouterr().out
    assert old_texts.trace(rows) == ran


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_in_the_middle_is_started_again(
    make_repository: Make, installation: Any, settings: Any
) -> None:
    old_texts.fill(16, 20, seed=2, make=make_repository)
    rows, was, had = everything(), old_texts.before(), files(settings.LIBRARY_DIR)
    ran, total = old_texts.trace(rows), len(inline_migration.plan(rows).moves)

    for share in (0.1, 0.3):
        kill_when(installation, lambda share=share: moved() > share * total)
    assert old_texts.trace(rows) == ran
    rest = total - moved()
    assert len(installation.json("migrate_inline_scripts", expect=None)["migrated"]) == rest > 0
    assert old_texts.trace(rows) == ran

    kill_when(installation, lambda: moved() < 0.8 * total, "--undo")
    assert old_texts.trace(rows) == ran
    installation.manage("migrate_inline_scripts", "--undo")
    new_files.remove_drafts(library.store(), 0)  # hidden; whoever is killed while writing leaves one to housekeeping
    assert (old_texts.before(), files(settings.LIBRARY_DIR)) == (was, had)


def moved() -> int:
    rows = Repository.objects.all()
    return rows.filter(pre_hook_migrated=True).count() + rows.filter(post_hook_migrated=True).count()


def kill_when(installation: Any, is_there: Callable[[], bool], *arguments: str) -> None:
    """kill -9 as soon as so much is done."""
    process = installation.start("migrate_inline_scripts", *arguments)
    eventually(lambda: is_there() or process.poll() is not None)
    process.kill()
    said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said


def test_what_a_killed_process_left_in_the_folder_is_removed_and_nothing_else(
    make_repository: Make, settings: Any
) -> None:
    make_repository(pre_backup_script="echo a")
    migrate()
    script = Script.objects.get()
    text = (settings.LIBRARY_DIR.parent / script.file_path).read_text()
    kept = {"notes_abcdef.sh": "echo mine", "mine.sh": text, "README": text, ".hidden_abcdef.sh": text}
    for name, content in {**kept, "photos-before-the-backup_abcdef.sh": text}.items():
        (settings.LIBRARY_DIR / name).write_text(content)

    migrate()

    assert files(settings.LIBRARY_DIR) == sorted([*kept, Path(script.file_path).name])


# --- one script for one text ------------------------------------------------------------------------------------------
def test_the_same_text_with_other_settings_is_one_script(make_repository: Make) -> None:
    for number, text in enumerate(("echo a", "echo a\r\n", "echo a  \n\n", "#!/bin/bash\necho a\n")):
        make_repository(f"r{number}", pre_backup_script=text, pre_hook_timeout=10 + number, post_backup_script=text)

    assert migrate() == 0

    script = Script.objects.get()
    entries = RepositoryScript.objects.order_by("repository__name", "-hook_type")
    assert [entry.timeout for entry in entries] == [10, 300, 11, 300, 12, 300, 13, 300]
    assert script.name == "r0 and 3 others: around the backup"
    assert library.look(script).revision.text == "#!/bin/bash\necho a"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# Stop the web shop\necho a", "Stop the web shop"),
        ("#!/bin/sh\n#\n## Stop the web shop, then wait.\necho a", "Stop the web shop, then wait"),
        ("# shellcheck disable=SC2034\necho a", "photos: before the backup"),
        ("# The password is hunter2 here\necho a", "photos: before the backup"),
        ("# a=b c=d e=f\necho a", "photos: before the backup"),
        ("echo a\n# Stop the web shop\n", "photos: before the backup"),
    ],
)
def test_it_is_called_what_it_says_about_itself_or_where_it_runs(make_repository: Make, text: str, name: str) -> None:
    make_repository(pre_backup_script=text)
    [move] = inline_migration.plan(everything()).moves
    assert move.name == name


def test_names_that_are_taken_get_numbers(make_repository: Make, make_script: Any) -> None:
    make_script("Stop the web shop")
    make_repository("a", pre_backup_script="# Stop the web shop\necho a")
    make_repository("b", pre_backup_script="# Stop the web shop\necho b")

    migrate()

    assert sorted(Script.objects.values_list("name", flat=True)) == [
        "Stop the web shop",
        "Stop the web shop (2)",
        "Stop the web shop (3)",
    ]


# --- what stays -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"pre_backup_script": "#" * 1024 * 1024}, "is larger than 1024 KiB"),
        ({"pre_backup_script": old_texts.BLOCKED}, "would change what runs: parameters"),
        ({"pre_backup_script": "# /// borgui\n# nonsense\n# ///\necho a"}, "would not be valid"),
        ({"pre_backup_script": '# /// borgui\n# hooks = ["post-backup"]\n# ///\n'}, "what runs: hooks"),
        ({"pre_backup_script": "echo a", "pre_hook_timeout": 100_000}, "time limit of 100000 s"),
        ({"pre_backup_script": "echo a", "pre_hook_timeout": 0}, "time limit of 0 s"),
    ],
)
def test_what_cannot_be_moved_is_told_and_goes_on_running(
    make_repository: Make, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], reason: str
) -> None:
    row = make_repository(**fields)
    make_repository("mail", pre_backup_script="echo b")
    was = links_of(row)

    assert migrate() == 1

    said = capsys.readouterr().out.splitlines()
    assert said[0] == "mail, before the backup: moved to 'mail: before the backup'"
    assert said[1].startswith("photos, before the backup: stays as it is. ")
    assert reason in said[1]
    assert links_of(row) == was
    assert (migrate("--dry-run", "--repository", "mail"), migrate("--repository", "photos")) == (0, 1)


def links_of(row: Repository) -> list[Any]:
    return links.of_hook(facts.of(Repository.objects.get(pk=row.pk)), Hook.PRE)


def test_what_is_attached_there_already_is_told(make_repository: Make) -> None:
    first = make_repository("a", pre_backup_script="echo a")
    second = make_repository("b")
    entry = inline_migration.move(first, Hook.PRE)
    assignments.assign(second.pk, entry.script, Hook.PRE, enabled=False)
    Repository.objects.filter(pk=second.pk).update(pre_backup_script="echo a")

    [left] = inline_migration.plan([Repository.objects.get(pk=second.pk)]).left

    assert left.reason == "'a: before the backup', which is this very text, is attached there already."


def test_unknown_names_and_read_only_files_are_refused(make_repository: Make, settings: Any) -> None:
    make_repository(pre_backup_script="echo a")
    with pytest.raises(commands.Refused, match="no repository 'nobody'"):
        migrate("--repository", "nobody")
    settings.SCRIPTS_READONLY = True
    assert migrate("--dry-run") == 0
    with pytest.raises(commands.Refused, match="read-only"):
        migrate()


def test_a_large_plan_costs_no_more_queries_than_a_small_one(
    make_repository: Make, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        make_repository(f"r{number}", pre_backup_script=f"echo {number}", post_backup_script="echo same")
    with django_assert_max_num_queries(4):
        assert len(inline_migration.plan(Repository.objects.kept()).moves) == 40
    migrate()
    with django_assert_max_num_queries(4):
        assert len(inline_undo.plan(Repository.objects.kept())[0]) == 40


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [(), ("--undo",)])
def test_who_waits_for_the_database_waits_for_no_file_and_gets_a_turn_behind_every_hook(
    make_repository: Make, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    for name in ("photos", "music"):
        make_repository(name, pre_backup_script=f"echo {name}", post_backup_script="echo same")
    if options:
        migrate()
    inside, pauses = list[str](), list[float]()

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*arguments: Any) -> Any:
            if connection.in_atomic_block:
                inside.append(name)
            return call(*arguments)

        return noting

    def pause(seconds: float) -> None:
        assert not connection.in_atomic_block
        pauses.append(seconds)

    monkeypatch.setattr(sameness, "key", noted("comparing", sameness.key))
    monkeypatch.setattr(Store, "read", noted("reading", Store.read))
    monkeypatch.setattr(store, "write_draft", noted("writing", store.write_draft))
    monkeypatch.setattr("time.sleep", pause)
    assert migrate(*options) == 0
    assert not inside
    assert len(pauses) == 4
    assert all(0 < seconds <= inline_traces.LONGEST_PAUSE for seconds in pauses)
