"""A window around two backups, and what must hold for it whatever happened to its process and to theirs."""

import faulthandler
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.db import connection

from backups import housekeeping, pipeline, recovery, windows
from backups.models import BackupJob, BrokenPromise, MaintenanceWindow, WindowRun
from backups.watch import StopRequest
from backups.windows import crew, opening
from borgui.rundir import Busy
from scripts_library.models import ExecutionStatus, ScriptExecution

from . import bomb
from .world import BUSY, HANGS, OVER, carriers, kill, until

HERE = Path(__file__).parent
POST = {"start": "always", "alarm": "failure", "report": "success"}
MOST_ROUNDS = 12  # of recovery, for one run


@dataclass
class WindowWorld:
    """`ledger` is what the scripts and borg themselves wrote down."""

    installation: Any
    window: MaintenanceWindow
    ledger: Path

    @property
    def extra(self) -> dict[str, str]:
        return {
            **self.installation.environment,
            "LEDGER": str(self.ledger),
            "BORGUI_PASS_ENV": "LEDGER",
            "BORGUI_BORG": str(HERE / "borg.sh"),
            "NAP": "0.02",
        }

    def new_run(self) -> WindowRun:
        self.ledger.write_text("")
        return windows.open_now(self.window)

    @property
    def lines(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    # --- processes ----------------------------------------------------------------------------------------------------
    def forked(self, run_id: int, at: int = 0, log: Path | None = None, of_jobs: int = 0) -> int:
        """`run_window` in a fork of this process; the wait status. `at`, `of_jobs`: the events at which it, or each of
        its jobs, is killed; with `log` it notes its events."""
        return os.waitpid(self.start("run_window", run_id, bomb.Bomb(at, str(log or "")), of_jobs), 0)[1]

    def start(self, command: str, pk: int, counter: bomb.Bomb, of_jobs: int = 0) -> int:
        connection.close()
        pid = os.fork()
        if pid == 0:
            self._be(command, pk, counter, of_jobs)
        return pid

    def _be(self, command: str, pk: int, counter: bomb.Bomb, of_jobs: int = 0) -> NoReturn:
        code = 1
        try:
            faulthandler.dump_traceback_later(HANGS, exit=True, file=sys.__stderr__)
            os.environ.update(self.extra)
            settings.PASS_ENV, settings.BORG = ["LEDGER"], self.extra["BORGUI_BORG"]
            stop = StopRequest().listen()
            bomb.arm(counter)
            if command == "run_job":
                pipeline.run(pk, stop)
            else:
                self._be_window(pk, stop, of_jobs)
            code = 0
        except Busy:
            code = BUSY
        finally:
            os._exit(code)

    def _be_window(self, pk: int, stop: StopRequest, of_jobs: int) -> None:
        """Its jobs are forks too, which saves the start of an interpreter each; that one is over is an event."""

        met: set[str] = (
            set()
        )  # a job is killed once; what becomes of one that is lost again and again is tested elsewhere

        def spawn(argv: list[str], cwd: Any = None) -> Any:
            bomb.event("before a job is started")
            faulthandler.cancel_dump_traceback_later()  # its thread is not in a fork, which would wait for it
            at, job_id = of_jobs if argv[-1] not in met else 0, int(argv[-1])
            met.add(argv[-1])
            child = Forked(self.start("run_job", job_id, bomb.Bomb(at)))
            faulthandler.dump_traceback_later(HANGS, exit=True, file=sys.__stderr__)
            bomb.event("after a job was started")
            return child

        crew.process.spawn = spawn  # type: ignore[assignment]
        collect = crew.Crew.collect

        def collected(one: crew.Crew) -> bool:
            found = collect(one)
            if found:
                bomb.event("a job's process is over")
            return found

        crew.Crew.collect = collected  # type: ignore[method-assign]
        opening.run(pk, stop)

    # --- recovery -----------------------------------------------------------------------------------------------------
    def finish(self, run: WindowRun) -> WindowRun:
        """What a worker would do until it is over: recover what is lost, side by side, and start what waits."""
        for _ in range(MOST_ROUNDS):
            run.refresh_from_db()
            started = [self.start(command, pk, bomb.Bomb()) for command, pk in recovery.lost()]
            if run.status == "queued":
                started.append(self.start("run_window", run.pk, bomb.Bomb()))
            for pid in started:
                os.waitpid(pid, 0)
            self.until_nobody_runs()
            run.refresh_from_db()
            if run.is_over and not recovery.lost():
                break
        housekeeping.sweep_run_directories()
        return run

    def until_nobody_runs(self) -> None:
        """Jobs that lost their window go on by themselves."""
        until(lambda: not owners(self.installation.data_dir), what="the end of all jobs")

    def kill_jobs(self, run: WindowRun) -> None:
        for pid in owners(self.installation.data_dir):
            kill(pid)
        self.until_nobody_runs()

    # --- what must hold -----------------------------------------------------------------------------------------------
    def check(self, run: WindowRun) -> list[str]:
        return list(self._wrong(run))

    def _wrong(self, run: WindowRun) -> Iterator[str]:
        lines = [line.split() for line in self.lines]
        starts = Counter(words[0] for words in lines if words[2] == "start")
        ends = Counter(words[0] for words in lines if words[2] == "end")
        if run.status not in OVER:
            yield f"the run is {run.status}"
        if starts["stop"] > 1:
            yield f"'stop' ran {starts['stop']} times"
        jobs = list(run.jobs.all())
        if starts["borg"] > len(jobs) or len({words[3] for words in lines if words[0] == "borg"}) < starts["borg"]:
            yield "borg ran twice for one job"
        for name, run_on in POST.items():
            wanted = run_on == "always" or (run_on == "success") == (run.outcome == "success")
            if wanted and not ends[name]:
                yield f"the promise '{name}' was not kept after {run.outcome}"
            if not wanted and starts[name]:
                yield f"'{name}' ran after {run.outcome}"
        yield from self._wrong_order(lines)
        yield from self._wrong_jobs(run, jobs)
        yield from self._left_over(run, jobs)
        wanted_services = "up" if starts["stop"] else "untouched"
        stopped = run.executions.filter(hook_type="pre-backup", started_at__isnull=False).exists()
        if run.services != wanted_services and not (stopped and run.services == "up"):
            yield f"services are {run.services}"
        if any(one.still_down for one in windows.downtime_of(run)):
            yield "something is shown as still down"

    def _wrong_order(self, lines: list[list[str]]) -> Iterator[str]:
        closing = next((number for number, words in enumerate(lines) if words[0] in POST), len(lines))
        if any(words[0] in ("stop", "borg", "own") for words in lines[closing:]):
            yield "a backup, or a script of one, ran after the services had begun to start"
        opened = next((number for number, words in enumerate(lines) if words[:3:2] == ["stop", "end"]), len(lines))
        if any(words[0] == "borg" for words in lines[:opened]):
            yield "a backup ran before the services were stopped"

    def _wrong_jobs(self, run: WindowRun, jobs: list[BackupJob]) -> Iterator[str]:
        for job in jobs:
            if not job.is_over:
                yield f"job {job.window_position} is {job.status}"
            if job.status in ("skipped", "cancelled") and job.started_at is not None and job.outcome == "skipped":
                yield f"job {job.window_position} began and is said to be skipped"
        if run.outcome == "success" and any(job.outcome != "success" for job in jobs):
            yield "success, and not every backup was one"

    def _left_over(self, run: WindowRun, jobs: list[BackupJob]) -> Iterator[str]:
        rows = ScriptExecution.objects.all()
        if rows.filter(status__in=(ExecutionStatus.PLANNED, ExecutionStatus.RUNNING)).exists():
            yield "an execution is still open"
        if BrokenPromise.objects.open().exists():
            yield "a promise is recorded as broken"
        folders = [self.installation.data_dir / "run" / "windows" / str(run.pk)]
        folders += [self.installation.data_dir / "run" / "jobs" / str(job.pk) for job in jobs]
        if left := [folder.name for folder in folders if folder.exists()]:
            yield f"run directories are left: {left}"
        tokens = [token for token in [*rows.values_list("token", flat=True), *(job.token for job in jobs)] if token]
        if left_running := carriers(tokens):
            yield f"processes are left: {left_running}"


class Forked:
    """What `process.spawn` returns, as far as a crew uses it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def owners(data_dir: Path) -> list[int]:
    """The pids of living owners of run directories of jobs."""
    from borgui.rundir import RunDirectory

    found = (RunDirectory(lock.parent).owner() for lock in (data_dir / "run" / "jobs").glob("*/lock"))
    return [owner.pid for owner in found if owner is not None and owner.is_alive()]


def killed(status: int) -> bool:
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
