"""Which maintenance windows are due, and what becomes of each of their due times (behaviour.md, section 13).

The same turns as those of schedules, taken in the same way (`due`); what a window starts is a run of its own, in the
queue. One that is still open is never opened twice.
"""

import logging
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from backups.models import MaintenanceWindow, WindowRun, WindowStatus
from borgui.accounts.models import Installation

from . import notices, turns
from .turns import Turn

log = logging.getLogger(__name__)
CLOCK_STEP = timedelta(days=1)  # a due time further ahead of the clock was computed by a wrong one
STILL_OPEN = "Missed: the window was still open."
STILL_WAITS = "Missed: the window still waited to open for the time before."
WAITING = "Waiting for the worker. Nothing has been stopped yet."


def anything_due(now: datetime) -> bool:
    return MaintenanceWindow.objects.due(now).exists()


def open_due(now: datetime) -> list[WindowRun]:
    """Queue a run of each window that is due, record what was missed; the queued runs. The caller starts them."""
    mend_times(now)
    found = (take_turn(pk, now) for pk in list(MaintenanceWindow.objects.due(now).values_list("pk", flat=True)))
    return [run for run in found if run is not None]


def take_turn(pk: int, now: datetime) -> WindowRun | None:
    """The run that it queued, in one transaction with all that became of its due times."""
    with transaction.atomic():
        window = MaintenanceWindow.objects.due(now).filter(pk=pk).select_for_update().first()
        if window is None:
            return None
        turn = turn_of(window, now)
        if turn is None or not take(window, turn):
            return None
        return write(window, turn.without(known_of(window, turn)), now)


def turn_of(window: MaintenanceWindow, now: datetime) -> Turn[WindowRun] | None:
    """None, and people are told, where its times cannot be computed any more: one such must not stop the others."""
    try:
        return turns.of(window, now, Installation.objects.filter(pk=1).first())
    except Exception as fault:
        switch_off(window, fault)
        return None


def switch_off(window: MaintenanceWindow, fault: Exception) -> None:
    log.error("window %s is switched off, its times cannot be computed: %r", window.pk, fault)
    MaintenanceWindow.objects.filter(pk=window.pk).update(enabled=False, next_run=None)
    notices.of_window_switched_off(window, repr(fault))


def take(window: MaintenanceWindow, turn: Turn[WindowRun]) -> bool:
    """Move it on to its next due time; False where somebody else has done so."""
    fields = {"next_run": turn.next_run}
    if turn.start and turn.start.due_at:
        fields["last_run"] = turn.start.due_at
    unchanged = MaintenanceWindow.objects.filter(pk=window.pk, next_run=window.next_run, enabled=True)
    return unchanged.update(**fields) == 1


def known_of(window: MaintenanceWindow, turn: Turn[WindowRun]) -> set[tuple[int, datetime]]:
    """Due times that have a row already: the clock was set back, or the times were changed."""
    due = [run.due_at for run in turn.runs if run.due_at is not None]
    rows = WindowRun.objects.filter(window=window, due_at__in=due).values_list("due_at", flat=True)
    return {(window.pk, at) for at in rows if at is not None}


def write(window: MaintenanceWindow, turn: Turn[WindowRun], now: datetime) -> WindowRun | None:
    start, missed = turn.start, [turn.lost] if turn.lost else []
    other = WindowRun.objects.unfinished().filter(window=window).first()
    if start is not None and other is not None:
        start.status = WindowStatus.MISSED
        start.message = STILL_WAITS if other.status == WindowStatus.QUEUED else STILL_OPEN
        missed, start = [start], None
    over = [*turn.others, *missed]
    for run in over:
        run.created_at = run.completed_at = now
    WindowRun.objects.bulk_create(over)
    for run in missed:
        notices.of_window_missed(window, run, turn.next_run, now)
    if start is not None:
        start.message = " ".join(filter(None, [start.message, WAITING]))
        start.save(force_insert=True)
    return start


# --- times ------------------------------------------------------------------------------------------------------------
def mend_times(now: datetime) -> None:
    """Compute the next due time anew where there is none, or where it is that of a clock that was far ahead."""
    ahead = WindowRun.objects.filter(window=OuterRef("pk"), due_at__gt=now + CLOCK_STEP)
    wrong = Q(next_run__gt=now + CLOCK_STEP) & (Q(updated_at__gt=now + CLOCK_STEP) | Exists(ahead))
    for window in MaintenanceWindow.objects.filter(wrong | Q(next_run=None), enabled=True):
        with transaction.atomic():
            try:
                set_next(window, now)
            except Exception as fault:
                switch_off(window, fault)


def set_next(window: MaintenanceWindow, now: datetime) -> None:
    """The first due time after now; None where it is switched off. Writes the row. After every change of its times."""
    window.next_run = turns.first_after(window, now) if window.enabled else None
    MaintenanceWindow.objects.filter(pk=window.pk).update(next_run=window.next_run, updated_at=now)


def next_openings(window: MaintenanceWindow, now: datetime, count: int = 3) -> list[datetime]:
    """When it opens by itself; nothing where it is switched off, or everything is paused until somebody resumes it."""
    installation = Installation.objects.filter(pk=1).first()
    after: datetime | None = now
    if installation is not None and installation.schedules_are_paused(now):
        after = installation.schedules_paused_until
    if after is None or not window.enabled:
        return []
    return list(islice(turns.times_of(window, after - timedelta(seconds=1)), count))
