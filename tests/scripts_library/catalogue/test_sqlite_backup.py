"""sqlite-backup.sh: good copies while others write, and no copy that is not good."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Job

TEMPLATE = "sqlite-backup.sh"


def make_database(path: Path, rows: int = 200, mode: str = "wal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE pairs (a INTEGER, b INTEGER, filling BLOB)")
        connection.executemany("INSERT INTO pairs VALUES (?, ?, randomblob(2000))", [(n, -n) for n in range(rows)])
    return path


def rows_of(path: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT a, b FROM pairs ORDER BY a").fetchall()


@pytest.fixture
def srv(tmp_path: Path) -> Path:
    (tmp_path / "srv").mkdir()
    return tmp_path / "srv"


@pytest.fixture
def job(srv: Path, make_job: Callable[..., Job]) -> Job:
    return make_job(sources=[srv])


def copy_of(database: Path, dumps: Path) -> Path:
    return Path(f"{dumps}{database}")


def leftovers(dumps: Path) -> list[Path]:
    return [path for path in dumps.rglob(".*") if path.is_file()]


@pytest.fixture(params=["wal", "delete"])
def busy_database(srv: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Somebody changes every row in each transaction, again and again: rows of two states are a broken copy."""
    path, over, written = make_database(srv / "busy.db", mode=request.param), threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            while not over.is_set():
                with connection:
                    connection.execute("UPDATE pairs SET a = a + 1, b = b - 1")
                written.set()
                over.wait(0.001)  # others get the lock too

    writer = threading.Thread(target=write)
    writer.start()
    assert written.wait(30)
    yield path
    over.set()
    writer.join()


def test_dots_in_a_path_lead_no_copy_out_of_the_folder(job: Job, srv: Path) -> None:
    database = make_database(srv / "app.db", mode="delete")
    was = database.stat().st_ino
    ran = job.run(TEMPLATE, DATABASE_FILES="/.." * 12 + str(database), DUMP_DIR=srv / "dumps")

    assert ran.ok, ran.output
    assert rows_of(copy_of(database, srv / "dumps")) == rows_of(database)
    assert database.stat().st_ino == was


def test_a_copy_under_write_load_is_the_state_of_one_moment(busy_database: Path, job: Job, srv: Path) -> None:
    before = rows_of(busy_database)[0][0]
    ran = job.run(TEMPLATE, DATABASE_FILES=str(busy_database), DUMP_DIR=srv / "dumps")

    assert ran.ok, ran.output
    copied = rows_of(copy_of(busy_database, srv / "dumps"))
    first = copied[0][0]
    assert copied == [(first + n, -first - n) for n in range(200)]
    assert first >= before
    assert leftovers(srv / "dumps") == []


def test_several_and_patterns_and_strange_names(job: Job, srv: Path) -> None:
    named = [make_database(srv / name / "data.db", 3) for name in ("a", "b", 'it\'s, "so" [1]? ü')]
    (srv / "a" / "text.db").write_text("no database")
    listed = f'{srv}/?/*.db\n"{str(named[2]).replace(chr(34), chr(34) * 2)}"'
    ran = job.run(TEMPLATE, DATABASE_FILES=listed, DUMP_DIR=srv / "dumps and more")

    assert ran.ok, ran.output
    assert f"{srv}/a/text.db is no SQLite database" in ran.output
    for database in named:
        assert len(rows_of(copy_of(database, srv / "dumps and more"))) == 3
        assert copy_of(database, srv / "dumps and more").stat().st_mode & 0o777 == 0o600


def test_a_second_run_takes_the_place_of_the_first_and_keeps_its_mode(job: Job, srv: Path) -> None:
    database = make_database(srv / "data.db", 1)
    copy = copy_of(database, srv / "dumps")
    assert job.run(TEMPLATE, DATABASE_FILES=str(database), DUMP_DIR=srv / "dumps").ok
    copy.chmod(0o640)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO pairs VALUES (1, -1, NULL)")

    assert job.run(TEMPLATE, DATABASE_FILES=f"{srv}/*.db,{srv}/dumps/*/*.db", DUMP_DIR=srv / "dumps").exit_code == 1
    assert job.run(TEMPLATE, DATABASE_FILES=f"{srv}/*.db", DUMP_DIR=srv / "dumps").ok
    assert (len(rows_of(copy)), copy.stat().st_mode & 0o777) == (2, 0o640)


