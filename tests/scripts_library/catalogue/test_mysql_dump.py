"""mysql-dump.sh against MariaDB: what is dumped is all there again after a restore, and half a dump is none."""

import gzip
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from .conftest import Job, small_disk
from .container import stand_in
from .servers import HOST, Mariadb, must, program

TEMPLATE = "mysql-dump.sh"
PASSWORD = " it's a \"test\"\\n #1; $HOME `id` %s & <ümläut€ 日本\t> 'end' \\"
AWKWARD = r"""
CREATE DATABASE shop CHARACTER SET latin1;
CREATE DATABASE `Ünï "quoted" it's; 100%/..` CHARACTER SET utf8mb4;
CREATE DATABASE `-dash, comma`;
CREATE DATABASE _leer;
USE shop;
CREATE TABLE things (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT CHARACTER SET utf8mb4, data LONGBLOB,
  price DECIMAL(20, 10), moment DATETIME(6), doubled DECIMAL(20, 10) AS (price * 2) STORED, place POINT, bits BIT(7));
INSERT INTO things (name, data, price, moment, place, bits) VALUES
  ('🚀 ''"\\\n\t\0', X'000A0D1A22275C80FF', -0.1234567891, '1970-01-01 00:00:01.000001', POINT(1, 2), b'1010101'),
  ('', '', 1e9, NULL, NULL, NULL), (NULL, REPEAT(X'00FF', 300000), NULL, '9999-12-31', NULL, NULL);
CREATE TABLE log (text TEXT, FOREIGN KEY (thing) REFERENCES things (id), thing INT) ENGINE = InnoDB;
CREATE VIEW cheap AS SELECT id, name FROM things WHERE price < 5;
CREATE VIEW a_first AS SELECT * FROM cheap;
CREATE SEQUENCE numbers START WITH 100;
SELECT NEXTVAL(numbers);
DELIMITER //
CREATE TRIGGER noted AFTER INSERT ON things FOR EACH ROW BEGIN INSERT INTO log VALUES ('new; "thing"', NEW.id); END//
CREATE PROCEDURE greet(IN who TEXT) BEGIN SELECT CONCAT('hello ', who); END//
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2//
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO BEGIN DELETE FROM log; END//
DELIMITER ;
CREATE TABLE `Ünï "quoted" it's; 100%/..`.`t ü` (`c "` INT);
INSERT INTO `Ünï "quoted" it's; 100%/..`.`t ü` VALUES (1), (2);
CREATE TABLE `-dash, comma`.t (a INT);
CREATE USER 'app user'@'%' IDENTIFIED BY 'their password';
GRANT SELECT, INSERT ON shop.* TO 'app user'@'%';
CREATE ROLE readers;
"""
NAMES = ["shop", 'Ünï "quoted" it\'s; 100%/..', "-dash, comma", "_leer"]
FILES = ["shop.sql", "Ünï%20%22quoted%22%20it%27s%3B%20100%25%2F...sql", "-dash%2C%20comma.sql", "_leer.sql"]


@pytest.fixture(scope="module")
def server() -> Iterator[Mariadb]:
    server = Mariadb()
    try:
        server.sql(AWKWARD, "--binary-mode=0")
        server.sql("CREATE USER dumper@localhost; GRANT ALL ON *.* TO dumper@localhost WITH GRANT OPTION")
        set_password(server, PASSWORD)
        yield server
    finally:
        server.remove()


def set_password(server: Mariadb, password: str) -> None:
    """By its hash, so that no quoting of a test's is tested."""
    twice = sha1(sha1(password.encode()).digest()).hexdigest().upper()
    server.sql(f"SET PASSWORD FOR dumper@localhost = '*{twice}'")


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    return tmp_path / "srv" / "db dumps"


@pytest.fixture
def job(dumps: Path, make_job: Callable[..., Job]) -> Job:
    return make_job(sources=[dumps.parent])


def values(server: Mariadb, dumps: Path, **more: Any) -> dict[str, Any]:
    where = {"DB_HOST": HOST, "DB_PORT": server.port, "DB_USER": "dumper", "DB_PASSWORD": PASSWORD}
    return {**where, "DUMP_DIR": dumps, **more}


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def state(server: Mariadb) -> str:
    """Everything that a user of the server could see, but the moment of the dump."""
    where = [
        "--no-defaults",
        f"--socket={server.socket}",
        "-uroot",
        "--skip-dump-date",
        "--hex-blob",
        "--order-by-primary",
    ]
    whole = [*where, "--routines", "--events", "--triggers", "--default-character-set=utf8mb4", "--databases", "--"]
    rights = server.sql("SHOW GRANTS FOR 'app user'@'%'; SELECT user, is_role FROM mysql.user ORDER BY user")
    return must(["mariadb-dump", *whole, *NAMES]).decode() + rights


