"""Dumps whose client runs in a real container: docker's client in front of podman, with copies of this machine's clients."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Job
from .engines import BUSYBOX, OBEYS, REAL_ENGINE, Podman
from .servers import HOST, Mariadb, Postgres, Redis, Server

pytestmark = [*REAL_ENGINE]
PASSWORD = ' it\'s a "test"\\n #1; $HOME `id` %s\nünï '
QUOTED = PASSWORD.replace("\\", "\\\\").replace("'", "''")


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    started: list[Server] = []

    def start(kind: Callable[..., Server], *settings: str) -> Server:
        started.append(kind(*settings))
        return started[-1]

    yield start
    for server in started:
        server.remove()


@pytest.fixture
def run(podman: Podman, make_job: Callable[..., Job], tmp_path: Path) -> Iterator[Callable[..., list[str]]]:
    """run(template, values): the files that are there afterwards."""
    podman.image("clients", clients())
    podman.say("run", "--detach", "--name", "the-db", "clients", BUSYBOX, "sh", "-c", OBEYS)
    if not podman.runs_inside("the-db"):
        podman.forget_all()
        pytest.skip("podman lets a command in a container see this machine instead of it, as it does in a chroot")

    def run(template: str, **values: Any) -> list[str]:
        job = make_job(sources=[tmp_path], path=podman.path, environ=podman.environ)
        ran = job.run(template, CONTAINER="the-db", DUMP_DIR=tmp_path / "dumps", **values)
        assert ran.ok, ran.output
        return sorted(path.name for path in (tmp_path / "dumps").iterdir())

    yield run
    podman.forget_all()


def clients() -> list[Path]:
    """The programs themselves: what Debian calls pg_dump looks for the newest one."""
    named = [Path(str(shutil.which(name))).resolve() for name in ("mariadb", "mariadb-dump", "redis-cli")]
    folder = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parent.name))
    return [*named, *(folder / name for name in ("psql", "pg_dump", "pg_dumpall", "pg_restore"))]


def test_mariadb(start: Callable[..., Mariadb], run: Callable[..., list[str]]) -> None:
    server = start(Mariadb)
    server.sql(f"CREATE DATABASE shop; GRANT ALL ON *.* TO dumper@localhost IDENTIFIED BY '{QUOTED}'")
    where = {"DB_HOST": HOST, "DB_PORT": server.port, "DB_USER": "dumper", "DB_PASSWORD": PASSWORD}

    assert run("mysql-dump.sh", **where) == ["@accounts.sql", "shop.sql"]


def test_postgresql(start: Callable[..., Postgres], run: Callable[..., list[str]]) -> None:
    server = start(Postgres)
    server.sql(f"CREATE ROLE dumper SUPERUSER LOGIN PASSWORD $x${PASSWORD}$x$")
    where = {"DB_HOST": HOST, "DB_PORT": server.port, "DB_USER": "dumper", "DB_PASSWORD": PASSWORD}

    assert run("postgresql-dump.sh", **where, RUN_AS="1234") == ["@globals.sql", "postgres.dump"]


def test_redis(start: Callable[..., Redis], run: Callable[..., list[str]]) -> None:
    server = start(Redis, "--repl-diskless-sync-delay", "0")
    server.cli("CONFIG", "SET", "requirepass", PASSWORD)

    assert run("redis-snapshot.sh", DB_PORT=server.port, DB_PASSWORD=PASSWORD) == ["redis.rdb"]
