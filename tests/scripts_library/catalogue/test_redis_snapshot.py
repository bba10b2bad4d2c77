"""redis-snapshot.sh against Redis: what is saved is all there again after a restore, and half a snapshot is none."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from .conftest import Job, small_disk
from .container import stand_in
from .servers import HOST, Redis, must, program

TEMPLATE = "redis-snapshot.sh"
PASSWORD = " it's a \"test\"\\n #1; $HOME `id` %s & <ümläut€ 日本\t> 'end' \\"
BUSY = "The server is busy with a script: try again when that is over, or end it (SCRIPT KILL)."
FILL = r"""
redis.call('SET', 'a key\\n"', '\\0\\255 value')
redis.call('HSET', 'hash', 'field', 'one', 'other', 'two')
redis.call('XADD', 'stream', '1-1', 'a', 'b')
redis.call('ZADD', 'sorted', 1.5, 'x')
redis.call('SET', 'soon', 'gone', 'EX', 100000)
for n = 1, 4000 do redis.call('SET', 'big' .. n, string.rep(redis.sha1hex(n), 50)) end
"""
EVERYTHING = """
local all = redis.call('KEYS', '*')
table.sort(all)
for n, key in ipairs(all) do all[n] = redis.sha1hex(key .. redis.call('DUMP', key)) end
return redis.sha1hex(table.concat(all)) .. #all
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    server = Redis("--repl-diskless-sync-delay", "0", "--rdbcompression", "no")
    try:
        server.cli("EVAL", FILL, "0")
        set_password(server, PASSWORD)
        yield server
    finally:
        server.remove()


def set_password(server: Redis, password: str) -> None:
    """By its hash, so that no quoting of a test's is tested. Who names no user needs none."""
    server.cli(
        "ACL", "SETUSER", "dumper", "on", "resetpass", f"#{sha256(password.encode()).hexdigest()}", "~*", "+@all"
    )


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "snapshots of redis"


@pytest.fixture
def job(dumps: Path, make_job: Callable[..., Job]) -> Job:
    return make_job(sources=[dumps.parent])


def values(server: Redis, dumps: Path, **more: Any) -> dict[str, Any]:
    return {"DB_PORT": server.port, "DB_USER": "dumper", "DB_PASSWORD": PASSWORD, "DUMP_DIR": dumps, **more}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.services
@pytest.mark.parametrize("method", ["download", "bgsave"])
def test_restored_into_an_empty_server_it_is_the_same(method: str, server: Redis, job: Job, dumps: Path) -> None:
    server.cli("SET", "how", method)
    ran = job.run(TEMPLATE, **values(server, dumps, METHOD=method))
    assert ran.ok, ran.output
    assert files(dumps) == ["redis.rdb"]
    assert "redis-check-rdb: 4006 keys read" in ran.output

    other = Redis("--rdbcompression", "no", "--dbfilename", "restored.rdb", data={"restored.rdb": dumps / "redis.rdb"})
    try:
        assert other.cli("EVAL", EVERYTHING, "0") == server.cli("EVAL", EVERYTHING, "0")
        assert other.cli("GET", "how") == f"{method}\n"
    finally:
        other.remove()


@pytest.mark.services
@pytest.mark.parametrize("password", ["'\"\\ #", "a\nb\r\nc", " $(id)! %s "])
def test_every_password_works(password: str, server: Redis, job: Job, dumps: Path) -> None:
    set_password(server, password)
    try:
        ran = job.run(TEMPLATE, **values(server, dumps, DB_PASSWORD=password, SNAPSHOT_NAME="of / shop"))
    finally:
        set_password(server, PASSWORD)

    assert ran.ok, ran.output
    assert files(dumps) == ["of%20%2F%20shop.rdb"]