@pytest.mark.services
def test_all_restored_into_an_empty_server_is_the_same(server: Mariadb, job: Job, dumps: Path) -> None:
    ran = job.run(TEMPLATE, **values(server, dumps))
    assert ran.ok, ran.output
    assert files(dumps) == sorted([*FILES, "@accounts.sql"])
    assert {path.stat().st_mode & 0o777 for path in dumps.iterdir()} == {0o600}
    assert "4 dumped, which are all" in ran.last_line
    assert re.search(
        r"server 1\d\.\d+\.\d+-MariaDB.* \(MariaDB\), client 1\d\.\d+\.\d+-MariaDB \(MariaDB\)", ran.output
    )

    other = Mariadb(like=server)
    try:
        for name in ["@accounts.sql", *FILES]:
            other.sql((dumps / name).read_bytes())
        assert state(other) == state(server)
        assert "their password" not in (dumps / "@accounts.sql").read_text()
        assert (
            other.sql("SELECT HEX(name) FROM shop.things WHERE id = 1").strip()
            == "🚀 '\"\\\n\t\0".encode().hex().upper()
        )
    finally:
        other.remove()


@pytest.mark.services
def test_only_what_is_asked_for_is_dumped_and_the_rest_told(server: Mariadb, job: Job, dumps: Path) -> None:
    asked = f'shop\n"{NAMES[1].replace(chr(34), chr(34) * 2)}"'
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES=asked, ACCOUNTS=False, COMPRESSION="gzip"))
    assert ran.ok, ran.output
    assert files(dumps) == sorted([f"{FILES[0]}.gz", f"{FILES[1]}.gz"])
    assert gzip.decompress((dumps / "shop.sql.gz").read_bytes()).decode().endswith("\n")

    exclude = f'_leer, "-dash, comma", {NAMES[1]}'
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="*", EXCLUDE=exclude, COMPRESSION="zstd"))
    assert ran.ok, ran.output
    assert files(dumps) == sorted([f"{FILES[0]}.gz", f"{FILES[1]}.gz", "shop.sql.zst", "@accounts.sql.zst"])
    assert f"Not of this run, and kept: {dumps}/shop.sql.gz" in ran.output
    assert b"nightly" in must(["zstd", "-dcq", str(dumps / "shop.sql.zst")])


@pytest.mark.services
def test_names_with_spaces_between_them_and_by_the_socket(server: Mariadb, job: Job, dumps: Path) -> None:
    by_socket = {"DB_SOCKET": str(server.socket), "DB_USER": "root", "DB_PASSWORD": ""}
    ran = job.run(
        TEMPLATE,
        **values(server, dumps, DATABASES="shop _leer", DB_TLS="off", **{"DB_HOST": "", "DB_PORT": "", **by_socket}),
    )

    assert ran.ok, ran.output
    assert files(dumps) == ["@accounts.sql", "_leer.sql", "shop.sql"]


@pytest.mark.services
@pytest.mark.parametrize(
    "password", ["'''''", '""""', "\\\\\\\\", "####", "    ", "a\nb\r\nc", "-p=%s;", "ünï📦", "$(id)!"]
)
def test_every_password_works_and_is_on_no_command_line(password: str, server: Mariadb, job: Job, dumps: Path) -> None:
    set_password(server, password)
    try:
        slow = server_is_slow(server)
        running = job.start(TEMPLATE, **values(server, dumps, DB_PASSWORD=password, DATABASES="shop", ACCOUNTS=False))
        with slow:
            lines = running.wait_for_program("mariadb-dump", "--databases")
        ran = running.end()
    finally:
        set_password(server, PASSWORD)

    assert ran.ok, ran.output
    assert "--defaults-extra-file=/proc/self/fd/0" in " ".join(lines)
    assert not [line for line in lines if password in line and password.strip()]


