"""Real processes of the product on the data directory of a test: worker, supervisor, commands. Each has a log of its own."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection

from backups.models import Worker

from .world import kill, until

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0  # seconds that nothing here needs on a healthy machine


@dataclass
class Crew:
    """What is started here carries the name of the data directory in its environment, and so do its descendants."""

    installation: Any
    extra: dict[str, str]
    folder: Path
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, *argv: str, **extra: str) -> "subprocess.Popen[bytes]":
        """`python ARGV...`; `extra` goes into the environment."""
        connection.close()
        self.folder.mkdir(exist_ok=True)
        with open(self.folder / f"{len(self.started):03d}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, *argv],
                cwd=ROOT,
                env={**self.installation.environment, **self.extra, **extra},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def manage(self, *argv: str, **extra: str) -> "subprocess.Popen[bytes]":
        return self.start(str(ROOT / "manage.py"), *argv, **extra)

    def worker(self, **extra: str) -> "subprocess.Popen[bytes]":
        """A worker that has reported, and so listens to signals."""
        process = self.manage("run_worker", **extra)
        reported = Worker.objects.filter(owner__startswith=f"{process.pid} ")
        until(lambda: reported.exists() or process.poll() is not None, what="a worker")
        assert process.poll() is None, self.said
        return process

    def supervisor(self, **extra: str) -> "subprocess.Popen[bytes]":
        """Web and worker under their supervisor, on a free port of the loopback interface."""
        workers = self.installation.data_dir / "run" / "workers"
        known = set(workers.glob("*"))
        process = self.start("-m", "borgui.supervisor", BORGUI_PORT=str(free_port()), **extra)
        until(lambda: set(workers.glob("*")) - known or process.poll() is not None, what="the supervisor's worker")
        assert process.poll() is None, self.said
        return process

    @property
    def said(self) -> str:
        """Everything that all of them printed."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """kill -9."""
        process.kill()
        process.wait()

    def stop(self, process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        process.send_signal(number)
        return process.wait(PATIENCE)

    def living(self) -> list[int]:
        """Every process on this data directory but the caller, and every script and borg of its jobs."""
        marks = (f"BORGUI_DATA_DIR={self.installation.data_dir}\0", f"LEDGER={self.extra['LEDGER']}\0")
        return [pid for pid in pids() if pid != os.getpid() and any(mark in environment(pid) for mark in marks)]

    def kill_all(self, *, but_scripts: bool = False) -> None:
        """kill -9 to everything at once; `but_scripts`: only to the product's own processes, not to their children."""
        for pid in self.living():
            if not (but_scripts and "EXECUTION_TOKEN=" in environment(pid)):
                kill(pid)
        for process in self.started:
            process.wait(PATIENCE)

    def close(self) -> None:
        until(lambda: not [kill(pid) for pid in self.living()], what="the end of all processes")
        for process in self.started:
            process.wait(PATIENCE)


def pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def environment(pid: int) -> str:
    """Of a living process, each variable ended by NUL; empty for a zombie, and for one that is gone."""
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
