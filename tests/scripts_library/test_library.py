import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import IntegrityError, connection
from pytest_django import Settings

from backups.models import Repository
from borgui.accounts import audit
from borgui.accounts.models import User
from scripts_library import assignments, library
from scripts_library.errors import Conflict, InUse, Invalid, NameTaken, ReadOnly, Refused
from scripts_library.models import Script, ScriptRevision
from scripts_library.store import NotWritten, StoreError
from tests.scripts_library.conftest import TEXT, block, sha256

pytestmark = pytest.mark.django_db
Make = Callable[..., Script]


def file_of(script: Script, folder: Path) -> Path:
    return folder.parent / script.file_path


def sources(script: Script) -> list[str]:
    """Oldest first."""
    return [revision.source for revision in script.revisions.order_by("id")]


def save(script: Script, content: str, **others: Any) -> Script:
    return library.update(script, changes={"content": content, **others}, base_sha256=script.sha256, source="editor")


def invalid(call: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        call(*args, **kwargs)
    return caught.value.errors


def nothing_is_there(folder: Path) -> bool:
    return not Script.objects.exists() and not ScriptRevision.objects.exists() and not os.listdir(folder)


# --- create -----------------------------------------------------------------------------------------------------------
def test_a_new_script_is_a_file_a_row_and_a_revision(make_script: Make, folder: Path) -> None:
    user = User.objects.create(username="ann")
    script = make_script("Docker: stop", "#!/usr/bin/env python3\nprint()\n", user=user, timeout=5, run_on="always")
    path = file_of(script, folder)
    assert path.read_text() == "#!/usr/bin/env python3\nprint()\n"
    assert path.stat().st_mode & 0o7777 == 0o755
    assert path.name.startswith("docker-stop_")
    assert path.suffix == ".py"
    row = Script.objects.get()
    assert (row.name, row.timeout, row.run_on, row.created_by_user) == ("Docker: stop", 5, "always", user)
    assert row.sha256 == sha256(path.read_text())
    revision = library.current_revision(row)
    assert revision is not None
    assert (library.pinned_content(revision), revision.source, revision.created_by_user) == (
        path.read_text(),
        "editor",
        user,
    )


def test_the_request_wins_over_the_block_which_wins_over_the_default(make_script: Make) -> None:
    text = block('name = "From the block"', 'description = "D"', "timeout = 7", 'run_on = "always"')
    assert [(s.name, s.description, s.timeout, s.run_on) for s in [make_script(None, text)]] == [
        ("From the block", "D", 7, "always")
    ]
    given = make_script("Given", text, description="", timeout=9, run_on="failure")
    assert (given.name, given.description, given.timeout, given.run_on) == ("Given", "", 9, "failure")
    plain = make_script("Plain")
    assert (plain.description, plain.timeout, plain.run_on, plain.run_on_declared) == ("", 300, None, False)


def test_everything_wrong_is_told_at_once_and_nothing_is_made(make_script: Make, folder: Path) -> None:
    errors = invalid(make_script, " ", "a\0b", timeout=0, run_on="never")
    assert set(errors) == {"name", "content", "timeout", "run_on"}
    assert nothing_is_there(folder)


@pytest.mark.parametrize("content", ["", " \r\n\t", "\ufeff", "a\0b", "x" * (5 * 2**20), "\udcff", None, 5])
def test_what_is_no_script_is_refused(make_script: Make, folder: Path, content: Any) -> None:
    assert list(invalid(make_script, "a", content)) == ["content"]
    assert nothing_is_there(folder)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201, "a\0b", 5, "\udcff"])
def test_what_is_no_name_is_refused(make_script: Make, name: Any) -> None:
    assert list(invalid(make_script, name)) == ["name"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b\\c", "x" * 200, "Größe ✓ 数据", "<script>", "'; --", ".hidden"]
)
def test_any_other_name_is_kept_and_makes_a_plain_file_name(make_script: Make, folder: Path, name: str) -> None:
    script = make_script(name)
    assert Script.objects.get().name == name
    assert file_of(script, folder).parent == folder
    assert not file_of(script, folder).name.startswith(".")


