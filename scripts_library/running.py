"""Running one script and recording it: two writes, `running` before it starts and its end afterwards (section 8)."""

import logging
import os
import re
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.utils import timezone

from borgui import process
from borgui.fields import is_sealed
from borgui.masking import Masker
from borgui.rundir import RunDirectory
from borgui.transcript import Transcript

from . import environment, notify_file
from .environment import HookContext
from .interpreter import Prepared, Unstartable, prepare
from .models import ExecutionStatus, ScriptExecution
from .parameters import SHORTEST_SECRET

log = logging.getLogger(__name__)


class Superseded(Exception):
    """Another process has taken the run over: this one writes and starts nothing more."""


class Stop(StrEnum):
    """Why something that runs is asked to stop."""

    CANCELLED = "cancelled"  # the job, by a person
    STOPPED = "stopped"  # this one execution, by a person
    SHUTDOWN = "shutdown"  # the service is shut down
    MAX_DOWNTIME = "max_downtime"  # services have been down for as long as the repository allows
    TIMED_OUT = "timed_out"  # its own time limit

    @property
    def sentence(self) -> str:
        return SENTENCES[self]


SENTENCES = {
    Stop.CANCELLED: "Stopped by a person.",
    Stop.STOPPED: "Stopped by a person.",
    Stop.SHUTDOWN: "Stopped: the service was shut down.",
    Stop.MAX_DOWNTIME: "Stopped: the services had been down for as long as this repository allows.",
    Stop.TIMED_OUT: "Stopped at its time limit.",
}
STATUS_OF_STOP = {
    Stop.CANCELLED: ExecutionStatus.CANCELLED,
    Stop.STOPPED: ExecutionStatus.CANCELLED,
    Stop.SHUTDOWN: ExecutionStatus.INTERRUPTED,
    Stop.MAX_DOWNTIME: ExecutionStatus.TIMED_OUT,
    Stop.TIMED_OUT: ExecutionStatus.TIMED_OUT,
}


@dataclass(frozen=True)
class Run:
    """Where and for what scripts run: the circumstances, the run directory, and how to write, ask and tell.

    `write(row, fields)` makes fields of an execution durable, or raises; `should_stop(row)` returns a `Stop` or '';
    `tell(title, text)` passes on what a script put into NOTIFY_FILE; `is_out_of_time()` ends the chain of a planned stop.
    """

    context: HookContext
    directory: RunDirectory
    logs: Path
    write: Callable[[ScriptExecution, dict[str, Any]], None]
    should_stop: Callable[[ScriptExecution], str]
    tell: Callable[[ScriptExecution, str, str], None]
    is_out_of_time: Callable[[], bool] = lambda: False
    claim: int = 0
    grace: float = 10.0  # seconds between TERM and KILL
    secrets: tuple[str, ...] = ()  # masked besides the script's own: the repository's passphrase

    def record(self, row: ScriptExecution, **fields: Any) -> None:
        """Set the fields on the row and make them durable."""
        for name, value in fields.items():
            setattr(row, name, value)
        self.write(row, fields)


def not_run(row: ScriptExecution, run: Run, reason: str) -> None:
    run.record(row, status=ExecutionStatus.NOT_RUN, error_message=reason)


def cannot_start(row: ScriptExecution, run: Run, reason: str) -> None:
    """It should have run and could not: failed, and never started, so nothing was interrupted by it."""
    run.record(row, status=ExecutionStatus.FAILED, error_message=reason, claim=run.claim, completed_at=timezone.now())


def run_script(row: ScriptExecution, run: Run) -> None:
    """Run the pinned text of `row` and record how it ended.

    The failure of the script is a value in the row, and so is a fault of our own code after its start. What the first
    write raises is passed on: nothing has been started then.
    """
    row.stop_reason = ""
    try:
        prepared = pinned(row)
        make_whole(run.directory)
        copy = run.directory.private_copy(copy_name(row), prepared.content)
    except Unstartable as problem:
        return cannot_start(row, run, str(problem))
    except OSError as problem:
        return cannot_start(row, run, f"The private copy of the script could not be written: {problem}")
    hints = list(prepared.hints)
    run.record(row, status=ExecutionStatus.RUNNING, started_at=timezone.now(), claim=run.claim, hints=hints)
    try:
        return carry_out(row, run, [*prepared.argv, str(copy)])
    except Superseded:
        raise
    except Exception as fault:
        return record_fault(row, run, fault)


def carry_out(row: ScriptExecution, run: Run, argv: list[str]) -> None:
    """From the start of the process to the record of its end."""
    transcript = Transcript(run.logs / f"{row.pk}.log", secrets_of(row, run))
    result = start(row, run, argv, transcript)
    transcript.close()
    keep_state(run.directory)
    run.directory.clear_child()
    row.stop_reason = result.reason
    pass_on_notice(row, run)
    run.record(row, **ending(row, result, transcript))


def make_whole(directory: RunDirectory) -> None:
    """A script before this one may have removed what it stood in (`cd /missing; rm -rf ./*`), or locked it."""
    for folder in (directory.path, directory.state, directory.copies):
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            folder.chmod(0o700)


