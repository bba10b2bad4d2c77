"""postgresql-dump.sh against PostgreSQL: what is dumped is all there again after a restore, and half a dump is none."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Job, small_disk
from .container import stand_in
from .servers import HOST, Postgres, program

TEMPLATE = "postgresql-dump.sh"
PASSWORD = " it's a \"test\"\\n #1; $HOME `id` %s & <ümläut€ 日本\t> 'end' \\"
AWKWARD = r"""
CREATE ROLE owner LOGIN PASSWORD 'their password';
CREATE ROLE readers; GRANT readers TO owner;
CREATE TYPE mood AS ENUM ('good', 'bad "', '''');
CREATE DOMAIN price AS numeric(20, 10) CHECK (value > -1);
CREATE TABLE things (id serial PRIMARY KEY, name text, data bytea, cost price, at timestamptz, tags text[], more jsonb,
  felt mood, doubled numeric GENERATED ALWAYS AS (cost * 2) STORED);
INSERT INTO things (name, data, cost, at, tags, more, felt) VALUES
  (E'🚀 ''"\\\n\t', '\x000a0d1a22275c80ff', -0.1234567891, 'infinity', ARRAY['a,b', NULL, '"'], '{"ü": null}', ''''),
  ('', '', 1e9, NULL, '{}', 'null', NULL), (NULL, NULL, 'NaN', NULL, NULL, NULL, 'good');
CREATE VIEW cheap AS SELECT id, name FROM things WHERE cost < 5;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM things;
CREATE TABLE log (thing int REFERENCES things, noted text) PARTITION BY RANGE (thing);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (1000);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO log VALUES (NEW.id, 'new; "thing"'); RETURN NEW; END $$;
CREATE TRIGGER noted AFTER INSERT ON things FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO things (name) VALUES ('noted');
ALTER TABLE things OWNER TO owner; GRANT SELECT ON things TO readers;
ALTER TABLE things ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON things USING (id > 1);
COMMENT ON TABLE things IS 'it''s "commented"';
SELECT lo_from_bytea(4711, decode(repeat('00ff', 100000), 'hex'));
"""
NAMES = ["shop", "a=b 'q\" \\ c/d, ü", "postgresql://x"]
FILES = ["shop.dump", "a%3Db%20%27q%22%20%5C%20c%2Fd%2C%20ü.dump", "postgresql%3A%2F%2Fx.dump"]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    server = Postgres()
    try:
        for name in (*NAMES, "big"):
            server.sql(f"CREATE DATABASE {quoted(name)}")
        server.sql(AWKWARD, "shop")
        server.sql('CREATE TABLE "t ü" ("c """ int); INSERT INTO "t ü" VALUES (1), (2)', NAMES[1])
        server.sql("CREATE TABLE t AS SELECT n, repeat(md5(n::text), 200) FROM generate_series(1, 5000) n", "big")
        server.sql(f'CREATE ROLE "{server.SYSTEM_USER}" SUPERUSER LOGIN; CREATE ROLE dumper SUPERUSER LOGIN')
        set_password(server, PASSWORD)
        yield server
    finally:
        server.remove()


def set_password(server: Postgres, password: str) -> None:
    server.sql(f"ALTER ROLE dumper PASSWORD $quite${password}$quite$")


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "db dumps"


@pytest.fixture
def job(dumps: Path, make_job: Callable[..., Job]) -> Job:
    return make_job(sources=[dumps.parent])


def values(server: Postgres, dumps: Path, **more: Any) -> dict[str, Any]:
    where = {"DB_HOST": HOST, "DB_PORT": server.port, "DB_USER": "dumper", "DB_PASSWORD": PASSWORD}
    return {**where, "DUMP_DIR": dumps, **more}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def state(server: Postgres) -> list[str]:
    """Everything that can be seen, but the moment of a dump and the words that guard it."""
    lines = server.run("pg_dumpall", "--globals-only").splitlines()
    for name in NAMES:
        where = name.replace("\\", "\\\\").replace("'", "\\'")
        lines += server.run("pg_dump", "--create", f"--dbname=dbname='{where}'").splitlines()
    return [line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]


@pytest.mark.services
def test_all_restored_into_an_empty_server_is_the_same(server: Postgres, job: Job, dumps: Path) -> None:
    ran = job.run(TEMPLATE, **values(server, dumps, EXCLUDE="big", COMPRESSION="gzip"))
    assert ran.ok, ran.output
    assert files(dumps) == sorted([*FILES, "@globals.sql", "postgres.dump"])
    assert {path.stat().st_mode & 0o777 for path in dumps.iterdir()} == {0o600}
    assert "4 dumped, which are all" in ran.last_line

    other = Postgres()
    try:
        other.run("psql", "-X", "-q", "-d", "postgres", "-f", "-", input=(dumps / "@globals.sql").read_bytes())
        for name in FILES:
            other.run("pg_restore", "--create", "--exit-on-error", "-d", "postgres", input=(dumps / name).read_bytes())
        assert state(other) == state(server)
        assert other.sql("SELECT length(lo_get(4711)), (SELECT name FROM things WHERE id = 1)", "shop") == (
            "200000|🚀 '\"\\\n\t\n"
        )
        assert "their password" not in (dumps / "@globals.sql").read_text()
    finally:
        other.remove()