def test_a_script_needs_a_name_somewhere(make_script: Make) -> None:
    assert list(invalid(make_script, None)) == ["name"]


def test_a_broken_block_is_refused_with_its_reason(make_script: Make, folder: Path) -> None:
    assert "line 3" in invalid(make_script, "a", block("timeout = ="))["content"]
    assert "run_on" in invalid(make_script, "a", block('run_on = "never"'))["content"]
    assert nothing_is_there(folder)


def test_line_ends_and_byte_order_mark_are_kept_as_they_are(make_script: Make, folder: Path) -> None:
    text = "\ufeff#!/bin/sh\r\necho\r"
    script = make_script("a", text)
    assert file_of(script, folder).read_bytes() == text.encode()
    assert library.look(script).state == "same"


def test_default_values_are_checked_against_the_block(make_script: Make) -> None:
    text = block("[[parameters]]", 'name = "TOKEN"', 'type = "secret"')
    assert make_script("a", text, parameters={"TOKEN": "abcd"}).parameters == {"TOKEN": {"secret": "abcd"}}
    assert list(invalid(make_script, "b", text, parameters={"OTHER": "x"})) == ["parameters.OTHER"]
    assert list(invalid(make_script, "b", TEXT, parameters={"A": "x"})) == ["parameters.A"]


def test_a_name_is_taken_once_and_free_again_after_the_script_is_deleted(make_script: Make, folder: Path) -> None:
    first = make_script("Stop")
    with pytest.raises(NameTaken) as caught:
        make_script("Stop", "other")
    assert caught.value.field == "name"
    assert len(os.listdir(folder)) == 1
    library.delete(first)
    assert make_script("Stop").pk != first.pk