def keep_state(directory: RunDirectory) -> None:
    """What a script leaves in STATE_DIR, however strange, does not make it fail; a link may lead to everything."""
    if directory.state.is_symlink():
        return
    try:
        directory.sync_state()
    except (OSError, RecursionError) as problem:
        log.error("%s could not be brought to disk: %r", directory.state, problem)


def copy_all(rows: Iterable[ScriptExecution], directory: RunDirectory) -> None:
    """The private copies of a plan, before it begins: on a disk that fills up meanwhile they are there already.

    Raises OSError. What cannot be started at all is told when it is its turn.
    """
    for row in rows:
        try:
            directory.private_copy(copy_name(row), pinned(row).content)
        except Unstartable:
            continue


def run_in_any_case(row: ScriptExecution, run: Run) -> None:
    """Like `run_script`, but any fault of our own code is the failure of this script and not the end of the chain."""
    try:
        run_script(row, run)
    except Superseded:
        raise
    except Exception as fault:
        record_fault(row, run, fault)


def record_fault(row: ScriptExecution, run: Run, fault: Exception) -> None:
    log.error("fault while running '%s' (execution %s)", row.script_name, row.pk, exc_info=fault)
    reason = f"internal fault: {fault!r}"
    run.record(row, status=ExecutionStatus.FAILED, error_message=reason, claim=run.claim, completed_at=timezone.now())


def pinned(row: ScriptExecution) -> Prepared:
    """The text that was planned, ready to start. Raises Unstartable with what to do."""
    if row.revision is None:
        raise Unstartable("The text that was planned is gone.")
    if is_sealed(row.parameters):
        raise Unstartable("Its parameters can no longer be decrypted: put the encryption key back.")
    if row.script_id is None and row.revision.script_id is None:
        return prepare(row.revision.text, default="/bin/bash")
    return prepare(row.revision.text)


def start(row: ScriptExecution, run: Run, argv: list[str], transcript: Transcript) -> process.Result:
    variables = environment.facts(
        run.context,
        execution_id=row.pk,
        attempt=row.attempt,
        token=row.token,
        state=run.directory.state,
        notify=notice_path(row, run),
    )
    run.directory.name_child(row.token)
    return process.run(
        argv,
        env=environment.assemble(variables, row.parameters, run.context.pass_env),
        cwd=run.directory.path,
        timeout=row.timeout,
        token=row.token,
        on_output=transcript.feed,
        on_tick=transcript.tick,
        on_start=lambda child: run.directory.name_child(row.token, child),
        should_stop=lambda: run.should_stop(row),
        grace=run.grace,
    )


def ending(row: ScriptExecution, result: process.Result, transcript: Transcript) -> dict[str, Any]:
    """The fields that are written with the end. Where the clock was set back, the end is still not before the start."""
    now = timezone.now()
    return {
        "started_at": row.started_at if result.pid else None,
        "status": status_of(result),
        "completed_at": max(now, row.started_at or now),
        "execution_time": round(result.seconds, 3),
        "exit_code": result.exit_code,
        "signal": result.signal,
        "stdout": transcript.stdout,
        "stderr": transcript.stderr,
        "error_message": message_of(row, result, transcript),
        "left_behind": result.left_behind,
        "log_bytes": transcript.log_bytes,
        "pid": result.pid,
    }


def status_of(result: process.Result) -> str:
    if result.reason:
        return STATUS_OF_STOP[Stop(result.reason)]
    return ExecutionStatus.SUCCEEDED if result.ok else ExecutionStatus.FAILED


def message_of(row: ScriptExecution, result: process.Result, transcript: Transcript) -> str:
    if result.ok:
        return transcript.error
    if result.error:
        return result.error
    if result.reason == Stop.TIMED_OUT:
        return f"stopped after {row.timeout} s, its time limit"
    if result.reason:
        return Stop(result.reason).sentence
    if result.signal is not None:
        return f"ended by signal {result.signal} ({signal_name(result.signal)})"
    last = last_line(transcript.stderr) or last_line(transcript.stdout)
    return f"exit {result.exit_code}" + (f": {last}" if last else "")


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def last_line(text: str) -> str:
    lines = [line.strip() for line in text[-2000:].splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def secrets_of(row: ScriptExecution, run: Run) -> list[str]:
    """What is masked; a text shorter than four characters cannot be told from others."""
    own = [row.parameters.get(name) or "" for name in row.secret_names]
    return [secret for secret in (*own, *run.secrets) if len(secret) >= SHORTEST_SECRET]


def copy_name(row: ScriptExecution) -> str:
    """What people see in a process list: the position, and the name in plain letters."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", row.script_name).strip("-").lower()[:40]
    return f"{row.position:02d}-{plain or 'script'}"


def notice_path(row: ScriptExecution, run: Run) -> Path:
    return run.directory.path / f"notify-{row.pk}"


def pass_on_notice(row: ScriptExecution, run: Run) -> None:
    """That it cannot be passed on is told in the log and does not make the script fail."""
    title, text = notify_file.read(notice_path(row, run), Masker(secrets_of(row, run)))
    if not title:
        return
    try:
        run.tell(row, title, text)
    except Exception:
        log.exception("what '%s' wrote into NOTIFY_FILE could not be passed on", row.script_name)
