"""Further attempts of post-backup scripts after a loss: how many, and when (behaviour.md, section 6, point 3).

Two counters: a script whose process was *interrupted* is started at most three times in all, the third not before
five minutes; one that *failed* during recovery is tried up to five times more, spread over fifteen minutes.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from scripts_library import chain, links
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from . import holding
from .ledger import Ledger
from .models import BackupJob, WindowRun, Work
from .verdicts import last_attempts
from .watch import StopRequest

MOST_STARTS = 3
THIRD_START_AFTER = timedelta(minutes=5)
RETRY_AFTER = [timedelta(seconds=seconds) for seconds in (30, 60, 120, 240, 450)]  # fifteen minutes in all


def open_rows(rows: Sequence[ScriptExecution], now: datetime) -> tuple[list[ScriptExecution], list[ScriptExecution]]:
    """The planned post-backup rows: those that are due, in chain order, and those that wait, the earliest first."""
    planned = [row for row in rows if row.hook_type == Hook.POST and row.status == ExecutionStatus.PLANNED]
    planned.sort(key=lambda row: (row.position, row.attempt))
    due = [row for row in planned if row.not_before is None or row.not_before <= now]
    later = [row for row in planned if row.not_before is not None and row.not_before > now]
    return due, sorted(later, key=lambda row: row.not_before or now)


def is_anything_left(rows: Sequence[ScriptExecution]) -> bool:
    """Something has still to come to an end: planned, or cut off by the end of a planned stop."""
    return any(row.status == ExecutionStatus.PLANNED or may_start_again(row, rows) for row in last_of(rows))


def last_of(rows: Sequence[ScriptExecution]) -> list[ScriptExecution]:
    return last_attempts(rows, Hook.POST)


def wait_for(row: ScriptExecution, stop: StopRequest) -> None:
    """Sleep until the row is due, in small steps; a planned stop ends the waiting at once.

    Never longer than the pause that was planned, whatever happened to the clock since the row was written.
    """
    due = row.not_before or row.created_at
    seconds = min(due - timezone.now(), due - row.created_at).total_seconds()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not stop:
        time.sleep(max(0.0, min(0.5, deadline - time.monotonic())))
    if stop:
        stop.give_up()
    row.not_before = None


def may_start_again(row: ScriptExecution, rows: Iterable[ScriptExecution]) -> bool:
    """`row` is the last attempt and was interrupted: does it get another start?"""
    if row.status != ExecutionStatus.INTERRUPTED or not row.rerun:
        return False
    return sum(other.status == ExecutionStatus.INTERRUPTED for other in same(row, rows)) < MOST_STARTS


def same(row: ScriptExecution, rows: Iterable[ScriptExecution]) -> list[ScriptExecution]:
    """All attempts of the same link."""
    return [other for other in rows if other.hook_type == row.hook_type and other.position == row.position]


def after_interruption(rows: Sequence[ScriptExecution], now: datetime) -> list[ScriptExecution]:
    """New planned rows (unsaved) for the post-backup scripts that were cut off and may start again."""
    again = []
    for row in last_of(rows):
        if may_start_again(row, rows):
            starts = sum(other.status == ExecutionStatus.INTERRUPTED for other in same(row, rows))
            again.append(next_attempt(row, now + THIRD_START_AFTER if starts == MOST_STARTS - 1 else None))
    return again


def plan_retries(work: Work, rows: list[ScriptExecution], ledger: Ledger) -> bool:
    """Plan one more try of each promise that failed during recovery, as far as there are tries left; added to `rows`."""
    now = timezone.now()
    again = [
        next_attempt(row, now + RETRY_AFTER[failures - 1])
        for row in last_of(rows)
        if is_failed_promise(row, work.outcome) and 0 < (failures := failures_of(row, rows)) <= len(RETRY_AFTER)
    ]
    if not again or not ledger.add(again):
        return False
    rows += again
    return True


def is_failed_promise(row: ScriptExecution, outcome: str) -> bool:
    """Failed in recovery, and not because a person stopped it or because it could not run at all."""
    failed = row.status in (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)
    return failed and row.claim > 1 and row.is_promise and chain.matches(row.run_on, outcome)


def failures_of(row: ScriptExecution, rows: Iterable[ScriptExecution]) -> int:
    failed = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT)
    return sum(other.status in failed and other.claim > 1 for other in same(row, rows))


def to_run_again(work: BackupJob | WindowRun) -> list[ScriptExecution]:
    """New planned rows (unsaved) for the post-backup scripts of finished work that should have succeeded and did not.

    What a window has stopped is started by the window alone.
    """
    rows, held = list(work.executions.filter(hook_type=Hook.POST)), holding.things_of(work)
    wanted = [row for row in last_of(rows) if chain.matches(row.run_on, work.outcome) and row.interrupts not in held]
    return [next_attempt(row) for row in wanted if row.status != ExecutionStatus.SUCCEEDED]


def next_attempt(row: ScriptExecution, not_before: datetime | None = None) -> ScriptExecution:
    """The same link once more, unsaved."""
    return links.once_more(row, not_before=not_before)