@pytest.mark.services
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"DB_PASSWORD": "wrong password"}, "The server refused this user or password"),
        ({"DB_USER": "no'body"}, "The server refused this user or password"),
        ({"DB_USER": "poor", "DB_PASSWORD": "poor-password"}, "The user lacks a right"),
        ({"DB_PORT": 1}, "The server cannot be reached"),
        ({"DB_SOCKET": "/nothing"}, "The server cannot be reached"),
        ({"CONTAINER": "db"}, "The container db is not running"),
    ],
)
@pytest.mark.parametrize("method", ["download", "bgsave"])
def test_what_is_wrong_is_told_and_the_old_snapshot_stays(
    changed: dict[str, Any], sentence: str, method: str, server: Redis, job: Job, dumps: Path, tmp_path: Path
) -> None:
    server.cli("ACL", "SETUSER", "poor", "on", ">poor-password", "+info")
    dumps.mkdir(parents=True)
    (dumps / "redis.rdb").write_text("the good one of yesterday")
    job.path = [stand_in(tmp_path / "bin", running=False)]
    ran = job.run(TEMPLATE, **values(server, dumps, METHOD=method, **changed))

    assert ran.exit_code == 1, ran.output
    assert sentence in ran.last_line
    assert (dumps / "redis.rdb").read_text() == "the good one of yesterday"
    assert not list(dumps.glob(".*"))


@pytest.mark.services
@pytest.mark.parametrize("method", ["download", "bgsave"])
def test_the_client_in_a_container(method: str, server: Redis, job: Job, dumps: Path, tmp_path: Path) -> None:
    job.path = [stand_in(tmp_path / "bin")]
    ran = job.run(TEMPLATE, **values(server, dumps, METHOD=method, CONTAINER="db"))

    assert ran.ok, ran.output
    assert files(dumps) == ["redis.rdb"]
    assert PASSWORD not in (tmp_path / "bin" / "calls").read_text()


@pytest.mark.services
@pytest.mark.parametrize("method", ["download", "bgsave"])
def test_a_disk_that_becomes_full_leaves_the_old_snapshot(method: str, server: Redis, job: Job, dumps: Path) -> None:
    dumps.mkdir(parents=True)
    (dumps / "redis.rdb").write_text("the good one of yesterday")
    job.wrapper, result = small_disk(dumps, 1000)
    ran = job.run(TEMPLATE, **values(server, dumps, METHOD=method))

    assert ran.exit_code == 1, ran.output
    assert result == dumps or "is full: make room" in ran.last_line
    assert result == dumps or "cannot be read here" not in ran.last_line
    assert files(result) == ["redis.rdb"]
    assert (result / "redis.rdb").read_text() == "the good one of yesterday"


@pytest.mark.services
def test_a_save_that_fails_is_no_snapshot_though_there_is_one_of_before(server: Redis, job: Job, dumps: Path) -> None:
    assert job.run(TEMPLATE, **values(server, dumps, METHOD="bgsave")).ok
    (server.data / "dump.rdb").unlink()
    (server.data / "dump.rdb").mkdir()  # a file cannot take its place
    try:
        ran = job.run(TEMPLATE, **values(server, dumps, METHOD="bgsave"))
    finally:
        (server.data / "dump.rdb").rmdir()

    assert ran.exit_code == 1
    assert "The server could not save (status err)" in ran.last_line
    assert "is kept" in ran.last_line


@pytest.mark.services
def test_a_snapshot_that_is_cut_is_not_taken_for_good(server: Redis, job: Job, dumps: Path, tmp_path: Path) -> None:
    """A client that breaks off and says that all is well."""
    real, folder = program("redis-cli"), tmp_path / "bin"
    folder.mkdir()
    cut = f'[[ " $* " == *" --rdb "* ]] || exec {real} "$@"\n{real} "$@" 2>/dev/null | head -c "$(cat {folder}/size)"\nexit 0\n'
    (folder / "redis-cli").write_text(f"#!/bin/bash\n{cut}")
    (folder / "redis-cli").chmod(0o755)
    job.path = [folder]
    for size, sentence in (("100000", "is not complete"), ("0", "is empty")):
        (folder / "size").write_text(size)
        ran = job.run(TEMPLATE, **values(server, dumps))
        assert ran.exit_code == 1
        assert sentence in ran.last_line
        assert files(dumps) == []


