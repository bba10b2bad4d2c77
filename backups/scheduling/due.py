"""What is due now.

Due times are rows: a schedule's turn is taken by an UPDATE on the due time it was read with, which has to change one
row, and every due time that something became of has a row that exists once. So a restart, a second worker and a slow
minute neither double nor lose one, whatever the clock does.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from backups import schedule_runs
from backups.models import BackupJob, ScheduledJob, ScheduleRun
from borgui.accounts.models import Installation

from . import jobs, notices, turns
from .turns import Turn

log = logging.getLogger(__name__)
AT_ONCE = 500  # schedules of one transaction: others write too
CLOCK_STEP = timedelta(days=1)  # a due time further ahead of the clock was computed by a wrong one


def anything_due(now: datetime) -> bool:
    """One look at an index: for those who ask every few seconds."""
    return ScheduledJob.objects.due(now).exists()


def start_due(now: datetime) -> list[BackupJob]:
    """Queue the backups of everything that is due, record what was missed or paused; the queued jobs.

    The caller starts them, or pokes the worker.
    """
    mend_times(now)
    queued: list[BackupJob] = []
    while ScheduledJob.objects.due(now).exists():
        queued += start_some(now)
    schedule_runs.end_left_over(now)
    return queued


def start_some(now: datetime, **only: object) -> list[BackupJob]:
    """The turns of those that wait longest, in one transaction. `only`: columns, to look at some schedules alone."""
    with transaction.atomic():
        due = ScheduledJob.objects.due(now).filter(**only).defer("ping_url").select_for_update()
        installation = Installation.objects.filter(pk=1).first()
        found = [turn_of(schedule, now, installation) for schedule in due[:AT_ONCE]]
        taken = without_known([turn for turn in found if turn and take(turn)])
        ScheduleRun.objects.bulk_create([run for turn in taken for run in turn.runs if run is not turn.start])
        for turn in taken:
            if turn.lost:
                notices.of_missed(turn.schedule, turn.lost, turn.next_run, now)
        return jobs.begin([turn.start for turn in taken if turn.start], now)


def turn_of(schedule: ScheduledJob, now: datetime, installation: Installation | None) -> Turn[ScheduleRun] | None:
    """None, and people are told, where its times cannot be computed any more: one such must not stop the others."""
    try:
        return turns.of(schedule, now, installation)
    except Exception as fault:
        switch_off(schedule, fault)
        return None


def switch_off(schedule: ScheduledJob, fault: Exception) -> None:
    log.error("schedule %s is switched off, its times cannot be computed: %r", schedule.pk, fault)
    ScheduledJob.objects.filter(pk=schedule.pk).update(enabled=False, next_run=None, starts_at=None)
    notices.of_switched_off(schedule, repr(fault))


def take(turn: Turn[ScheduleRun]) -> bool:
    """Move the schedule on to its next due time; False where somebody else has done so."""
    fields: dict[str, datetime] = {"next_run": turn.next_run, "starts_at": turn.starts_at}
    if turn.start:
        fields["last_run"] = turn.start.due_at
    unchanged = ScheduledJob.objects.filter(pk=turn.schedule.pk, next_run=turn.schedule.next_run, enabled=True)
    return unchanged.update(**fields) == 1


def without_known(taken: Sequence[Turn[ScheduleRun]]) -> list[Turn[ScheduleRun]]:
    """The same turns without due times that have a row already: the clock was set back, or the times were changed."""
    runs = [run for turn in taken for run in turn.runs]
    if not runs:
        return list(taken)
    rows = ScheduleRun.objects.filter(
        scheduled_job__in=[turn.schedule.pk for turn in taken], due_at__gte=min(run.due_at for run in runs)
    )
    known = set(rows.values_list("scheduled_job_id", "due_at"))
    return [turn.without(known) for turn in taken]


# --- the clock --------------------------------------------------------------------------------------------------------
def mend_times(now: datetime) -> None:
    """Compute the next due time anew where there is none, or where it is that of a clock that was far ahead."""
    ahead = ScheduleRun.objects.filter(scheduled_job=OuterRef("pk"), due_at__gt=now + CLOCK_STEP)
    wrong = Q(next_run__gt=now + CLOCK_STEP) & (Q(updated_at__gt=now + CLOCK_STEP) | Exists(ahead))
    broken = ScheduledJob.objects.by_themselves().filter(wrong | Q(next_run=None), enabled=True)
    for schedule in broken.defer("ping_url"):
        with transaction.atomic():
            try:
                set_next(schedule, now)
            except Exception as fault:
                switch_off(schedule, fault)


def set_next(schedule: ScheduledJob, now: datetime) -> None:
    """The first due time after now; None for what does not start by itself. Writes the row."""
    schedule.next_run = schedule.starts_at = None
    if schedule.enabled and schedule.maintenance_window_id is None:
        schedule.next_run = turns.first_after(schedule, now)
        schedule.starts_at = turns.starts_at(schedule, schedule.next_run)
    times = {"next_run": schedule.next_run, "starts_at": schedule.starts_at}
    ScheduledJob.objects.filter(pk=schedule.pk).update(**times)
