"""mongodb-dump.sh against a stand-in for mongodump: what it is told, what is taken for a dump, and what is not."""

import gzip
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Job, small_disk
from .container import stand_in
from .standin_mongodump import END, MAGIC, bson

TEMPLATE = "mongodb-dump.sh"
PASSWORD = " it's a \"test\"\\n #1; $HOME `id` %s & <ümläut€ 日本\t>\r\n 'end': {} \\"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """With a mongodump, and the server that it knows."""
    folder = tmp_path / "mongo"
    for collection in ("shop/items", "shop/users", "big/all"):
        (folder / "server" / collection).parent.mkdir(parents=True, exist_ok=True)
        (folder / "server" / collection).write_text("one\ntwo\nthree\n")
    (folder / "server" / "big" / "all").write_text("0123456789abcdef\n" * 100000)
    (folder / "server" / "password").write_text(json.dumps(PASSWORD))
    text = Path(__file__).with_name("standin_mongodump.py").read_text()
    (folder / "mongodump").write_text(f"#!{sys.executable}\n{text}")
    (folder / "mongodump").chmod(0o755)
    return folder


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "mongo dumps"


@pytest.fixture
def job(dumps: Path, programs: Path, make_job: Callable[..., Job]) -> Job:
    return make_job(sources=[dumps.parent], path=[programs])


def values(dumps: Path, **more: Any) -> dict[str, Any]:
    return {"DB_USER": "dumper", "DB_PASSWORD": PASSWORD, "DUMP_DIR": dumps, **more}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ends(archive: bytes) -> list[str]:
    """The collections that the archive has to their end."""
    assert archive.startswith(MAGIC)
    assert archive.endswith(END)
    known = [("big", "all"), ("shop", "items"), ("shop", "users")]
    return [f"{db}.{name}" for db, name in known if bson(db=db, collection=name, EOF=True, CRC=1) + END in archive]


def test_all_in_one_file_or_each_in_its_own(job: Job, dumps: Path) -> None:
    ran = job.run(TEMPLATE, **values(dumps, OPLOG=True))
    assert ran.ok, ran.output
    assert files(dumps) == ["@all.archive"]
    assert ends((dumps / "@all.archive").read_bytes()) == ["big.all", "shop.items", "shop.users"]

    ran = job.run(TEMPLATE, **values(dumps, DATABASES="shop, big", COMPRESSION="gzip"))
    assert ran.ok, ran.output
    assert files(dumps) == ["@all.archive", "big.archive.gz", "shop.archive.gz"]
    assert ends(gzip.decompress((dumps / "shop.archive.gz").read_bytes())) == ["shop.items", "shop.users"]
    assert "Not of this run, and kept" in ran.output
    assert ran.last_line == "2 dumped"


@pytest.mark.parametrize("password", ["'\"\\ #", "a\nb\r\nc\td", " yes: [*&!] ", "\\u0041\\n", "true"])
def test_every_password_reaches_it_by_standard_input(password: str, job: Job, dumps: Path, programs: Path) -> None:
    (programs / "server" / "password").write_text(json.dumps(password))
    ran = job.run(TEMPLATE, **values(dumps, DATABASES="shop", DB_PASSWORD=password))
    assert ran.ok, ran.output

    ran = job.run(TEMPLATE, **values(dumps, DATABASES="shop", DB_PASSWORD="", DB_URI=f"mongodb://{password}@db/"))
    assert ran.ok, ran.output


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"DB_PASSWORD": "wrong password"}, "The server refused this user or password"),
        ({"DB_PASSWORD": ""}, "The server refused this user or password"),
        ({"DB_HOST": "nowhere"}, "The server cannot be reached"),
        ({"DATABASES": "nothing"}, "nothing holds nothing, or is not there"),
        ({"MORE_OPTIONS": "--no-such"}, "does not know an option"),
        ({"CONTAINER": "dbx"}, "The container dbx was not found"),
    ],
)
def test_what_is_wrong_is_told_and_the_old_dump_stays(
    changed: dict[str, Any], sentence: str, job: Job, dumps: Path, tmp_path: Path, programs: Path
) -> None:
    dumps.mkdir(parents=True)
    for name in ("shop", "nothing"):
        (dumps / f"{name}.archive").write_text("the good one of yesterday")
    job.path = [stand_in(tmp_path / "bin"), programs]
    ran = job.run(TEMPLATE, **values(dumps, **{"DATABASES": "shop", **changed}))

    assert ran.exit_code == 1, ran.output
    assert sentence in ran.last_line
    assert {(dumps / f"{name}.archive").read_text() for name in ("shop", "nothing")} == {"the good one of yesterday"}
    assert not list(dumps.glob(".*"))


def test_the_client_in_a_container_and_nothing_secret_in_its_call(
    job: Job, dumps: Path, tmp_path: Path, programs: Path
) -> None:
    job.path = [stand_in(tmp_path / "bin"), programs]
    ran = job.run(TEMPLATE, **values(dumps, CONTAINER="db", DATABASES="shop"))

    assert ran.ok, ran.output
    assert files(dumps) == ["shop.archive"]
    assert PASSWORD not in (tmp_path / "bin" / "calls").read_text()


def test_a_server_that_dies_in_the_middle_and_the_others_are_dumped(job: Job, dumps: Path, programs: Path) -> None:
    (programs / "server" / "dies").touch()
    ran = job.run(TEMPLATE, **values(dumps, DATABASES="big shop"))

    assert ran.exit_code == 1, ran.output
    assert ran.last_line == "big could not be dumped. The server ended the connection in the middle."
    assert files(dumps) == ["shop.archive"]


def test_a_disk_that_becomes_full_leaves_the_old_dump(job: Job, dumps: Path) -> None:
    dumps.mkdir(parents=True)
    (dumps / "big.archive").write_text("the good one of yesterday")
    job.wrapper, result = small_disk(dumps, 1000)
    ran = job.run(TEMPLATE, **values(dumps, DATABASES="shop big"))

    assert ran.exit_code == 1, ran.output
    assert result == dumps or "is full: make room" in ran.last_line
    assert files(result) == ["big.archive", "shop.archive"]
    assert (result / "big.archive").read_text() == "the good one of yesterday"


@pytest.mark.parametrize(
    ("size", "sentence"), [("60", "not complete"), ("-4", "not complete"), ("-90", "not complete"), ("0", "empty")]
)
def test_an_archive_that_is_cut_is_not_taken_for_good(
    size: str, sentence: str, job: Job, dumps: Path, programs: Path, tmp_path: Path
) -> None:
    """A client that breaks off and says that all is well."""
    cut = tmp_path / "cut"
    cut.mkdir()
    shutil.copytree(programs / "server", cut / "server")
    shutil.copy(programs / "mongodump", cut / "real")
    (cut / "mongodump").write_text(f'#!/bin/bash\n{cut}/real "$@" | head -c {size}\nexit 0\n')
    (cut / "mongodump").chmod(0o755)
    job.path = [cut]
    ran = job.run(TEMPLATE, **values(dumps, DATABASES="shop"))

    assert ran.exit_code == 1
    assert sentence in ran.last_line
    assert files(dumps) == []