class server_is_slow:
    """While this lasts no dump of the shop comes to its end."""

    def __init__(self, server: Mariadb) -> None:
        client = ["mariadb", "--no-defaults", f"--socket={server.socket}", "-uroot", "-N", "-n"]
        self.client = subprocess.Popen(client, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.client.stdin
        assert self.client.stdout
        self.client.stdin.write(b"LOCK TABLES shop.things WRITE; SELECT 'locked';\n")
        self.client.stdin.flush()
        assert self.client.stdout.readline() == b"locked\n"

    def __enter__(self) -> None:
        pass

    def __exit__(self, *of_error: object) -> None:
        self.client.communicate()


@pytest.mark.services
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"DB_PASSWORD": "wrong password"}, "The server refused this user or password"),
        ({"DB_USER": "no'body"}, "The server refused this user or password"),
        ({"DB_PORT": 1}, "The server cannot be reached"),
        ({"DATABASES": "shop, nothing"}, "There is no database 'nothing'"),
        ({"DATABASES": "SHOP"}, "There is no database 'SHOP'"),
        ({"MORE_OPTIONS": "--no-such-option"}, "shop could not be dumped."),
        ({"CONTAINER": "dbx", "path": True}, "The container dbx was not found"),
        ({"CONTAINER": "db", "path": False}, "The container db is not running"),
        (
            {"MORE_OPTIONS": "--ssl-verify-server-cert --ssl-ca=/nowhere/ca.pem"},
            "Client and server do not agree on encryption",
        ),
        ({"RUN_AS": "nobody-of-this-name"}, "'System user'"),
    ],
)
def test_what_is_wrong_is_told_and_the_old_dump_stays(
    changed: dict[str, Any], sentence: str, server: Mariadb, job: Job, dumps: Path, tmp_path: Path
) -> None:
    dumps.mkdir(parents=True)
    (dumps / "shop.sql").write_text("the good one of yesterday")
    if "path" in changed:
        job.path = [stand_in(tmp_path / "bin", running=changed["path"])]
    asked = {"DATABASES": "shop", **{name: value for name, value in changed.items() if name != "path"}}
    ran = job.run(TEMPLATE, **values(server, dumps, **asked))

    assert ran.exit_code == 1, ran.output
    assert sentence in ran.last_line
    assert (dumps / "shop.sql").read_text() == "the good one of yesterday"
    assert not list(dumps.glob(".*"))


@pytest.mark.services
def test_a_disk_that_becomes_full_leaves_the_old_dump(server: Mariadb, job: Job, dumps: Path) -> None:
    dumps.mkdir(parents=True)
    (dumps / "shop.sql").write_text("the good one of yesterday")
    job.wrapper, result = small_disk(dumps, 500)
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop, _leer", ACCOUNTS=False))

    assert ran.exit_code == 1, ran.output
    assert "shop could not be dumped." in ran.last_line
    assert result == dumps or "is full: make room" in ran.last_line
    assert files(result) == ["_leer.sql", "shop.sql"]
    assert (result / "shop.sql").read_text() == "the good one of yesterday"


@pytest.mark.services
def test_the_client_in_a_container_and_nothing_secret_in_its_call(
    server: Mariadb, job: Job, dumps: Path, tmp_path: Path
) -> None:
    job.path = [stand_in(tmp_path / "bin")]
    ran = job.run(TEMPLATE, **values(server, dumps, CONTAINER="db", DATABASES="shop"))

    assert ran.ok, ran.output
    assert files(dumps) == ["@accounts.sql", "shop.sql"]
    calls = (tmp_path / "bin" / "calls").read_text()
    assert "exec --interactive db sh -c" in calls
    assert "mariadb-dump" in calls
    assert PASSWORD not in calls


def client_of(version: str, folder: Path) -> Path:
    """Programs of another version: they say so, and are MariaDB's otherwise."""
    folder.mkdir()
    for name in ("mysqldump", "mariadb-dump"):
        (folder / name).write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\nexec /usr/bin/mariadb-dump "$@"\n'
        )
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.services
def test_versions_are_compared_before_anything_is_dumped(
    server: Mariadb, job: Job, dumps: Path, tmp_path: Path
) -> None:
    job.path = [
        client_of("mysqldump  Ver 10.19 Distrib 10.3.39-MariaDB, for debian-linux-gnu (x86_64)", tmp_path / "old")
    ]
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop"))
    assert ran.exit_code == 1
    assert "The client (10.3.39-MariaDB (MariaDB)) is older than the server (1" in ran.last_line
    assert files(dumps) == []
    assert job.run(TEMPLATE, **values(server, dumps, DATABASES="shop", ACCEPT_OLDER_CLIENT=True)).ok

    job.path = [
        client_of("mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", tmp_path / "mysql")
    ]
    ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop"))
    assert ran.ok, ran.output
    assert "of different makers" in ran.output


