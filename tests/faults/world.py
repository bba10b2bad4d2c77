"""One job with two pre-backup and three post-backup scripts, and what must hold for it whatever happened."""

import faulthandler
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.db import connection

from backups import housekeeping, pipeline, queue, recovery
from backups.attempts import MOST_STARTS
from backups.models import BackupJob, BrokenPromise
from backups.watch import StopRequest
from borgui.rundir import Busy, RunDirectory
from scripts_library.models import ExecutionStatus, ScriptExecution

from . import bomb

HERE = Path(__file__).parent
NAP = 0.05  # seconds that a script takes
HANGS = 60.0  # seconds after which a forked job process that cannot be waited for says where it is, and ends
BODY = """
echo "{name} $ATTEMPT start $JOB_ID" >> "$LEDGER"
while [ -e "$LEDGER.hold-{name}" ]; do sleep 0.02; done
sleep {nap}
echo "{name} $ATTEMPT end $JOB_ID" >> "$LEDGER"
"""
BUSY = 64  # how a forked job process ends where another one has the job
POST = {"always": "always", "failing": "failure", "good": "success"}
OVER = {"success", "warning", "failure", "skipped", "cancelled"}


@dataclass
class World:
    """A repository with its chain; `ledger` is what the scripts themselves wrote down."""

    installation: Any
    repository: Any
    ledger: Path
    problems: list[str] = field(default_factory=list)

    @property
    def extra(self) -> dict[str, str]:
        return {"LEDGER": str(self.ledger), "BORGUI_PASS_ENV": "LEDGER", "BORGUI_BORG": str(HERE / "borg.sh")}

    def new_job(self) -> BackupJob:
        self.ledger.write_text("")
        return queue.enqueue(self.repository, triggered_by="command")

    # --- where it stands ----------------------------------------------------------------------------------------------
    def hold(self, name: str) -> None:
        """From here on the script of this name (or `borg`, `compact`) does not come to its end when it runs."""
        self._holding(name).touch()

    def release(self, name: str) -> None:
        self._holding(name).unlink(missing_ok=True)

    def _holding(self, name: str) -> Path:
        return Path(f"{self.ledger}.hold-{name}")

    @property
    def lines(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def has_started(self, name: str, attempt: int = 1) -> bool:
        return any(line.startswith(f"{name} {attempt} start") for line in self.lines)

    def until_started(self, name: str, attempt: int = 1) -> None:
        until(lambda: self.has_started(name, attempt), what=f"the start of {name}, attempt {attempt}")

    # --- job processes ------------------------------------------------------------------------------------------------
    def forked(self, job_id: int, at: int = 0, log: Path | None = None) -> int:
        """`run_job` in a fork of this process, which saves the start of an interpreter; the wait status.

        Killed at its `at`-th event; with `log` it notes the events.
        """
        return os.waitpid(self.start(job_id, at, log), 0)[1]

    def start(self, job_id: int, at: int = 0, log: Path | None = None, number: int = signal.SIGKILL) -> int:
        """The same without waiting for it: its pid, for the caller to collect. `number`: the signal of the bomb."""
        connection.close()
        pid = os.fork()
        if pid == 0:
            self._be_job(job_id, bomb.Bomb(at, str(log or ""), number))
        return pid

    def _be_job(self, job_id: int, counter: bomb.Bomb) -> NoReturn:
        code = 1
        try:
            faulthandler.dump_traceback_later(HANGS, exit=True, file=sys.__stderr__)
            os.environ.update(self.extra)
            settings.PASS_ENV, settings.BORG = ["LEDGER"], self.extra["BORGUI_BORG"]
            stop = StopRequest().listen()
            bomb.arm(counter)
            pipeline.run(job_id, stop)
            code = 0
        except Busy:
            code = BUSY
        finally:
            os._exit(code)

    def lose(self, pid: int, *, with_scripts: bool = False) -> None:
        """kill -9 to a forked job process, and to what it has started."""
        kill(pid)
        os.waitpid(pid, 0)
        if with_scripts:
            tokens = {
                *ScriptExecution.objects.values_list("token", flat=True),
                *self.repository.jobs.values_list("token", flat=True),
            }
            until(lambda: not [kill(left) for left in carriers([token for token in tokens if token])], what="their end")

    # --- recovery -----------------------------------------------------------------------------------------------------
    def resume(self) -> None:
        """What recovery does, as `recover` does it: whatever is lost is resumed, what is left over is swept."""
        for _, pk in recovery.lost():
            self.forked(pk)
        housekeeping.sweep_run_directories()

    def recover(self) -> str:
        return self.installation.manage("recover", extra=self.extra)

    def finish(self, job: BackupJob) -> BackupJob:
        """What a worker would do: recover, and start the job if nobody had claimed it."""
        self.resume()
        job.refresh_from_db()
        if job.status == "queued":
            self.forked(job.pk)
            job.refresh_from_db()
        return job

    def check(self, job: BackupJob) -> list[str]:
        """Everything that must hold now; empty where it does."""
        return list(self._wrong(job))

    def _wrong(self, job: BackupJob) -> Any:
        lines = self.lines
        starts = Counter(line.split()[0] for line in lines if line.split()[2] == "start")
        ends = Counter(line.split()[0] for line in lines if line.split()[2] == "end")
        if job.status not in OVER:
            yield f"the job is {job.status}"
        for name in ("pre1", "pre2", "borg"):
            if starts[name] > 1:
                yield f"{name} ran {starts[name]} times"
        for name, run_on in POST.items():
            wanted = run_on == "always" or run_on == ("success" if job.outcome == "success" else "failure")
            if wanted and not ends[name]:
                yield f"the promise '{name}' was not kept after {job.outcome}"
            if not wanted and starts[name]:
                yield f"'{name}' ran after {job.outcome}"
            if starts[name] > MOST_STARTS:
                yield f"'{name}' was started {starts[name]} times"
        if job.outcome == "success" and not (ends["pre1"] and ends["pre2"] and ends["borg"]):
            yield "success, and not everything before it had come to an end"
        yield from wrong_order(lines)
        yield from left_over(job, self.installation.data_dir)


def wrong_order(lines: list[str]) -> Any:
    first = next((number for number, line in enumerate(lines) if line.split()[0] in POST), len(lines))
    if any(line.split()[0] in ("pre1", "pre2", "borg") for line in lines[first:]):
        yield "something of before the backup ran after the post-backup chain had begun"


def left_over(job: BackupJob, data_dir: Path) -> Any:
    """Rows, directories and processes that should be gone."""
    if job.executions.filter(status__in=(ExecutionStatus.PLANNED, ExecutionStatus.RUNNING)).exists():
        yield "an execution is still open"
    if BrokenPromise.objects.open().filter(job=job).exists():
        yield "a promise is recorded as broken"
    if (data_dir / "run" / "jobs" / str(job.pk)).exists():
        yield "the run directory is left"
    tokens = [*ScriptExecution.objects.filter(backup_job=job).values_list("token", flat=True), job.token]
    left = carriers([token for token in tokens if token])
    if left:
        yield f"processes are left: {left}"


def carriers(tokens: list[str]) -> list[int]:
    """Living processes that carry one of the tokens, found without the product's help."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            continue
        if state not in "ZX" and any(f"EXECUTION_TOKEN={token}".encode() in environment for token in tokens):
            found.append(int(folder.name))
    return found


def owner_of(world: World, job: BackupJob) -> Any:
    return RunDirectory(world.installation.data_dir / "run" / "jobs" / str(job.pk)).owner()


def until(holds: Any, seconds: float = 60.0, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