def test_a_file_that_cannot_be_written_leaves_no_row(make_script: Make, folder: Path) -> None:
    folder.rmdir()
    folder.write_text("a file in the place of the folder")
    with pytest.raises(StoreError):
        make_script()
    assert not Script.objects.exists()
    assert not ScriptRevision.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_all_of_a_file_but_its_name_is_on_the_disk_before_others_wait_for_the_database(
    make_script: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        flushed.append((kind, connection.in_atomic_block))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    script = make_script()
    save(script, TEXT + "# more\n")
    assert flushed == [("file", False), ("folder", True)] * 2
    assert os.listdir(folder) == [file_of(script, folder).name]


def test_who_may_run_a_file_is_kept_where_that_changes_while_it_is_saved(
    make_script: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = make_script()
    path = file_of(script, folder)
    record = audit.record_change

    def in_the_middle(*arguments: Any) -> None:
        path.chmod(0o700)
        record(*arguments)

    monkeypatch.setattr(audit, "record_change", in_the_middle)
    save(script, TEXT + "# more\n")
    assert path.stat().st_mode & 0o777 == 0o700
    assert path.read_text() == TEXT + "# more\n"
    assert os.listdir(folder) == [path.name]


# --- update -----------------------------------------------------------------------------------------------------------
def test_a_save_changes_file_row_and_revision_and_keeps_the_file_name(make_script: Make, folder: Path) -> None:
    script = make_script()
    path = file_of(script, folder)
    save(script, "#!/bin/sh\necho two\n", name="Renamed")
    assert path.read_text() == "#!/bin/sh\necho two\n"
    row = Script.objects.get()
    assert (row.name, row.file_path, row.sha256) == ("Renamed", script.file_path, sha256(path.read_text()))
    assert sources(row) == ["editor", "editor"]
    assert library.look(row).state == "same"


def test_the_same_text_again_makes_no_revision(make_script: Make) -> None:
    script = make_script()
    save(script, TEXT, timeout=5)
    assert Script.objects.get().timeout == 5
    assert len(sources(script)) == 1


def test_content_needs_the_hash_of_what_was_edited(make_script: Make) -> None:
    script = make_script()
    assert list(invalid(library.update, script, changes={"content": "x"}, source="api")) == ["sha256"]
    with pytest.raises(Conflict) as caught:
        library.update(script, changes={"content": "x"}, base_sha256="0" * 64, source="api")
    assert caught.value.sha256 == script.sha256


def test_a_save_over_an_edit_that_nobody_has_seen_is_a_conflict(make_script: Make, folder: Path) -> None:
    script = make_script()
    path = file_of(script, folder)
    path.write_text("echo outside\n")
    with pytest.raises(Conflict) as caught:
        save(script, "echo mine\n")
    assert caught.value.sha256 == sha256("echo outside\n")
    assert path.read_text() == "echo outside\n"
    assert sources(script) == ["editor", "disk"]


def test_the_row_follows_what_changes_in_the_block_and_only_that(make_script: Make) -> None:
    script = make_script(None, block('name = "A"', "timeout = 5", 'run_on = "always"'))
    library.update(script, changes={"timeout": 9}, source="editor")
    save(script, block('name = "A"', "timeout = 5", 'run_on = "failure"', 'description = "new"'))
    row = Script.objects.get()
    assert (row.timeout, row.run_on, row.description) == (9, "failure", "new")


def test_the_request_wins_over_what_changes_in_the_block(make_script: Make) -> None:
    script = make_script(None, block('name = "A"', "timeout = 5"))
    save(script, block('name = "B"', "timeout = 6"), timeout=7)
    assert (script.name, script.timeout) == ("B", 7)


def test_none_clears_to_the_block_else_to_the_default(make_script: Make) -> None:
    script = make_script("A", TEXT, description="d", timeout=5, run_on="always")
    library.update(script, changes={"description": None, "timeout": None, "run_on": None}, source="api")
    row = Script.objects.get()
    assert (row.description, row.timeout, row.run_on) == ("", 300, None)
    assert list(invalid(library.update, script, changes={"name": None}, source="api")) == ["name"]
    other = make_script("B", block('name = "Block"', "timeout = 5"), timeout=9)
    library.update(other, changes={"name": None, "timeout": None}, source="api")
    assert (other.name, other.timeout) == ("Block", 5)


def test_a_row_alone_is_changed_without_a_revision(make_script: Make, folder: Path) -> None:
    script = make_script()
    before = file_of(script, folder).stat()
    library.update(script, changes={"name": "Other", "timeout": 86400}, source="api")
    assert Script.objects.get().timeout == 86400
    assert len(sources(script)) == 1
    assert file_of(script, folder).stat().st_ctime_ns == before.st_ctime_ns


def test_parameters_are_merged_by_name(make_script: Make) -> None:
    text = block("[[parameters]]", 'name = "A"', "[[parameters]]", 'name = "B"')
    script = make_script("a", text, parameters={"A": "1", "B": "2"})
    library.update(script, changes={"parameters": {"A": None}}, source="api")
    assert Script.objects.get().parameters == {"B": "2"}
    library.update(script, changes={"parameters": None}, source="api")
    assert Script.objects.get().parameters == {}


def test_wrong_changes_are_refused_and_change_nothing(make_script: Make) -> None:
    script = make_script()
    assert list(invalid(library.update, script, changes={"colour": 1}, source="api")) == ["colour"]
    assert list(invalid(library.update, script, changes={"timeout": "5"}, source="api")) == ["timeout"]
    assert list(invalid(save, script, block("timeout = 0"))) == ["content"]
    make_script("Taken")
    with pytest.raises(NameTaken):
        library.update(script, changes={"name": "Taken"}, source="api")
    with pytest.raises(NameTaken):
        save(script, "echo new\n", name="Taken")
    assert script.name == "Stop"
    assert library.look(script).state == "same"
    assert Script.objects.get(pk=script.pk).sha256 == sha256(TEXT)


def test_a_file_that_cannot_be_written_leaves_row_and_object_as_they_were(make_script: Make, folder: Path) -> None:
    script = make_script()
    path = file_of(script, folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(NotWritten):
        save(script, "echo two\n", name="Other")
    row = Script.objects.get()
    assert row.name == script.name == "Stop"
    assert row.sha256 == script.sha256 == sha256(TEXT)
    assert sources(row) == ["editor"]


@pytest.mark.django_db(transaction=True)
def test_when_the_commit_fails_the_file_is_as_it_was(make_script: Make, folder: Path) -> None:
    ghost = User(pk=987654, username="ghost")  # a foreign key that SQLite finds broken at COMMIT, after the file
    script = make_script()
    with pytest.raises(IntegrityError):
        library.update(
            script, changes={"content": "echo two\n"}, base_sha256=script.sha256, source="editor", user=ghost
        )
    with pytest.raises(IntegrityError):
        make_script("Other", user=ghost)
    assert file_of(script, folder).read_text() == TEXT
    assert len(os.listdir(folder)) == 1
    assert script.sha256 == Script.objects.get().sha256 == sha256(TEXT)
    assert library.look(script).state == "same"


# --- two at once ------------------------------------------------------------------------------------------------------
def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each returned or raised, started at the same moment in threads."""
    results: list[Any] = [None] * len(calls)
    barrier = Barrier(len(calls))

    def run(index: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[index] = call()
        except Exception as error:
            results[index] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=entry) for entry in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True)
def test_of_savers_at_once_one_wins_and_the_others_see_a_conflict(make_script: Make, folder: Path) -> None:
    script = make_script()
    texts = [f"echo {number}\n" for number in range(4)]
    base = script.sha256

    def saver(text: str) -> Callable[[], str]:
        def call() -> str:
            library.update(Script.objects.get(), changes={"content": text}, base_sha256=base, source="editor")
            return text

        return call

    results = at_once(*map(saver, texts))
    won = [result for result in results if isinstance(result, str)]
    assert len(won) == 1
    assert all(isinstance(result, Conflict) for result in results if result not in won)
    assert file_of(script, folder).read_text() == won[0]
    assert Script.objects.get().sha256 == sha256(won[0])
    assert sources(script) == ["editor", "editor"]


@pytest.mark.django_db(transaction=True)
def test_of_creators_at_once_one_gets_the_name(make_script: Make, folder: Path) -> None:
    results = at_once(*[lambda: make_script("Same")] * 3)
    assert sum(isinstance(result, Script) for result in results) == 1
    assert sum(isinstance(result, NameTaken) for result in results) == 2
    assert len(os.listdir(folder)) == 1


@pytest.mark.django_db(transaction=True)
def test_changes_of_different_values_at_once_are_all_kept(make_script: Make) -> None:
    names = ["A", "B", "C"]
    make_script("a", block(*[line for name in names for line in ("[[parameters]]", f'name = "{name}"')]))

    def changer(name: str) -> Callable[[], Any]:
        return lambda: library.update(Script.objects.get(), changes={"parameters": {name: "x"}}, source="api")

    at_once(*map(changer, names))
    assert Script.objects.get().parameters == {"A": "x", "B": "x", "C": "x"}


# --- older contents ---------------------------------------------------------------------------------------------------
def test_an_older_revision_is_restored_as_a_new_one(make_script: Make, folder: Path) -> None:
    script = make_script()
    first = library.current_revision(script)
    assert first is not None
    save(script, "echo two\n")
    library.restore(script, first)
    assert file_of(script, folder).read_text() == TEXT
    assert sources(script) == ["editor", "editor", "restore"]


def test_a_missing_file_is_restored_from_the_last_revision(make_script: Make, folder: Path) -> None:
    script = make_script()
    with pytest.raises(Refused):
        library.restore_missing(script)
    file_of(script, folder).unlink()
    library.restore_missing(script)
    assert file_of(script, folder).read_text() == TEXT
    assert library.look(script).state == "same"
    assert sources(script) == ["editor"]


def test_an_outside_edit_can_be_kept(make_script: Make, folder: Path) -> None:
    script = make_script()
    with pytest.raises(Refused):
        library.keep_edit(script)
    file_of(script, folder).write_text("echo outside\n")
    library.keep_edit(script)
    assert not Script.objects.get().unseen_edit
    assert library.look(script).state == "same"
    assert file_of(script, folder).read_text() == "echo outside\n"
    with pytest.raises(Refused):
        library.revert_edit(script)


def test_an_outside_edit_can_be_reverted_to_what_a_person_made_or_kept_last(make_script: Make, folder: Path) -> None:
    script = make_script()
    path = file_of(script, folder)
    path.write_text("echo kept\n")
    library.keep_edit(script)
    for text in ("echo first\n", "echo second\n"):
        path.write_text(text)
        library.look(script)
    library.revert_edit(script)
    assert path.read_text() == "echo kept\n"
    assert not Script.objects.get().unseen_edit


@pytest.mark.parametrize("raw", [None, b"\0\xff"])
def test_a_file_that_is_gone_or_no_text_is_reverted_to_the_last_revision(
    make_script: Make, folder: Path, raw: bytes | None
) -> None:
    script = make_script()
    path = file_of(script, folder)
    path.unlink() if raw is None else path.write_bytes(raw)
    library.revert_edit(script)
    assert path.read_text() == TEXT


# --- delete -----------------------------------------------------------------------------------------------------------
def test_a_script_in_use_is_not_deleted_and_its_users_are_named(make_script: Make, folder: Path) -> None:
    script = make_script()
    repository = Repository.objects.create(name="home", path="/r", source_paths=["/s"])
    entry = assignments.assign(repository.pk, script, "post-backup", enabled=False)
    with pytest.raises(InUse, match=r"home \(post-backup\)") as caught:
        library.delete(script)
    assert [(use.assignment_id, use.repository_id) for use in caught.value.users] == [(entry.pk, repository.pk)]
    assert file_of(script, folder).exists()
    assignments.remove(entry)
    library.delete(script)
    assert not file_of(script, folder).exists()


def test_a_deleted_script_keeps_its_row_and_revisions_and_is_gone_from_the_library(make_script: Make) -> None:
    script = make_script()
    library.delete(script)
    assert not Script.objects.kept().exists()
    assert len(sources(Script.objects.get())) == 1
    with pytest.raises(Conflict):
        library.update(script, changes={"name": "x"}, source="api")
    with pytest.raises(Conflict):
        library.delete(script)


def test_a_script_whose_file_is_a_link_out_of_the_folder_can_be_deleted(
    make_script: Make, folder: Path, tmp_path: Path
) -> None:
    script = make_script()
    path = file_of(script, folder)
    path.unlink()
    (tmp_path / "precious").write_text("x")
    path.symlink_to(tmp_path / "precious")
    library.delete(script)
    assert (tmp_path / "precious").read_text() == "x"
    assert not Script.objects.kept().exists()


# --- read-only --------------------------------------------------------------------------------------------------------
def test_in_a_read_only_library_people_change_settings_and_no_files(
    make_script: Make, folder: Path, settings: Settings
) -> None:
    script = make_script()
    settings.SCRIPTS_READONLY = True
    with pytest.raises(ReadOnly):
        make_script("Other")
    with pytest.raises(ReadOnly):
        save(script, "echo two\n")
    with pytest.raises(ReadOnly):
        library.delete(script)
    library.update(script, changes={"timeout": 5}, source="api")
    assert make_script("Migrated", "echo\n", source="migration").pk
    file_of(script, folder).unlink()
    with pytest.raises(ReadOnly):
        library.restore_missing(script)
    library.delete(script)