def test_a_damaged_database_fails_and_the_good_copy_stays(job: Job, srv: Path) -> None:
    database, other = make_database(srv / "data.db"), make_database(srv / "other.db", 5)
    copy = copy_of(database, srv / "dumps")
    assert job.run(TEMPLATE, DATABASE_FILES=f"{database}, {other}", DUMP_DIR=srv / "dumps").ok
    whole = copy.read_bytes()
    with database.open("r+b") as file:
        file.seek(40000)
        file.write(b"\xff" * 60000)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("DELETE FROM pairs")
    ran = job.run(TEMPLATE, DATABASE_FILES=f"{database}, {other}", DUMP_DIR=srv / "dumps")

    assert ran.exit_code == 1
    assert ran.last_line.startswith(f"1 of 2 not copied: {database} is damaged")
    assert "is kept" in ran.last_line
    assert copy.read_bytes() == whole
    assert rows_of(copy_of(other, srv / "dumps")) == []
    assert leftovers(srv / "dumps") == []


def test_a_locked_database_is_waited_for_and_then_told(job: Job, srv: Path) -> None:
    database = make_database(srv / "data.db", mode="delete")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        ran = job.run(TEMPLATE, DATABASE_FILES=str(database), DUMP_DIR=srv / "dumps", BUSY_SECONDS=1)

    assert ran.exit_code == 1
    assert "locked by another program for 1 seconds" in ran.last_line
    assert not copy_of(database, srv / "dumps").exists()
    assert leftovers(srv / "dumps") == []


@pytest.mark.parametrize(
    ("content", "asked", "sentence"),
    [
        (b"", "{srv}/it.db", "it is empty"),
        (b"x" * 5000, "{srv}/it.db", "or it is encrypted"),
        (None, "{srv}/it.db", "There is no database"),
        (None, "{srv}/*.nothing", "There is no database"),
        (None, "it.db", "is no full path"),
        (None, "{srv}", "but a folder"),
        (None, " , ", "No database is named"),
    ],
)
def test_what_is_no_database_is_told(content: bytes | None, asked: str, sentence: str, job: Job, srv: Path) -> None:
    if content is not None:
        (srv / "it.db").write_bytes(content)
    ran = job.run(TEMPLATE, DATABASE_FILES=asked.format(srv=srv), DUMP_DIR=srv / "dumps")

    assert ran.exit_code == 1
    assert sentence in ran.last_line


# --- the folder, as all dumps have it ---------------------------------------------------------------------------------
def test_a_folder_outside_of_all_sources_is_refused_wherever_links_lead(make_job: Callable, srv: Path) -> None:
    database = make_database(srv / "data.db", 1)
    outside = srv.parent / "srv-other"
    outside.mkdir()
    (srv / "link").symlink_to(outside)
    for folder in (outside, srv / "link" / "dumps", srv / ".." / "elsewhere"):
        job = make_job(sources=[srv], checked=False)
        ran = job.run(TEMPLATE, DATABASE_FILES=str(database), DUMP_DIR=folder)
        assert ran.exit_code == 1
        assert "inside none of the repository's sources" in ran.last_line
    assert list(outside.iterdir()) == []


def test_without_sources_a_job_is_refused_and_a_test_or_a_window_is_not(make_job: Callable, srv: Path) -> None:
    values = {"DATABASE_FILES": str(make_database(srv / "data.db", 1)), "DUMP_DIR": srv / "dumps"}

    assert "names no sources" in make_job().run(TEMPLATE, **values).last_line
    assert make_job(triggered_by="test").run(TEMPLATE, **values).ok
    assert make_job(window="Night").run(TEMPLATE, **values).ok


def test_two_into_one_folder_wait_for_each_other(make_job: Callable, srv: Path) -> None:
    database = make_database(srv / "data.db", 20, mode="delete")
    first, second = make_job(sources=["/", srv]), make_job(sources=[srv / "missing", srv])
    values = {"DATABASE_FILES": str(database), "DUMP_DIR": srv / "dumps"}
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        one = first.start(TEMPLATE, **values)
        one.wait_for_program("sqlite3 -batch")
        two = second.start(TEMPLATE, **values)
        two.wait_until(lambda: "waiting for its end" in two.said())
        connection.execute("COMMIT")

    assert (one.end().exit_code, two.end().exit_code) == (0, 0)
    assert len(rows_of(copy_of(database, srv / "dumps"))) == 20


def test_stopped_in_the_middle_it_leaves_nothing_and_what_a_killed_one_left_goes_away(job: Job, srv: Path) -> None:
    database = make_database(srv / "data.db", mode="delete")
    (srv / "dumps").mkdir()
    (srv / "dumps" / ".borgui-part-9").write_text("half")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        running = job.start(TEMPLATE, DATABASE_FILES=str(database), DUMP_DIR=srv / "dumps")
        running.wait_for_program("sqlite3 -batch")
        ran = running.stop()

    assert not ran.ok
    assert list((srv / "dumps").rglob("*")) == []
    assert sorted(path.name for path in job.folder.iterdir()) == ["scripts", "state"]
