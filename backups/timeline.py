"""One job as bars on a shared axis: a row per script and per step of borg, and when what was down (ui.md, rule 8).

Pure: rows and a moment in, positions out, in percent of the axis.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scripts_library import chain
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from . import words
from .models import BackupJob, Data, JobStatus, Phase, Work
from .verdicts import back_up_at, started
from .words.page import next_try

BORG, MAINTENANCE, SCRIPT = "borg", "maintenance", "script"
NOT_REACHED = "Did not run: nothing was written to the repository."
NAMES = {BORG: "borg makes the archive", MAINTENANCE: "Prune, compact and check"}


@dataclass(frozen=True)
class Bar:
    """From `x` on `width` wide, in percent of the axis. Drawn at least 3 px wide, so `x` leaves room at the end."""

    x: float
    width: float


@dataclass(frozen=True)
class Row:
    """`state` is an execution's, whatever the row stands for. Without a beginning there is no bar, but a `reason`."""

    key: str
    name: str
    kind: str
    state: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    reason: str = ""
    execution_id: int | None = None
    hook: str = ""
    word: str = ""
    bar: Bar | None = None
    address: str = ""  # of a page of its own; none: its part of the log on this page


@dataclass(frozen=True)
class Down:
    """One thing that was down, by the scripts that stop and start it; `ended_at` None: still down."""

    name: str
    started_at: datetime
    ended_at: datetime | None
    seconds: float
    bar: Bar

    @property
    def sentence(self) -> str:
        if self.ended_at is None:
            return words.still_down(self.name, self.started_at)
        return words.down(self.name, self.seconds, self.started_at, self.ended_at)


