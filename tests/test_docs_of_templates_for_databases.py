"""docs/templates-databases.md is true: its values are taken as they stand, and its commands restore what was dumped."""

import os
import re
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scripts_library import manifest, parameters
from tests.scripts_library.catalogue import standin_mongodump
from tests.scripts_library.catalogue.conftest import CATALOGUE, Job
from tests.scripts_library.catalogue.servers import Mariadb, Postgres, Redis, Server
from tests.test_docs import blocks, read

PAGE = "docs/templates-databases.md"
EXAMPLES = {
    match[1]: tomllib.loads(text) for text in blocks(PAGE, "toml") if (match := re.match(r"# (\S+\.sh)\n", text))
}
PASSWORD = "correct horse"


def restore_of(template: str) -> str:
    """The commands that follow the template's values on the page."""
    section = read(PAGE).partition(f"# {template}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[-1]


@pytest.fixture
def srv(tmp_path: Path) -> Path:
    """What /srv is on the page."""
    (tmp_path / "srv").mkdir()
    return tmp_path / "srv"


@pytest.fixture
def job(srv: Path, tmp_path: Path) -> Job:
    (tmp_path / "bin").mkdir()
    return Job(tmp_path / "job", sources=[srv], path=[tmp_path / "bin"])


@pytest.fixture
def server_of() -> Iterator[Callable[..., Any]]:
    made: list[Server] = []

    def make(kind: Callable[..., Server], *given: Any, **named: Any) -> Server:
        made.append(kind(*given, **named))
        return made[-1]

    yield make
    for server in made:
        server.remove()


def program(job: Job, name: str, text: str) -> None:
    """A program of this name, for the scripts and for the commands of the page."""
    path = Path(job.path[0]) / name
    path.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def dump(job: Job, template: str, srv: Path, **where: Any) -> None:
    values = {name: v.replace("/srv", str(srv)) if isinstance(v, str) else v for name, v in EXAMPLES[template].items()}
    ran = job.run(template, **{**values, **where})
    assert ran.ok, ran.output


def restore(job: Job, template: str, srv: Path, **environ: str) -> None:
    commands = restore_of(template).replace("/srv", str(srv))
    env = {"PATH": f"{job.path[0]}:{os.environ['PATH']}", **environ}
    done = subprocess.run(["bash", "-euxc", commands], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_dump_has_an_example_and_a_restore() -> None:
    dumps = [path.name for path in CATALOGUE.glob("*.sh") if "# --- shared by all dumps" in path.read_text()]
    assert sorted(EXAMPLES) == sorted(dumps)
    for template, given in EXAMPLES.items():
        declared = manifest.parse((CATALOGUE / template).read_text()).parameters
        assert (
            parameters.resolve(declared, {}, parameters.merge(declared, {}, given), source_paths=["/srv"]).problems
            == []
        )
        assert restore_of(template)


@pytest.mark.services
def test_mysql_comes_back(job: Job, srv: Path, server_of: Callable[..., Mariadb]) -> None:
    server = server_of(Mariadb)
    server.sql("CREATE DATABASE shop; CREATE TABLE shop.t SELECT 1 AS one; CREATE DATABASE blog")
    [user] = blocks(PAGE, "sql")
    server.sql(user)
    dump(job, "mysql-dump.sh", srv, DB_SOCKET=str(server.socket))

    other = server_of(Mariadb, like=server)
    program(job, "mariadb", f'exec /usr/bin/mariadb --no-defaults --socket={other.socket} -uroot "$@"')
    restore(job, "mysql-dump.sh", srv)
    assert other.sql("SELECT one FROM shop.t; SHOW DATABASES LIKE 'blog'; SHOW GRANTS FOR borgui@localhost") == (
        server.sql("SELECT 1; SELECT 'blog'; SHOW GRANTS FOR borgui@localhost")
    )


@pytest.mark.services
def test_postgresql_comes_back(job: Job, srv: Path, server_of: Callable[..., Postgres]) -> None:
    server = server_of(Postgres)
    server.sql(
        f'CREATE ROLE "{server.SYSTEM_USER}" SUPERUSER LOGIN; CREATE ROLE owner; CREATE DATABASE shop OWNER owner'
    )
    server.sql("CREATE TABLE t AS SELECT 1 AS one; ALTER TABLE t OWNER TO owner", "shop")
    here = {"DB_HOST": str(server.folder), "DB_PORT": server.port}
    dump(job, "postgresql-dump.sh", srv, **here, RUN_AS=server.SYSTEM_USER)

    other = server_of(Postgres)
    program(job, "sudo", '[ "$1 $2" = "-u postgres" ] && shift 2 && exec "$@"')
    restore(job, "postgresql-dump.sh", srv, **{**other.environment, "PATH": f"{job.path[0]}:{os.environ['PATH']}"})
    assert (
        other.sql("SELECT one, (SELECT tableowner FROM pg_tables WHERE tablename = 't') FROM t", "shop") == "1|owner\n"
    )


def test_sqlite_comes_back(job: Job, srv: Path) -> None:
    database = srv / "apps" / "notes" / "data.db"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE notes (text)")
    dump(job, "sqlite-backup.sh", srv)
    database.write_text("lost")
    restore(job, "sqlite-backup.sh", srv)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == []


@pytest.mark.services
def test_redis_comes_back(job: Job, srv: Path, tmp_path: Path, server_of: Callable[..., Redis]) -> None:
    server = server_of(Redis, "--repl-diskless-sync-delay", "0")
    server.cli("SET", "a", "b")
    server.cli("CONFIG", "SET", "requirepass", PASSWORD)
    dump(job, "redis-snapshot.sh", srv, DB_PORT=server.port)

    program(job, "systemctl", f'echo "$*" >>{tmp_path}/systemctl')
    program(
        job,
        "install",
        f'[ "$1 $2 $3 $4" = "-o redis -g redis" ] && /usr/bin/install "$5" "$6" "$7" {tmp_path}/dump.rdb',
    )
    restore(job, "redis-snapshot.sh", srv)
    assert (tmp_path / "systemctl").read_text() == "stop redis-server\nstart redis-server\n"
    assert server_of(Redis, data={"dump.rdb": tmp_path / "dump.rdb"}).cli("GET", "a") == "b\n"


def test_the_archive_of_mongodb_is_the_one_that_is_restored(job: Job, srv: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "server" / "shop").mkdir(parents=True)
    (tmp_path / "bin" / "server" / "shop" / "items").write_text("one\n")
    (tmp_path / "bin" / "server" / "password").write_text(f'"{PASSWORD}"')
    program(job, "mongodump", f"#!{sys.executable}\n{Path(standin_mongodump.__file__).read_text()}")
    dump(job, "mongodb-dump.sh", srv)

    program(job, "mongorestore", f'[ $# = 1 ] && [[ $1 == --archive=* ]] && cp "${{1#*=}}" {tmp_path}/restored')
    restore(job, "mongodb-dump.sh", srv)
    assert b"shop\0" in (tmp_path / "restored").read_bytes()
