"""Files that are no database of Borg Web UI, or cannot be read now: one clear sentence, and nothing was touched."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from backups.borg_ui_import import reading
from backups.borg_ui_import.reading import CannotRead

from .over_there import OverThere


def refusal(path: Path) -> str:
    with pytest.raises(CannotRead) as caught:
        reading.read(path)
    return str(caught.value)


def test_a_folder_is_as_good_as_the_file(there: OverThere) -> None:
    there.repository("photos")
    of_folder, of_file = reading.read(there.folder), reading.read(there.database)
    assert of_folder == of_file
    assert [row.text("name") for row in of_file.rows("repositories")] == ["photos"]


@pytest.mark.parametrize("path", ["nowhere", "there/scripts", "there/borg.db/inside", "a" * 300])
def test_where_there_is_none_it_says_so(there: OverThere, path: str) -> None:
    assert "borg.db found" in refusal(there.folder.parent / path) or "cannot be read" in refusal(
        there.folder.parent / path
    )


FOREIGN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "text": (lambda path: path.write_text("no database " * 200), "is no SQLite database"),
    "another": (lambda path: made(path, "CREATE TABLE songs (id)"), "is not a database of Borg Web UI"),
    "nothing in it": (lambda path: made(path, "PRAGMA user_version = 3"), "is an empty database"),
    "without columns": (
        lambda path: made(path, "CREATE TABLE repositories (size)"),
        "no table of repositories that we know",
    ),
    "of Django": (lambda path: made(path, "CREATE TABLE django_migrations (id)"), "a database of another program"),
    "a pipe": (os.mkfifo, "is no ordinary file"),
}


def made(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_named(tmp_path: Path, kind: str) -> None:
    make, sentence = FOREIGN[kind]
    make(tmp_path / "file")
    assert sentence in refusal(tmp_path / "file")


def test_a_truncated_file_is_damaged(there: OverThere) -> None:
    for number in range(30):
        there.repository(f"number {number}", pre_backup_script="x" * 5000)
    whole = there.database.read_bytes()
    for bytes_kept in (len(whole) // 50, len(whole) // 2, len(whole) - 4096, len(whole) - 1):
        there.database.write_bytes(whole[:bytes_kept])
        assert "damaged" in refusal(there.database) or "is no SQLite database" in refusal(there.database)
    there.database.write_bytes(whole.replace(b"source_locations", b"\xff" * 16))
    assert "damaged" in refusal(there.database)


def test_our_own_database_is_refused_before_it_is_opened(
    there: OverThere, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "NAME", str(there.database))
    assert "the database of this installation itself" in refusal(there.folder)


def test_a_locked_file_is_told(there: OverThere) -> None:
    there.repository("photos")
    with closing(sqlite3.connect(there.database, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        assert "is locked" in refusal(there.folder)
        writer.execute("ROLLBACK")
    assert reading.read(there.folder)


def test_what_is_only_in_the_log_beside_it_counts_and_nothing_is_written(there: OverThere) -> None:
    there.repository("photos")
    with closing(sqlite3.connect(there.database)) as running:
        running.execute("PRAGMA journal_mode = WAL")
        running.execute("INSERT INTO repositories (id, name, path) VALUES (99, 'only in the log', '/somewhere')")
        running.commit()
        shutil.copytree(there.folder, there.folder.with_name("copy"))
    there.folder, there.database = there.folder.with_name("copy"), there.folder.with_name("copy") / "borg.db"
    before = there.state()
    assert any(name.endswith("-wal") for name in before)
    found = reading.read(there.folder)
    assert [row.text("name") for row in found.rows("repositories")] == ["photos", "only in the log"]
    assert there.state() == before


def test_a_file_that_changes_while_it_is_read_is_not_trusted(there: OverThere, monkeypatch: pytest.MonkeyPatch) -> None:
    was = reading._digest

    def changing(database: Path) -> str:
        there.repository(f"number {len(there.database.read_bytes())} {there._numbers}")
        return was(database)

    monkeypatch.setattr(reading, "_digest", changing)
    assert "changes while it is read" in refusal(there.folder)