@pytest.mark.services
def test_only_what_is_asked_for_is_dumped_and_the_rest_told(server: Postgres, job: Job, dumps: Path) -> None:
    asked = f"{quoted(NAMES[1])}\n{NAMES[2]}"
    assert job.run(TEMPLATE, **values(server, dumps, DATABASES=asked, ROLES=False)).ok
    assert files(dumps) == sorted(FILES[1:])

    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop postgres"))
    assert ran.ok, ran.output
    assert files(dumps) == sorted([*FILES, "@globals.sql", "postgres.dump"])
    assert f"Not of this run, and kept: {dumps}/{FILES[1]} of 2" in ran.output


@pytest.mark.services
def test_as_a_system_user_by_the_socket(server: Postgres, job: Job, dumps: Path) -> None:
    more = {"DB_HOST": str(server.folder), "DB_USER": "", "DB_PASSWORD": "", "RUN_AS": server.SYSTEM_USER}
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop", **more))

    assert ran.ok, ran.output
    assert files(dumps) == ["@globals.sql", "shop.dump"]
    assert "could not change directory" not in ran.output


@pytest.mark.services
@pytest.mark.parametrize("password", ["'''':", "\\\\:\\", "a\nb\r\nc"])
def test_every_password_works_and_is_on_no_command_line(password: str, server: Postgres, job: Job, dumps: Path) -> None:
    set_password(server, password)
    try:
        running = job.start(TEMPLATE, **values(server, dumps, DB_PASSWORD=password, DATABASES="big", ROLES=False))
        lines = running.wait_for_program("pg_dump", "dbname='big'")
        ran = running.end()
    finally:
        set_password(server, PASSWORD)

    assert ran.ok, ran.output
    assert not [line for line in lines if password in line]


@pytest.mark.services
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"DB_PASSWORD": "wrong password"}, "The server refused this user or password"),
        ({"DB_PASSWORD": ""}, "The server refused this user or password"),
        ({"DB_USER": "no'body"}, "The server refused this user or password"),
        ({"DB_PORT": 1}, "The server cannot be reached"),
        ({"DATABASES": "shop, nothing"}, "There is no database 'nothing'"),
        ({"CONNECT_TO": "nothing"}, "There is no such database: correct 'Database to ask'"),
        ({"MORE_OPTIONS": "--no-such-option"}, "shop could not be dumped."),
        ({"MORE_OPTIONS": "--format=plain"}, "The dump of shop is not complete."),
        ({"CONTAINER": "dbx", "path": True}, "The container dbx was not found"),
        ({"PROGRAMS_DIR": "/nothing"}, "There is no pg_dump in /nothing"),
    ],
)
def test_what_is_wrong_is_told_and_the_old_dump_stays(
    changed: dict[str, Any], sentence: str, server: Postgres, job: Job, dumps: Path, tmp_path: Path
) -> None:
    dumps.mkdir(parents=True)
    (dumps / "shop.dump").write_text("the good one of yesterday")
    if changed.get("path"):
        job.path = [stand_in(tmp_path / "bin")]
    asked = {"DATABASES": "shop", **{name: value for name, value in changed.items() if name != "path"}}
    ran = job.run(TEMPLATE, **values(server, dumps, **asked))

    assert ran.exit_code == 1, ran.output
    assert sentence in ran.last_line
    assert (dumps / "shop.dump").read_text() == "the good one of yesterday"
    assert not list(dumps.glob(".*"))


@pytest.mark.services
def test_a_disk_that_becomes_full_leaves_the_old_dump(server: Postgres, job: Job, dumps: Path) -> None:
    dumps.mkdir(parents=True)
    (dumps / "big.dump").write_text("the good one of yesterday")
    job.wrapper, result = small_disk(dumps, 1000)
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="big, postgres", ROLES=False))

    assert ran.exit_code == 1, ran.output
    assert "big could not be dumped." in ran.last_line
    assert result == dumps or "is full: make room" in ran.last_line
    assert files(result) == ["big.dump", "postgres.dump"]
    assert (result / "big.dump").read_text() == "the good one of yesterday"


