"""The days on which a repository was due and nothing ran: hollow in strips and calendars (ui.md, rule 9).

Known from the due times, also those of maintenance windows, that were recorded as missed or paused; and, while no worker
is there to record them, from the schedules whose next time has passed.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from . import cron
from .models import RunStatus, ScheduledJob, ScheduledRepository, WindowStatus

PATIENCE = timedelta(minutes=15)  # a time that has passed since less is not a missed one yet
UNSEEN = (RunStatus.MISSED, RunStatus.PAUSED)

Found = set[tuple[int, date]]  # ids of repositories, and days


def of_repositories(ids: Collection[int], first: date, now: datetime) -> Found:
    """From the day `first` on, whether something else ran then or not; two queries."""
    return found(Q(repository__in=ids), first, now)


def of_everything(first: date, now: datetime) -> set[date]:
    return {day for _, day in found(Q(repository__deleted_at=None), first, now)}


def found(members: Q, first: date, now: datetime) -> Found:
    """`members`: of which rows of schedules and their repositories."""
    days = set(recorded(members, first))
    for repository, expression, zone, due in waiting(members, now).values_list(
        "repository_id", "scheduled_job__cron_expression", "scheduled_job__timezone", "scheduled_job__next_run"
    ):
        days |= {(repository, day) for day in due_days(expression, zone, due or now, first, now)}
    return days


def recorded(members: Q, first: date) -> QuerySet[ScheduledRepository, tuple[int, date]]:
    """Of schedules, and of the openings of windows; one query."""
    of_schedules = recorded_in("scheduled_job__runs", UNSEEN, members, first)
    of_windows = recorded_in("scheduled_job__maintenance_window__runs", (WindowStatus.MISSED,), members, first)
    return of_schedules.union(of_windows)


def recorded_in(
    runs: str, statuses: Collection[str], members: Q, first: date
) -> QuerySet[ScheduledRepository, tuple[int, date]]:
    found = ScheduledRepository.objects.filter(
        members, **{f"{runs}__status__in": statuses, f"{runs}__due_at__gte": midnight(first)}
    )
    day = TruncDate(f"{runs}__due_at", tzinfo=timezone.get_current_timezone())
    return found.order_by().values_list("repository_id", day).distinct()


def waiting(members: Q, now: datetime) -> QuerySet[ScheduledRepository]:
    """Of the schedules that should have been started."""
    late = ScheduledJob.objects.due(now - PATIENCE).order_by()
    return ScheduledRepository.objects.filter(members, scheduled_job__in=late).order_by()


def due_days(expression: str, zone: str, due: datetime, first: date, now: datetime) -> Iterator[date]:
    """The days from `first` on on which it was due, the time `due` the first."""
    moment = due
    while moment <= now - PATIENCE:
        day = timezone.localdate(moment)
        if day >= first:
            yield day
        after = midnight(max(day + timedelta(days=1), first)) - timedelta(seconds=1)
        moment = cron.next_time(expression, zone, after)


def midnight(day: date) -> datetime:
    """When the day begins in the time zone of this installation, also where clocks are changed."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
