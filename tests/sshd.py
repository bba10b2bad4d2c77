"""Another machine, as far as ssh can tell: Debian's sshd on a loopback port, with keys and folders of its own."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
HOST = "127.0.0.1"


def patience(settings: Path) -> list[str]:
    """sshd of 9.8 and later shuts out who failed to sign in a few times, as these tests do; older ones know no penalties."""
    option = ["-o", "PerSourcePenalties=no"]
    known = subprocess.run([PROGRAM, "-t", "-f", settings, *option], capture_output=True, check=False).returncode == 0
    return option if known else []


@dataclass
class Sshd:
    """`home` is where repositories are; only who has an authorized key gets in."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def user(self) -> str:
        return getpass.getuser()

    def address(self, name: str) -> str:
        return f"ssh://{self.user}@{HOST}:{self.port}{self.home}/{name}"

    def let_in(self, public_key: str, *, only_borg: bool = True) -> None:
        """As docs and page recommend: borg only, and only below one folder."""
        options = f'command="borg serve --restrict-to-path {self.home}",restrict ' if only_borg else ""
        (self.folder / "authorized_keys").write_text(f"{options}{public_key}\n")

    def install_again(self) -> None:
        """The same address, another host key."""
        self.stop()
        for file in self.folder.glob("host_key*"):
            file.unlink()
        self.start()

    def start(self) -> "Sshd":
        assert PROGRAM, "there is no sshd (apt install openssh-server)"
        self.home.mkdir(parents=True, exist_ok=True)
        key, settings = self.folder / "host_key", self.folder / "sshd_config"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        settings.write_text(
            f"Port {self.port}\nListenAddress {HOST}\nHostKey {key}\nPidFile none\nUsePAM no\nStrictModes no\n"
            f"PasswordAuthentication no\nAuthorizedKeysFile {self.folder}/authorized_keys\n"
        )
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        with open(self.folder / "log", "ab") as log:
            command = [PROGRAM, "-D", "-e", "-f", str(settings), *patience(settings)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait()
        return self

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None


@contextmanager
def running(folder: Path) -> Iterator[Sshd]:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    server = Sshd(folder, port)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield server.start()
    finally:
        server.stop()
