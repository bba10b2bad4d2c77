"""The two verdicts and the downtime, computed from the rows (behaviour.md, sections 1 and 2)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from scripts_library.models import ExecutionStatus, Hook, Outcome, ScriptExecution

from .models import BackupJob, Data, Services, WindowRun, Work

NEVER_STARTED = (ExecutionStatus.PLANNED, ExecutionStatus.NOT_RUN)


@dataclass(frozen=True)
class Downtime:
    """How long one thing was down: from the start of the script that stops it to the end of the one that starts it."""

    name: str
    seconds: float
    still_down: bool


def downtime_of(rows: Sequence[ScriptExecution], now: datetime) -> list[Downtime]:
    """One entry per interrupted thing, in the order in which they went down."""
    found: dict[str, Downtime] = {}
    for row in started(rows, Hook.PRE):
        if row.interrupts and row.interrupts not in found and row.started_at:
            up_again = back_up_at(rows, row.interrupts)
            seconds = ((up_again or now) - row.started_at).total_seconds()
            found[row.interrupts] = Downtime(row.interrupts, round(max(seconds, 0.0), 3), up_again is None)
    return list(found.values())


def back_up_at(rows: Iterable[ScriptExecution], thing: str) -> datetime | None:
    """When a post-backup script that declares the same thing came to a good end."""
    ends = [
        row.completed_at
        for row in rows
        if row.hook_type == Hook.POST
        and row.interrupts == thing
        and row.status == ExecutionStatus.SUCCEEDED
        and row.completed_at
    ]
    return max(ends, default=None)


def started(rows: Iterable[ScriptExecution], hook: str) -> list[ScriptExecution]:
    return [row for row in rows if row.hook_type == hook and row.started_at and row.status not in NEVER_STARTED]


def services_of(work: Work, rows: Sequence[ScriptExecution], *, has_open_promise: bool) -> str:
    """The first that fits (interfaces.md, "A job"); of a window's run, its own scripts alone."""
    if has_open_promise:
        return Services.BROKEN_PROMISE
    stopped = [row for row in started(rows, Hook.PRE) if row.interrupts]
    if not stopped:
        return Services.UNTOUCHED
    later = good_ends_elsewhere(work, {row.interrupts for row in stopped}, after=max(row.pk for row in rows))
    for row in stopped:
        if back_up_at([*rows, *later], row.interrupts) is None:
            return Services.INTERRUPTED
    return Services.UP


def good_ends_elsewhere(work: Work, things: set[str], after: int) -> list[ScriptExecution]:
    """Later jobs of the repository, or later runs of the window, that brought back what this one left down."""
    if not work.is_over:
        return []
    rows = ScriptExecution.objects.filter(
        hook_type=Hook.POST, status=ExecutionStatus.SUCCEEDED, interrupts__in=things, pk__gt=after
    )
    if isinstance(work, BackupJob):
        rows = rows.filter(repository_id=work.repository_id).exclude(backup_job=work)
    elif isinstance(work, WindowRun):
        rows = rows.filter(window_run__window=work.window_id or 0).exclude(window_run=work)
    return list(rows.defer("stdout", "stderr", "parameters")[:20])


def data_of(outcome: str, borg_outcome: str, archive_files: int | None, has_archive: bool) -> str:
    """What is to be said of borg's archive alone; the scripts do not count."""
    if not has_archive or archive_files == 0:
        return Data.NONE
    return Data.GOOD if borg_outcome == Outcome.SUCCESS else Data.GOOD_WITH_WARNINGS


def last_attempts(rows: Iterable[ScriptExecution], hook: str) -> list[ScriptExecution]:
    """The attempt that decides, for each position of a hook."""
    latest: dict[int, ScriptExecution] = {}
    for row in rows:
        known = latest.get(row.position)
        if row.hook_type == hook and (known is None or (row.attempt, row.pk) > (known.attempt, known.pk)):
            latest[row.position] = row
    return [latest[position] for position in sorted(latest)]


def as_json(downtime: Iterable[Downtime]) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in downtime]
