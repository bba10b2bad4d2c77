import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from borgui import process
from scripts_library import library, sight
from scripts_library.environment import inherited
from scripts_library.manifest import Manifest
from scripts_library.models import Script, ScriptRevision
from tests.scripts_library.conftest import TEXT, block, sha256

pytestmark = pytest.mark.django_db
Make = Callable[..., Script]


def file_of(script: Script, folder: Path) -> Path:
    return folder.parent / script.file_path


def sources(script: Script) -> list[str]:
    """Oldest first."""
    return [revision.source for revision in script.revisions.order_by("id")]


def settle(script: Script) -> None:
    """Look until the file is old enough to be known by its times alone."""
    deadline = time.monotonic() + 60
    while not script.seen_stat and time.monotonic() < deadline:
        time.sleep(0.02)
        sight.look(script)
    assert script.seen_stat


def test_an_unchanged_file_costs_one_query_and_no_reading(
    make_script: Make, folder: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    script = make_script()
    settle(script)
    with django_assert_num_queries(1):
        found = sight.look(script)
    assert (found.state, found.problem) == ("same", "")
    assert found.revision is not None
    with django_assert_num_queries(0):
        assert found.revision.text == TEXT


def test_an_outside_edit_becomes_a_revision_of_the_disk_and_the_object_is_up_to_date(
    make_script: Make, folder: Path
) -> None:
    script = make_script()
    settle(script)
    file_of(script, folder).write_text("echo outside\n")
    found = sight.look(script)
    assert (found.state, found.problem) == ("changed", "")
    assert found.revision is not None
    assert found.revision.text == "echo outside\n"
    row = Script.objects.get()
    assert row.sha256 == script.sha256 == sha256("echo outside\n")
    assert row.unseen_edit
    assert sources(row) == ["editor", "disk"]


def test_an_edit_of_the_same_size_and_time_is_noticed(make_script: Make, folder: Path) -> None:
    script = make_script()
    settle(script)
    path = file_of(script, folder)
    times = path.stat()
    path.write_text(TEXT.replace("one", "two"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert sight.look(script).state == "changed"


def test_edits_in_quick_succession_are_all_noticed(make_script: Make, folder: Path) -> None:
    script = make_script()
    for number in range(20):
        file_of(script, folder).write_text(f"echo {number:02}\n")
        found = sight.look(script)
        assert found.revision is not None
        assert found.revision.text == f"echo {number:02}\n"


def test_a_touched_file_is_no_edit(make_script: Make, folder: Path) -> None:
    script = make_script()
    os.utime(file_of(script, folder), (1, 1))
    assert sight.look(script).state == "same"
    assert sources(script) == ["editor"]


def test_an_edit_taken_back_by_hand_is_no_longer_unseen(make_script: Make, folder: Path) -> None:
    script = make_script()
    file_of(script, folder).write_text("echo outside\n")
    assert sight.look(script).state == "changed"
    file_of(script, folder).write_text(TEXT)
    assert sight.look(script).state == "same"
    assert sources(script) == ["editor", "disk", "disk"]


def test_in_block_mode_an_unseen_edit_stops_the_script_until_it_is_kept(
    make_script: Make, folder: Path, settings: Settings
) -> None:
    settings.EXTERNAL_EDITS = "block"
    script = make_script()
    file_of(script, folder).write_text("echo outside\n")
    for _ in range(2):
        assert "keep or revert" in sight.look(script).problem
    library.keep_edit(script)
    assert sight.look(script).problem == ""


def test_the_row_follows_the_block_of_an_outside_edit(make_script: Make, folder: Path) -> None:
    script = make_script(None, block('name = "A"', "timeout = 5"))
    library.update(script, changes={"name": "Mine"}, source="editor")
    file_of(script, folder).write_text(block('name = "A"', "timeout = 6", 'interrupts = "web"'))
    sight.look(script)
    row = Script.objects.get()
    assert (row.name, row.timeout) == ("Mine", 6)
    assert Manifest.from_dict(row.manifest).interrupts == "web"


def test_a_broken_block_from_outside_keeps_the_settings_and_is_told(make_script: Make, folder: Path) -> None:
    script = make_script(None, block('name = "A"', 'run_on = "always"', 'interrupts = "web"'))
    file_of(script, folder).write_text(block('run_on = "nver"'))
    found = sight.look(script)
    assert found.problem == ""
    row = Script.objects.get()
    manifest = Manifest.from_dict(row.manifest)
    assert (row.run_on, manifest.interrupts) == ("always", "web")
    assert "run_on" in manifest.errors[0]
    file_of(script, folder).write_text(block('name = "A"', 'run_on = "failure"'))
    sight.look(script)
    assert Script.objects.get().run_on == "failure"
    assert Manifest.from_dict(Script.objects.get().manifest).errors == ()


def test_a_name_from_outside_that_another_script_has_is_not_followed(make_script: Make, folder: Path) -> None:
    make_script("Taken")
    script = make_script(None, block('name = "A"'))
    file_of(script, folder).write_text(block('name = "Taken"', "timeout = 5"))
    sight.look(script)
    row = Script.objects.get(pk=script.pk)
    assert (row.name, row.timeout) == ("A", 5)
    assert "Taken" in Manifest.from_dict(row.manifest).errors[0]


def test_a_missing_file_is_told_and_its_last_revision_known(make_script: Make, folder: Path) -> None:
    script = make_script()
    file_of(script, folder).unlink()
    found = sight.look(script)
    assert found.state == "missing"
    assert script.file_path in found.problem
    assert found.revision is not None
    assert found.revision.text == TEXT


@pytest.mark.parametrize("raw", [b"\0", b"\xff", b"x" * (2**20 + 1)])
def test_a_file_that_is_no_text_any_more_is_told(make_script: Make, folder: Path, raw: bytes) -> None:
    script = make_script()
    file_of(script, folder).write_bytes(raw)
    found = sight.look(script)
    assert found.state == "unreadable"
    assert script.file_path in found.problem
    assert sources(script) == ["editor"]


def test_a_folder_or_a_link_in_the_place_of_the_file_is_told(make_script: Make, folder: Path) -> None:
    script = make_script()
    path = file_of(script, folder)
    path.unlink()
    path.mkdir()
    assert sight.look(script).state == "unreadable"
    path.rmdir()
    path.symlink_to("/etc/hostname")
    assert sight.look(script).state == "unreadable"


def test_a_renamed_file_is_followed_by_its_content(make_script: Make, folder: Path) -> None:
    script, other = make_script(), make_script("Other", "echo other\n")
    settle(script)
    file_of(script, folder).rename(folder / "new-name.sh")
    assert sight.look(script).state == "same"
    assert Script.objects.get(pk=script.pk).file_path == script.file_path == "library/new-name.sh"
    assert sources(script) == ["editor"]
    file_of(other, folder).unlink()
    assert sight.look(other).state == "missing"


def test_the_file_of_another_script_is_never_taken_for_a_renamed_one(make_script: Make, folder: Path) -> None:
    script, twin = make_script(), make_script("Twin")
    file_of(script, folder).unlink()
    assert sight.look(script).state == "missing"
    assert sight.look(twin).state == "same"


def test_a_renamed_file_may_take_the_name_that_a_deleted_script_had(make_script: Make, folder: Path) -> None:
    gone, script = make_script("Gone", "echo gone\n"), make_script()
    path = file_of(gone, folder)
    library.delete(gone)
    file_of(script, folder).rename(path)
    assert sight.look(script).state == "same"
    assert Script.objects.get(pk=script.pk).file_path == f"library/{path.name}"
    assert Script.objects.get(pk=gone.pk).revisions.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_who_look_at_once_record_an_edit_once(make_script: Make, folder: Path) -> None:
    script = make_script()
    file_of(script, folder).write_text("echo outside\n")
    states: list[str] = []
    barrier = Barrier(4)

    def look() -> None:
        row = Script.objects.get()
        barrier.wait()
        try:
            states.append(sight.look(row).state)
        finally:
            connection.close()

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert states == ["changed"] * 4
    assert sources(script) == ["editor", "disk"]


# --- a library in git -------------------------------------------------------------------------------------------------
def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false"]
    result = process.run(["git", *identity, *arguments], env=inherited(), cwd=folder, timeout=30)
    assert result.ok, result


@pytest.mark.django_db(transaction=True)
def test_an_edit_committed_in_git_says_who_made_it_and_an_uncommitted_one_does_not(
    make_script: Make, folder: Path
) -> None:
    script = make_script()
    git(folder, "init", "-q")
    file_of(script, folder).write_text("echo committed\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Stop the web server too")
    sight.look(script)
    newest = ScriptRevision.objects.filter(source="disk").latest("id")
    assert newest.remark.endswith(" Ann: Stop the web server too")
    file_of(script, folder).write_text("echo not committed\n")
    sight.look(script)
    assert ScriptRevision.objects.filter(source="disk").latest("id").remark == ""
