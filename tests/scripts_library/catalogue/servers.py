"""Database servers of Debian's packages, on loopback and free ports, in folders of their own."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

HOST = "127.0.0.1"
IS_ROOT = os.getuid() == 0
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def program(name: str, *folders: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"]))
    assert found, f"there is no {name}: bin/test installs it"
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def must(argv: Sequence[str], **options: object) -> bytes:
    done = subprocess.run(argv, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, (argv, done.stdout[-2000:], done.stderr[-2000:])
    return bytes(done.stdout)


def fastest() -> str:
    """In memory, where a new server costs a second and not five, if there is room for some of them."""
    shared = os.statvfs("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    return "/dev/shm" if shared and shared.f_bavail * shared.f_frsize > 2**29 else "/tmp"


def works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:  # gone, or somebody else's
        return False


class Server:
    """One server. `folder` is short (a socket's path may not be long) and can be entered by a system user."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="borgui-db-", dir=fastest()))
        self.folder.chmod(0o755)
        self.data, self.port = self.folder / "data", free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd="/", start_new_session=True)
        deadline = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """As when the power goes. What it has started, in sessions of its own, works in its folder."""
        assert self.process
        self.process.kill()
        self.process.wait()
        self.process = None
        while helpers := [pid for pid in Path("/proc").glob("[0-9]*") if works_in(pid, self.folder)]:
            for pid in helpers:
                with suppress(ProcessLookupError):
                    os.kill(int(pid.name), 9)
            time.sleep(0.01)

    def remove(self) -> None:
        if self.process:
            self.kill()
        shutil.rmtree(self.folder)


class Mariadb(Server):
    """root comes in by the socket without a password. Others may come by 127.0.0.1, which is localhost to it."""

    def __init__(self, like: "Mariadb | None" = None) -> None:
        super().__init__()
        self.socket = self.folder / "s"
        if like:
            shutil.copytree(like.empty, self.data)
        else:
            whose = [f"--user={getpass.getuser()}"] if IS_ROOT else []
            install = [program("mariadb-install-db"), "--no-defaults", *whose, f"--datadir={self.data}"]
            must([*install, "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M"])
            shutil.copytree(self.data, self.empty)
        self.start()

    @property
    def empty(self) -> Path:
        return self.folder / "empty"

    def command(self) -> list[str]:
        where = [f"--datadir={self.data}", f"--socket={self.socket}", f"--port={self.port}", f"--bind-address={HOST}"]
        small = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0"]
        whose = ["--user=root"] if IS_ROOT else []
        return [program("mariadbd"), "--no-defaults", *where, *small, *whose, "--skip-log-bin"]

    def answers(self) -> bool:
        ping = ["mariadb-admin", "--no-defaults", f"--socket={self.socket}", "-u", "root", "ping"]
        return subprocess.run(ping, check=False, **QUIET).returncode == 0

    def sql(self, text: str | bytes, *options: str) -> str:
        """What the client prints, a line for each row."""
        client = ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "--default-character-set=utf8mb4"]
        given = text.encode() if isinstance(text, str) else text
        return must([*client, "--batch", "--skip-column-names", *options], input=given).decode()


class Postgres(Server):
    """It does not run as root: then it belongs to the system user postgres.

    postgres comes in by the socket, and so does SYSTEM_USER, whom the server knows by the system name (peer).
    """

    SYSTEM_USER = "nobody" if IS_ROOT else getpass.getuser()

    BIN = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))[-1:]
    AS = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if IS_ROOT else []

    def __init__(self) -> None:
        super().__init__()
        if IS_ROOT:
            shutil.chown(self.folder, "postgres")
        self.user = "postgres"
        init = [program("initdb", *self.BIN), "--no-sync", "--auth-local=peer", "--auth-host=scram-sha-256"]
        must([*self.AS, *init, "-U", self.user, "--encoding=UTF8", "--locale=C.UTF-8", "-D", str(self.data)], cwd="/")
        (self.data / "pg_hba.conf").write_text(
            f"local all postgres trust\nlocal all {self.SYSTEM_USER} peer\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        self.start()

    def command(self) -> list[str]:
        settings = [f"unix_socket_directories={self.folder}", f"listen_addresses={HOST}", "fsync=off", "jit=off"]
        options = [word for setting in settings for word in ("-c", setting)]
        return [*self.AS, program("postgres", *self.BIN), "-D", str(self.data), "-p", str(self.port), *options]

    def answers(self) -> bool:
        ready = [program("pg_isready", *self.BIN), "-q", "-h", str(self.folder), "-p", str(self.port)]
        return subprocess.run(ready, check=False, cwd="/").returncode == 0

    @property
    def environment(self) -> dict[str, str]:
        place = {"PGHOST": str(self.folder), "PGPORT": str(self.port), "PGUSER": self.user, "PGOPTIONS": ""}
        return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", **place}

    def run(self, name: str, *options: str, **more: object) -> str:
        """A client program as the superuser."""
        return must([program(name, *self.BIN), *options], env=self.environment, cwd="/", **more).decode()

    def sql(self, text: str, database: str = "postgres") -> str:
        where = database.replace("\\", "\\\\").replace("'", "\\'")
        quiet = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        return self.run("psql", *quiet, "-d", f"dbname='{where}'", "-f", "-", input=text.encode())


class Redis(Server):
    """`data` is what it finds in its folder, by name."""

    def __init__(self, *settings: str, data: Mapping[str, Path] = MappingProxyType({})) -> None:
        super().__init__()
        self.data.mkdir()
        for name, file in data.items():
            shutil.copy(file, self.data / name)
        self.settings = settings
        self.start()

    def command(self) -> list[str]:
        where = ["--port", str(self.port), "--bind", HOST, "--dir", str(self.data), "--save", ""]
        return [program("redis-server"), *where, *self.settings]

    def answers(self) -> bool:
        ping = ["redis-cli", "-e", "-h", HOST, "-p", str(self.port), "PING"]
        return subprocess.run(ping, check=False, **QUIET).returncode == 0

    def cli(self, *words: str) -> str:
        return must(["redis-cli", "-e", "-h", HOST, "-p", str(self.port), *words]).decode()