class EncryptedRedis(Redis):
    """It expects TLS, with a certificate that no authority of this machine has signed."""

    @property
    def authority(self) -> Path:
        return self.folder / "certificate"

    def command(self) -> list[str]:
        key = self.folder / "key"
        if not key.exists():
            about = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}", "-days", "2"]
            kind = ["-x509", "-nodes", "-newkey", "rsa:2048", *about]
            must([program("openssl"), "req", *kind, "-keyout", str(key), "-out", str(self.authority)])
        files = ["--tls-cert-file", str(self.authority), "--tls-key-file", str(key)]
        files += ["--tls-ca-cert-file", str(self.authority), "--tls-auth-clients", "no"]
        return [*super().command(), "--port", "0", "--tls-port", str(self.port), *files]

    def answers(self) -> bool:
        ping = ["redis-cli", "-e", "--tls", "--cacert", str(self.authority), "-p", str(self.port), "PING"]
        return subprocess.run(ping, check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def encrypted_server() -> Iterator[EncryptedRedis]:
    server = EncryptedRedis("--repl-diskless-sync-delay", "0")
    yield server
    server.remove()


@pytest.mark.services
@pytest.mark.parametrize("method", ["download", "bgsave"])
def test_an_authority_of_ones_own_is_named(
    method: str, encrypted_server: EncryptedRedis, job: Job, dumps: Path
) -> None:
    server = encrypted_server
    given = {"DB_PORT": server.port, "DUMP_DIR": dumps, "METHOD": method}
    ran = job.run(TEMPLATE, **given, TLS=True)
    assert ran.exit_code == 1
    assert "The client does not trust the server's certificate" in ran.last_line
    ran = job.run(TEMPLATE, **given)
    assert ran.exit_code == 1
    assert "Is 'Encrypted connection' as it expects it?" in ran.last_line
    assert files(dumps) == []

    ran = job.run(TEMPLATE, **given, TLS=True, TLS_CA_FILE=server.authority)
    assert ran.ok, ran.output
    assert files(dumps) == ["redis.rdb"]


@pytest.mark.services
def test_a_server_that_never_answers_is_not_waited_for(job: Job, dumps: Path, tmp_path: Path) -> None:
    """One minute, which is a second here. A server that expects no TLS is as silent when it is spoken to in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shorter = f'[ "$2" = 60 ] && exec {program("timeout")} "$1" 1 "${{@:3}}"'
    (folder / "timeout").write_text(f"#!/bin/bash\n{shorter}\n")
    (folder / "timeout").chmod(0o755)
    job.path = [folder]
    with socket.create_server((HOST, 0)) as silent:
        ran = job.run(TEMPLATE, DUMP_DIR=dumps, DB_PORT=silent.getsockname()[1])

    assert ran.exit_code == 1, ran.output
    assert "The server does not answer." in ran.last_line
    assert files(dumps) == []


@pytest.mark.services
@pytest.mark.parametrize("method", ["download", "bgsave"])
def test_a_server_that_is_busy_with_a_script_is_told(method: str, job: Job, dumps: Path) -> None:
    server = Redis("--lua-time-limit", "1")
    script = subprocess.Popen(["redis-cli", "-p", str(server.port), "EVAL", "while true do end", "0"])
    try:
        while server.answers():
            assert script.poll() is None
        ran = job.run(TEMPLATE, DUMP_DIR=dumps, DB_PORT=server.port, METHOD=method)
    finally:
        server.remove()
        script.wait()

    assert ran.exit_code == 1, ran.output
    assert ran.output.rstrip().endswith("Nothing was saved. " + BUSY)
    assert "expression" not in ran.output
    assert files(dumps) == []


@pytest.mark.services
@pytest.mark.faults
def test_a_server_that_dies_in_the_middle(job: Job, dumps: Path) -> None:
    server = Redis("--repl-diskless-sync-delay", "0", "--rdbcompression", "no", "--rdb-key-save-delay", "200")
    try:
        server.cli("EVAL", FILL, "0")
        running = job.start(TEMPLATE, **values(server, dumps, DB_USER="", DB_PASSWORD=""))
        running.wait_until(lambda: any(path.stat().st_size > 4096 for path in dumps.glob(".borgui-part-*")))
        (client,) = running.pids("redis-cli", "--rdb")
        os.kill(client, signal.SIGSTOP)
        server.kill()
        os.kill(client, signal.SIGCONT)
        ran = running.end()
    finally:
        server.remove()

    assert ran.exit_code == 1, ran.output
    assert "The server sent no snapshot. The server ended the connection in the middle." in ran.last_line
    assert files(dumps) == []