@pytest.mark.services
def test_a_server_that_never_answers_is_not_waited_for(job: Job, dumps: Path, tmp_path: Path) -> None:
    """One minute, which is a second here."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shorter = '"${@/#--connect-timeout=60/--connect-timeout=1}"'
    (folder / "mariadb").write_text(f"#!/bin/bash\nexec {program('mariadb')} {shorter}\n")
    (folder / "mariadb").chmod(0o755)
    job.path = [folder]
    with socket.create_server((HOST, 0)) as silent:
        where = {"DB_HOST": HOST, "DB_PORT": silent.getsockname()[1]}
        ran = job.run(TEMPLATE, DUMP_DIR=dumps, **where)

    assert ran.exit_code == 1, ran.output
    assert ran.last_line == "Nothing was dumped. The server does not answer. Does it hang, and are host and port right?"
    assert files(dumps) == []


@pytest.mark.services
def test_a_dump_without_its_last_line_is_not_taken_for_good(
    server: Mariadb, job: Job, dumps: Path, tmp_path: Path
) -> None:
    """A client that breaks off and says that all is well."""
    folder = tmp_path / "bin"
    folder.mkdir()
    cut = 'if [ "$1" = --version ] || [ "$1" = --help ]; then exec /usr/bin/mariadb-dump "$1"; fi\n'
    (folder / "mariadb-dump").write_text(
        f'#!/bin/bash\n{cut}/usr/bin/mariadb-dump "$@" | head -c "$(cat {folder}/bytes)"\nexit 0\n'
    )
    (folder / "mariadb-dump").chmod(0o755)
    job.path = [folder]
    for size, sentence in (("3000", "is not complete"), ("0", "is empty")):
        (folder / "bytes").write_text(size)
        ran = job.run(TEMPLATE, **values(server, dumps, DATABASES="shop", ACCOUNTS=False))
        assert ran.exit_code == 1
        assert sentence in ran.last_line
        assert files(dumps) == []


@pytest.mark.services
def test_a_user_who_may_read_one_database_dumps_it_and_is_told_of_the_rest(
    server: Mariadb, job: Job, dumps: Path
) -> None:
    server.sql("CREATE USER one@localhost IDENTIFIED BY 'password1'; GRANT ALL ON _leer.* TO one@localhost")
    own = {"DB_USER": "one", "DB_PASSWORD": "password1"}
    ran = job.run(TEMPLATE, **values(server, dumps, **own))
    assert ran.ok, ran.output
    assert files(dumps) == ["_leer.sql"]
    assert "The accounts are not dumped: this user may not read them." in ran.output
    assert (
        "There is no database 'shop' on the server, or this user may not see it"
        in job.run(TEMPLATE, **values(server, dumps, DATABASES="shop", **own)).last_line
    )


@pytest.mark.services
@pytest.mark.faults
def test_a_server_that_dies_in_the_middle_of_a_dump(server: Mariadb, job: Job, dumps: Path) -> None:
    """The last of the tests with this server, which is started again for those that run after it all the same."""
    assert job.run(TEMPLATE, **values(server, dumps, DATABASES="shop", ACCOUNTS=False)).ok
    whole = (dumps / "shop.sql").read_bytes()
    with server_is_slow(server):
        running = job.start(TEMPLATE, **values(server, dumps, DATABASES="shop, _leer", COMPRESSION="none"))
        running.wait_until(lambda: any(path.stat().st_size > 500 for path in dumps.glob(".borgui-part-*")))
        running.wait_until(lambda: "metadata lock" in server.sql("SHOW PROCESSLIST"))
        server.kill()
    ran = running.end()
    server.start()

    assert ran.exit_code == 1, ran.output
    assert ran.last_line.startswith("shop could not be dumped. The server ended the connection in the middle.")
    assert "is kept. In all 3 were not dumped: shop, _leer, the accounts." in ran.last_line
    assert files(dumps) == ["shop.sql"]
    assert (dumps / "shop.sql").read_bytes() == whole