@pytest.mark.services
def test_the_client_in_a_container_and_nothing_secret_in_its_call(
    server: Postgres, job: Job, dumps: Path, tmp_path: Path
) -> None:
    job.path = [stand_in(tmp_path / "bin")]
    ran = job.run(TEMPLATE, **values(server, dumps, CONTAINER="db", DATABASES="shop"))

    assert ran.ok, ran.output
    assert files(dumps) == ["@globals.sql", "shop.dump"]
    calls = (tmp_path / "bin" / "calls").read_text()
    assert "--env PGPASSWORD" in calls
    assert PASSWORD not in calls


@pytest.mark.services
def test_versions_are_compared_before_anything_is_dumped(
    server: Postgres, job: Job, dumps: Path, tmp_path: Path
) -> None:
    (tmp_path / "pg_dump").write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n')
    (tmp_path / "pg_dump").chmod(0o755)
    ran = job.run(TEMPLATE, **values(server, dumps, PROGRAMS_DIR=tmp_path))

    assert ran.exit_code == 1
    assert ran.last_line.startswith("pg_dump 9.6.24 is older than the server (1")
    assert files(dumps) == []


@pytest.mark.services
def test_a_dump_that_is_cut_is_not_taken_for_good(server: Postgres, job: Job, dumps: Path, tmp_path: Path) -> None:
    """A client that breaks off and says that all is well."""
    real = program("pg_dump")
    cut = f'{real} "$@" | head -c "$(cat {tmp_path}/size)"\nexit 0\n'
    (tmp_path / "pg_dump").write_text(f'#!/bin/bash\n[ "$1" != --version ] || exec {real} --version\n{cut}')
    (tmp_path / "pg_dump").chmod(0o755)
    for size, sentence in (("150000", "is not complete"), ("3", "is not complete"), ("0", "is empty")):
        (tmp_path / "size").write_text(size)
        ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop", ROLES=False, PROGRAMS_DIR=tmp_path))
        assert ran.exit_code == 1
        assert sentence in ran.last_line
        assert files(dumps) == []


@pytest.mark.services
def test_a_server_that_does_not_say_who_may_read_passwords_is_no_reason_to_leave_them_out(
    server: Postgres, job: Job, dumps: Path, tmp_path: Path
) -> None:
    """As one that has too many connections for a moment."""
    folder = tmp_path / "bin"
    folder.mkdir()
    refuse = '[[ "$*" != *has_table_privilege* ]] || { echo "FATAL:  sorry, too many clients already" >&2; exit 2; }'
    (folder / "psql").write_text(f'#!/bin/bash\n{refuse}\nexec {program("psql")} "$@"\n')
    (folder / "psql").chmod(0o755)
    assert job.run(TEMPLATE, **values(server, dumps, DATABASES="postgres")).ok
    before = (dumps / "@globals.sql").read_bytes()
    job.path = [folder]
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="postgres"))

    assert ran.exit_code == 1, ran.output
    assert ran.last_line.startswith("The roles could not be dumped.")
    assert "too many clients" in ran.output
    assert (dumps / "@globals.sql").read_bytes() == before


@pytest.mark.services
def test_a_user_who_may_not_read_passwords_dumps_his_own(server: Postgres, job: Job, dumps: Path) -> None:
    server.sql("CREATE ROLE one LOGIN PASSWORD 'password1'; CREATE DATABASE ones OWNER one")
    own = {"DB_USER": "one", "DB_PASSWORD": "password1"}
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="ones", **own))
    assert ran.ok, ran.output
    assert files(dumps) == ["@globals.sql", "ones.dump"]
    assert "The roles are dumped without their passwords" in ran.output

    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop, ones", **own))
    assert ran.exit_code == 1
    assert "shop could not be dumped. The user lacks a right" in ran.last_line
    server.sql("DROP DATABASE ones")


@pytest.mark.services
@pytest.mark.faults
def test_a_server_that_dies_in_the_middle_of_a_dump(server: Postgres, job: Job, dumps: Path) -> None:
    dumps.mkdir(parents=True)
    (dumps / "big.dump").write_text("the good one of yesterday")
    running = job.start(TEMPLATE, **values(server, dumps, DATABASES="big"))
    running.wait_until(lambda: any(path.stat().st_size > 4096 for path in dumps.glob(".borgui-part-*")))
    (client,) = running.pids("pg_dump", "dbname='big'", "--format")
    os.kill(client, signal.SIGSTOP)
    server.kill()
    os.kill(client, signal.SIGCONT)
    ran = running.end()
    server.start()

    assert ran.exit_code == 1, ran.output
    assert ran.last_line.startswith("big could not be dumped. The server ended the connection in the middle.")
    assert "In all 2 were not dumped: big, the roles." in ran.last_line
    assert files(dumps) == ["big.dump"]
    assert (dumps / "big.dump").read_text() == "the good one of yesterday"
