"""The database of Borg Web UI, read into memory, without a change to it or to anything beside it. No Django models.

A file without a log beside it is opened as immutable: SQLite then makes no file and takes no lock. Where there is a log
(`-wal`, `-journal`) file and log are copied first, and SQLite puts the copy in order.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
import stat
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from .rows import Row

DATABASE = "borg.db"
SECRET = ".secret_key"
LOGS = ("-wal", "-journal")
NEEDED = {"id", "name", "path"}  # columns of `repositories`, without which it is not that product's
WRITING = (0x40000000, 512)  # the bytes that SQLite locks (its file format, "Locking"): pending, reserved, shared
TRIES = 3
WHOLE = (
    "repositories", "scripts", "repository_scripts", "scheduled_jobs", "scheduled_job_repositories", "ssh_keys",
    "ssh_connections", "backup_plans", "backup_plan_repositories", "backup_plan_scripts", "agent_machines",
    "notification_settings", "repository_storage",
)  # fmt: skip
LARGEST_KEY = 64 * 1024


class CannotRead(Exception):
    """Why nothing can be imported from there: one sentence, and what to do."""


@dataclass(frozen=True)
class Moved:
    """What paths begin with there, and with what here: a container shows the folders of its machine elsewhere."""

    there: str
    here: str

    @classmethod
    def said(cls, there: str, here: str) -> "Moved | None":
        """None where nothing is said. Raises CannotRead."""
        there, here = there.strip(), here.strip()
        if not there and not here:
            return None
        if not there.startswith("/") or not here.startswith("/") or not there.strip("/"):
            raise CannotRead("Write both beginnings of paths whole, from / on: /local there, / here.")
        return cls("/" + there.strip("/"), "/" + here.strip("/"))

    def of(self, path: str) -> str:
        if path != self.there and not path.startswith(f"{self.there}/"):
            return path
        return "/" + os.path.normpath(f"{self.here}/{path.removeprefix(self.there)}").lstrip("/")


@dataclass(frozen=True)
class Installation:
    """What was found. `tables` holds the rows of what may come along, `counts` the number of rows of every table."""

    database: Path
    sha256: str
    tables: dict[str, list[Row]]
    counts: dict[str, int]
    scripts: Path | None  # the folder that holds `library`
    secret: str = field(default="", repr=False)
    moved: Moved | None = None

    def here(self, path: str) -> str:
        """A path of that machine, or of its container, as it is on this one."""
        return self.moved.of(path) if self.moved else path

    def rows(self, table: str) -> list[Row]:
        return self.tables.get(table, [])


def read(path: Path, secret: str = "", moved: Moved | None = None) -> Installation:
    """The installation at a path: its data folder, or the database itself. Raises CannotRead."""
    database = find(path)
    for _ in range(TRIES):
        before = _state(database)
        tables, counts = _rows(database)
        sha256 = _digest(database)
        if _state(database) == before:
            scripts = database.parent / "scripts"
            secret = secret or _secret(database.parent / SECRET)
            return Installation(database, sha256, tables, counts, scripts if scripts.is_dir() else None, secret, moved)
    raise CannotRead(f"{database} changes while it is read. Stop Borg Web UI, and try again.")


def find(path: Path) -> Path:
    """The database file. Raises CannotRead where there is none that could be read."""
    try:
        path = path.expanduser().resolve()
        database = path / DATABASE if path.is_dir() else path
        status = database.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise CannotRead(f"Nothing to import at that path: no {DATABASE} found.") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise CannotRead(f"{path} cannot be read: {getattr(error, 'strerror', '') or error}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise CannotRead(f"{database} is no ordinary file.")
    if _is_ours(status):  # before it is opened: closing it would give up the locks that SQLite holds for us
        raise CannotRead(f"{database} is the database of this installation itself.")
    if status.st_size == 0:
        raise CannotRead(f"{database} is empty.")
    return database


def _is_ours(status: os.stat_result) -> bool:
    name = str(settings.DATABASES["default"].get("NAME", ""))
    try:
        return os.path.samestat(os.stat(name), status)
    except (OSError, ValueError):
        return False


# --- the rows ---------------------------------------------------------------------------------------------------------
def _rows(database: Path) -> tuple[dict[str, list[Row]], dict[str, int]]:
    try:
        with _opened(database) as connection:
            return _taken(connection, database)
    except sqlite3.DatabaseError as error:
        raise CannotRead(_told(database, error)) from None
    except UnicodeDecodeError:  # the name of a column
        raise CannotRead(_damaged(database)) from None
    except OSError as error:
        raise CannotRead(f"{database} cannot be read: {error.strerror or error}.") from None


def _taken(connection: sqlite3.Connection, database: Path) -> tuple[dict[str, list[Row]], dict[str, int]]:
    names = [str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    names = [name for name in names if not name.startswith("sqlite_")]
    _refuse_foreign(connection, names, database)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise CannotRead(f"{database} is damaged, so nothing was taken from it: {verdict}.")
    counts = {name: connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0] for name in names}
    return {name: _all(connection, name) for name in names if name in WHOLE}, counts


def _all(connection: sqlite3.Connection, table: str) -> list[Row]:
    cursor = connection.execute(f"SELECT * FROM {_quoted(table)} ORDER BY rowid")
    columns = [column[0] for column in cursor.description]
    return [Row(table, dict(zip(columns, values, strict=True))) for values in cursor]


def _refuse_foreign(connection: sqlite3.Connection, names: Sequence[str], database: Path) -> None:
    if "django_migrations" in names:
        raise CannotRead(f"{database} is a database of another program, not one of Borg Web UI.")
    columns = {row[1] for row in connection.execute("PRAGMA table_info(repositories)")}
    if columns >= NEEDED:
        return
    if not names:
        raise CannotRead(f"{database} is an empty database, not one of Borg Web UI.")
    raise CannotRead(f"{database} is not a database of Borg Web UI: it has no table of repositories that we know.")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _told(database: Path, error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "not a database" in text:
        return f"{database} is no SQLite database."
    if "locked" in text or "busy" in text:
        return _locked(database)
    if "malformed" in text:
        return _damaged(database)
    return f"{database} cannot be read: {text}."


def _damaged(database: Path) -> str:
    return f"{database} is damaged or was cut off, so nothing was taken from it. Copy it again, or take a backup of it."


# --- opening it -------------------------------------------------------------------------------------------------------
@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    if _is_being_written(database):
        raise CannotRead(_locked(database))
    logs = [log for log in _logs(database) if log.stat().st_size]
    if not logs:
        if _is_cut_off(database):
            raise CannotRead(_damaged(database))
        with closing(_connection(database, "mode=ro&immutable=1")) as connection:
            yield connection
        return
    with tempfile.TemporaryDirectory(prefix="borgui-import-") as folder:
        copy = Path(folder) / DATABASE
        shutil.copyfile(database, copy)
        for log in logs:
            shutil.copyfile(log, copy.with_name(DATABASE + log.name.removeprefix(database.name)))
        with closing(_connection(copy, "mode=rw")) as connection:
            yield connection


def _connection(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=0)
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _is_cut_off(database: Path) -> bool:
    """Whether it is shorter than its header says (SQLite's file format, "In-header database size"): SQLite reads what
    is missing of the last page as zeros, and that passes its check where it is an empty part of the page."""
    with open(database, "rb") as file:
        header = file.read(100)
    page, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
    is_valid = header.startswith(b"SQLite format 3\0") and header[24:28] == header[92:96]
    return is_valid and database.stat().st_size < (65536 if page == 1 else page) * pages


def _logs(database: Path) -> list[Path]:
    return [log for log in (database.with_name(database.name + end) for end in LOGS) if log.is_file()]


def _is_being_written(database: Path) -> bool:
    """Whether another program holds SQLite's lock for writing. Asked only: no lock is taken."""
    first, length = WRITING
    question = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, first, length, 0)
    with open(database, "rb") as file:
        try:
            answer = fcntl.fcntl(file.fileno(), fcntl.F_OFD_GETLK, question)
        except OSError:  # a file system without locks has nobody who holds one
            return False
    return struct.unpack("hhqqi", answer)[0] == fcntl.F_WRLCK


def _locked(database: Path) -> str:
    return f"{database} is locked: another program writes to it right now. Stop Borg Web UI, and try again."


def _state(database: Path) -> list[tuple[str, int, int, int]]:
    try:
        found = [(file.name, file.stat()) for file in (database, *_logs(database))]
    except OSError as error:
        raise CannotRead(f"{database} cannot be read: {error.strerror or error}.") from None
    return [(name, status.st_ino, status.st_size, status.st_mtime_ns) for name, status in found]


def _digest(database: Path) -> str:
    """Of all that was read: it tells whether somebody has looked at just this."""
    found = hashlib.sha256()
    for file in (database, *_logs(database)):
        with open(file, "rb") as opened:
            found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()


def _secret(path: Path) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(LARGEST_KEY).strip()
    except (OSError, ValueError):
        return ""
