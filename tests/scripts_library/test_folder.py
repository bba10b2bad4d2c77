import json
import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from scripts_library import folder as folders
from scripts_library import library, registering, sight
from scripts_library.manifest import Manifest
from scripts_library.models import Script, ScriptRevision
from scripts_library.store import SETTLED, Store
from tests.conftest import Installation
from tests.scripts_library.conftest import TEXT, block

pytestmark = pytest.mark.django_db
Make = Callable[..., Script]


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["name"] for entry in entries]


def put(folder: Path, name: str, content: str = TEXT) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def test_a_name_that_no_row_can_hold_stops_no_other_file_and_is_told(folder: Path) -> None:
    put(folder, os.fsdecode(b"\xff\xfe.sh"))
    put(folder, "two\nlines.sh")
    report = folders.sync()
    assert names(report.registered) == ["two lines"]
    assert [entry["file_path"] for entry in report.unreadable] == [r"library/\xff\xfe.sh"]
    out = StringIO()
    call_command("sync_scripts", stdout=out)
    assert r"library/\xff\xfe.sh: Its name is not UTF-8: rename it." in out.getvalue()


def test_new_files_are_registered_with_the_name_of_their_block_or_file(folder: Path) -> None:
    path = put(folder, "own.sh", block('name = "Stop Docker"', 'run_on = "always"', "timeout = 5"))
    os.chmod(path, 0o640)
    put(folder, "plain.py", "#!/usr/bin/env python3\nprint()\n")
    report = folders.sync()
    assert names(report.registered) == ["Stop Docker", "plain"]
    script = Script.objects.get(name="Stop Docker")
    assert (script.file_path, script.run_on, script.timeout) == ("library/own.sh", "always", 5)
    assert [revision.source for revision in script.revisions.all()] == ["disk"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert sight.look(script).state == "same"
    assert not script.unseen_edit
    assert folders.sync().new == []


def test_a_name_that_is_taken_gets_a_number(make_script: Make, folder: Path) -> None:
    make_script("stop")
    put(folder, "stop.sh", "echo other\n")
    put(folder, "stop.py", "echo third\n")
    assert sorted(names(folders.sync().registered)) == ["stop (2)", "stop (3)"]


def test_a_file_with_a_broken_block_is_registered_with_its_problem(folder: Path) -> None:
    put(folder, "a.sh", block('name = "A"', "timeout = 0"))
    folders.sync()
    script = Script.objects.get()
    assert (script.name, script.timeout) == ("a", 300)
    assert "timeout" in Manifest.from_dict(script.manifest).errors[0]


def test_an_edit_of_a_registered_file_goes_back_to_what_was_registered(folder: Path) -> None:
    path = put(folder, "a.sh")
    folders.sync()
    path.write_text("echo outside\n")
    library.revert_edit(Script.objects.get())
    assert path.read_text() == TEXT


def test_what_is_no_script_is_told_and_not_registered(folder: Path) -> None:
    (folder / "binary").write_bytes(b"\x7fELF\0")
    put(folder, "empty.sh", " \n")
    (folder / "out.sh").symlink_to("/etc/hostname")
    report = folders.sync()
    assert {entry["file_path"] for entry in report.unreadable} == {
        "library/binary",
        "library/empty.sh",
        "library/out.sh",
    }
    assert not Script.objects.exists()


def test_a_file_name_that_is_no_good_name_is_registered_under_a_better_one(folder: Path) -> None:
    put(folder, "a\nb.sh")
    put(folder, "x" * 240 + ".sh", "echo long\n")
    assert sorted(names(folders.sync().registered)) == ["a b", "x" * 190]


def fill(make_script: Make, folder: Path) -> dict[str, Script]:
    """One script of every kind, and a new file."""
    scripts = {name: make_script(name, f"echo {name}\n") for name in ("same", "changed", "renamed", "missing")}
    paths = {name: folder.parent / script.file_path for name, script in scripts.items()}
    paths["changed"].write_text("echo outside\n")
    paths["renamed"].rename(folder / "elsewhere.sh")
    paths["missing"].unlink()
    put(folder, "new.sh", "echo new\n")
    return scripts


def test_every_kind_of_difference_is_told_and_recorded(make_script: Make, folder: Path) -> None:
    scripts = fill(make_script, folder)
    report = folders.sync()
    found = {kind: names(entries) for kind, entries in report.to_dict().items()}
    assert found == {
        "new": ["new"],
        "changed": ["changed"],
        "renamed": ["renamed"],
        "missing": ["missing"],
        "unreadable": [],
        "registered": ["new"],
    }
    assert Script.objects.get(pk=scripts["renamed"].pk).file_path == "library/elsewhere.sh"
    assert Script.objects.get(pk=scripts["changed"].pk).unseen_edit


def test_a_dry_run_tells_the_same_and_changes_nothing(make_script: Make, folder: Path) -> None:
    fill(make_script, folder)
    before = list(Script.objects.order_by("pk").values())
    report = folders.sync(dry_run=True)
    assert (names(report.new), names(report.renamed), names(report.missing)) == (["new"], ["renamed"], ["missing"])
    assert report.registered == []
    assert list(Script.objects.order_by("pk").values()) == before


def test_a_file_back_under_the_name_of_a_deleted_script_is_a_new_one(make_script: Make, folder: Path) -> None:
    gone = make_script()
    path = folder.parent / gone.file_path
    library.delete(gone)
    path.write_text(TEXT)
    assert len(folders.sync().registered) == 1
    assert Script.objects.kept().get().file_path == gone.file_path


def test_one_renamed_file_stands_for_one_of_two_scripts_with_the_same_text(make_script: Make, folder: Path) -> None:
    one, other = make_script("one"), make_script("other")
    (folder.parent / one.file_path).unlink()
    (folder.parent / other.file_path).rename(folder / "elsewhere.sh")
    report = folders.sync()
    assert (names(report.renamed), names(report.missing), report.new) == (["one"], ["other"], [])


# --- many files -------------------------------------------------------------------------------------------------------
def put_many(folder: Path, number: int, first: int = 0) -> None:
    """Files so old that their times can be trusted."""
    for one in range(first, first + number):
        put(folder, f"{one:05d}.sh", f"echo {one}\n")
    sleep(SETTLED / 1e9)


def count_queries() -> int:
    with CaptureQueriesContext(connection) as queries:
        folders.sync()
    return len(queries)


def test_a_batch_costs_the_same_number_of_queries_whatever_is_in_it(folder: Path) -> None:
    put_many(folder, 1)
    for_one = count_queries()
    put_many(folder, 30, first=1)
    assert count_queries() == for_one
    assert Script.objects.count() == 31


def test_what_nobody_touched_is_not_read_again(folder: Path, monkeypatch: Any) -> None:
    put_many(folder, 3)
    folders.sync()
    monkeypatch.setattr(Store, "read", lambda self, file_path: pytest.fail(f"{file_path} is read"))
    assert folders.sync() == folders.Report()


def test_files_are_registered_in_batches_with_names_of_their_own(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(folders, "BATCH", 2)
    for number in range(5):
        put(folder, f"{number}.sh", block('name = "Same"', f"timeout = {number + 1}"))
    expected = ["Same", "Same (2)", "Same (3)", "Same (4)", "Same (5)"]
    assert names(folders.sync(dry_run=True).new) == expected
    assert names(folders.sync().registered) == expected


def test_marks_are_kept_for_files_that_only_were_touched(make_script: Make, folder: Path) -> None:
    scripts = [make_script(f"script {number}", f"echo {number}\n") for number in range(3)]
    sleep(SETTLED / 1e9)
    assert folders.sync() == folders.Report()
    for script in scripts:
        script.refresh_from_db()
        assert script.seen_stat == sight.store().stamp(script.file_path) != ""


def test_a_batch_that_fails_leaves_no_row_and_every_file(folder: Path) -> None:
    put_many(folder, 3)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TRIGGER full BEFORE INSERT ON script_revisions BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(IntegrityError, match="full"):
            folders.sync()
        cursor.execute("DROP TRIGGER full")
    assert (Script.objects.count(), len(list(folder.iterdir()))) == (0, 3)
    assert len(folders.sync().registered) == 3


def test_who_was_faster_keeps_name_and_file(folder: Path) -> None:
    put(folder, "a.sh", block('name = "Same"'))
    put(folder, "b.sh", block('name = "Same"', "timeout = 7"))
    late = [registering.newcomer("library/a.sh"), registering.newcomer("library/b.sh")]
    registering.register(late[:1])
    assert [script.name for script in registering.register(late)] == ["Same (2)"]


@pytest.mark.django_db(transaction=True)
def test_a_process_killed_while_it_registers_leaves_whole_scripts(installation: Installation) -> None:
    folder = installation.data_dir / "scripts" / "library"
    put_many(folder, 600)
    process = installation.start("sync_scripts")
    while not Script.objects.exists() and process.poll() is None:
        sleep(0.005)
    process.kill()
    process.communicate()
    assert 0 < Script.objects.filter(revisions__content__sha256=F("sha256")).count() == Script.objects.count()
    assert len(list(folder.iterdir())) == 600
    folders.sync()
    assert Script.objects.count() == ScriptRevision.objects.count() == 600


# --- sync_scripts -----------------------------------------------------------------------------------------------------
def run(*arguments: str) -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("sync_scripts", *arguments, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(end.code or 0)
    return out.getvalue(), 0


def test_the_command_tells_what_it_found_and_exits_1_when_something_is_missing(make_script: Make, folder: Path) -> None:
    fill(make_script, folder)
    text, code = run("--dry-run")
    assert code == 1
    assert "renamed: library/elsewhere.sh (renamed), was library/renamed_" in text
    assert "new: library/new.sh (new)" in text
    assert Script.objects.count() == 4


def test_the_command_prints_one_json_value(make_script: Make, folder: Path) -> None:
    put(folder, "new.sh")
    text, code = run("--json")
    assert code == 0
    assert names(json.loads(text)["registered"]) == ["new"]
    assert run()[0] == "The folder and the library agree.\n"