@dataclass(frozen=True)
class Timeline:
    title: str
    rows: tuple[Row, ...]
    downs: tuple[Down, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    again: tuple["Timeline", ...] = field(default=())


@dataclass(frozen=True)
class Axis:
    begin: datetime
    end: datetime

    def bar(self, start: datetime, end: datetime) -> Bar:
        """Clipped to the axis; a clock that was set back makes no bar of negative width."""
        whole = max((self.end - self.begin).total_seconds(), 0.001)
        left = min(max((start - self.begin).total_seconds() / whole, 0.0), 0.99)
        right = min(max((end - self.begin).total_seconds() / whole, left), 1.0)
        return Bar(round(left * 100, 2), round((right - left) * 100, 2))


def of(job: BackupJob, executions: Sequence[ScriptExecution], now: datetime) -> list[Timeline]:
    """The job's own timeline, and one for the scripts that were run again after it was over."""
    later = [one for one in executions if is_later(job, one)]
    own = [one for one in executions if one not in later]
    found = [timeline("", [*rows_of(own, Hook.PRE, now), *borg_rows(job, now, BORG), *rows_of(own, Hook.POST, now),
                           *borg_rows(job, now, MAINTENANCE)], executions, now)]  # fmt: skip
    if later:
        found.append(timeline("Run again", rows_of(later, Hook.POST, now), (), now))
    return found


def is_later(job: Work, one: ScriptExecution) -> bool:
    begun = one.started_at or one.created_at
    return job.completed_at is not None and one.attempt > 1 and begun > job.completed_at


def timeline(title: str, rows: list[Row], executions: Iterable[ScriptExecution], now: datetime) -> Timeline:
    begun = [row.started_at for row in rows if row.started_at]
    if not begun:
        return Timeline(title, tuple(rows))
    axis = Axis(min(begun), max(row.ended_at or now for row in rows if row.started_at))
    drawn = [replace(row, bar=axis.bar(row.started_at, row.ended_at or now)) if row.started_at else row for row in rows]
    return Timeline(title, tuple(drawn), tuple(downs(list(executions), axis, now)), axis.begin, axis.end)


def rows_of(executions: Iterable[ScriptExecution], hook: str, now: datetime) -> list[Row]:
    return [row_of(one, now) for one in executions if one.hook_type == hook]


def row_of(one: ScriptExecution, now: datetime) -> Row:
    ran = one.started_at is not None
    end = one.completed_at or (None if one.status == ExecutionStatus.RUNNING else one.started_at)
    return Row(
        key=f"e{one.pk}",
        name=one.script_name if one.attempt == 1 else f"{one.script_name} (try {one.attempt})",
        kind=SCRIPT,
        state=state_of(one),
        started_at=one.started_at,
        ended_at=end if ran else None,
        seconds=lasted(one, now),
        reason=one.error_message or next_try(one, now),
        execution_id=one.pk,
        hook=one.hook_type,
    )


def state_of(one: ScriptExecution) -> str:
    return SAID_TO_SKIP if one.hook_type == Hook.PRE and chain.says_not_now(one) else one.status


def lasted(one: ScriptExecution, now: datetime) -> float | None:
    if one.started_at is None:
        return None
    if one.execution_time is not None:
        return one.execution_time
    return max(((one.completed_at or now) - one.started_at).total_seconds(), 0.0)


# --- what borg did ----------------------------------------------------------------------------------------------------
def borg_rows(job: BackupJob, now: datetime, kind: str) -> list[Row]:
    """A row for each time that borg was at it; for the archive also where it did not come to it."""
    phase = Phase.BACKUP if kind == BORG else Phase.MAINTENANCE
    entries = [entry for entry in job.phases if entry["phase"] == phase]
    if entries:
        return [borg_row(job, entry, kind, now) for entry in entries]
    if kind == MAINTENANCE or job.status == JobStatus.QUEUED:
        return []
    if job.outcome:
        return [Row(BORG, NAMES[BORG], BORG, ExecutionStatus.NOT_RUN, reason=NOT_REACHED)]
    return [Row(BORG, NAMES[BORG], BORG, ExecutionStatus.PLANNED)]


def borg_row(job: BackupJob, entry: dict[str, Any], kind: str, now: datetime) -> Row:
    start = datetime.fromisoformat(entry["started_at"])
    end = datetime.fromisoformat(entry["ended_at"]) if entry["ended_at"] else None
    state, word = state_of_borg(job) if kind == BORG else state_of_maintenance(job)
    return Row(
        key=kind,
        name=NAMES[kind],
        kind=kind,
        state=state if end else ExecutionStatus.RUNNING,
        started_at=start,
        ended_at=end,
        seconds=((end or now) - start).total_seconds(),
        word=word if end else "",
    )


def state_of_borg(job: BackupJob) -> tuple[str, str]:
    if job.data == Data.GOOD:
        return ExecutionStatus.SUCCEEDED, ""
    if job.data == Data.GOOD_WITH_WARNINGS:
        return WARNED, "with warnings"
    if job.outcome == JobStatus.CANCELLED:
        return ExecutionStatus.CANCELLED, ""
    if job.data == Data.NONE and job.archive_files == 0:
        return WARNED, "empty archive"
    return ExecutionStatus.FAILED, ""


def state_of_maintenance(job: BackupJob) -> tuple[str, str]:
    return (WARNED, "with a warning") if job.maintenance_message else (ExecutionStatus.SUCCEEDED, "")


WARNED = "warned"  # a state that only borg has
SAID_TO_SKIP = "said_to_skip"  # failed with the code that says "not now": nobody has to do anything


# --- what was down ----------------------------------------------------------------------------------------------------
def downs(executions: Sequence[ScriptExecution], axis: Axis, now: datetime) -> list[Down]:
    """One span per interrupted thing, as `verdicts.downtime_of` counts it, in the order in which they went down."""
    found: dict[str, Down] = {}
    for one in started(executions, Hook.PRE):
        if one.interrupts and one.interrupts not in found and one.started_at:
            end = back_up_at(executions, one.interrupts)
            seconds = max(((end or now) - one.started_at).total_seconds(), 0.0)
            found[one.interrupts] = Down(
                one.interrupts, one.started_at, end, seconds, axis.bar(one.started_at, end or axis.end)
            )
    return list(found.values())
