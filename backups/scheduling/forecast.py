"""What is going to run by itself, from the rows of now: for the pages and for the status.

Due times are given without their jitter. What is paused is left out as far as the end of the pause is known. The number
of queries does not grow with the schedules.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice, takewhile
from statistics import median

from django.db.models import QuerySet

from backups.models import Repository, RunStatus, ScheduledJob, ScheduledRepository, ScheduleRun
from borgui.accounts.models import Installation

from . import turns

MOST, EACH = (
    6000,
    48,
)  # due times of one night, more cannot be drawn; and of one schedule, however many others there are
LEARNT_FROM = timedelta(days=14)
Entry = tuple[datetime, int, ScheduledJob]  # with its id, so that no two rows are ever compared


@dataclass(frozen=True)
class Upcoming:
    """A due time to come."""

    schedule: ScheduledJob
    repository_names: list[str]
    at: datetime


def upcoming(now: datetime, count: int, repository: Repository | None = None) -> list[Upcoming]:
    """The next due times of all schedules, or of those of one repository, the soonest first."""
    schedules = running_by_themselves()
    if repository is not None:
        schedules = schedules.filter(members__repository=repository)
    found = list(islice(merged(list(schedules), now), count))
    names = names_of({schedule.pk for _, _, schedule in found})
    return [Upcoming(schedule, names.get(schedule.pk, []), at) for at, _, schedule in found]


def tonight(start: datetime, end: datetime) -> list[tuple[ScheduledJob, datetime, float | None]]:
    """Every due time from `start` up to `end`, and how many seconds its backups took of late; None: not known yet."""
    schedules = list(running_by_themselves())
    each = max(EACH, MOST // max(len(schedules), 1))
    found = takewhile(lambda entry: entry[0] <= end, merged(schedules, start - timedelta(seconds=1), each))
    seconds = usual_seconds(start)
    return [(schedule, at, seconds.get(schedule.pk)) for at, _, schedule in found]


def paused(now: datetime) -> Installation | None:
    """The installation where everything is paused: since when, and until when if somebody has said."""
    found = Installation.objects.filter(pk=1).first()
    return found if found is not None and found.schedules_are_paused(now) else None


# --- of the rows ------------------------------------------------------------------------------------------------------
def running_by_themselves() -> QuerySet[ScheduledJob]:
    found = ScheduledJob.objects.by_themselves().filter(enabled=True, next_run__isnull=False)
    return found.defer("ping_url").order_by("id")


def merged(schedules: list[ScheduledJob], after: datetime, each: int | None = None) -> Iterator[Entry]:
    """Due times of all of them, in order; of one schedule `each` at most."""
    pause = paused(after)
    until = pause.schedules_paused_until if pause else after
    if until is None:
        return iter(())
    return heapq.merge(*(islice(stream(one, max(after, until)), each) for one in schedules))


def stream(schedule: ScheduledJob, after: datetime) -> Iterator[Entry]:
    return ((at, schedule.pk, schedule) for at in times_after(schedule, after))


def times_after(schedule: ScheduledJob, after: datetime) -> Iterator[datetime]:
    """The one that the row names costs nothing; the others are computed when somebody asks for them."""
    first = first_of(schedule, after)
    return chain([first], turns.times_of(schedule, first))


def first_of(schedule: ScheduledJob, after: datetime) -> datetime:
    due, until = schedule.next_run, schedule.paused_until
    if until is not None:
        after = max(after, until - timedelta(seconds=1))
    return due if due is not None and due > after else turns.first_after(schedule, after)


def names_of(schedule_ids: set[int]) -> dict[int, list[str]]:
    rows = ScheduledRepository.objects.filter(scheduled_job__in=schedule_ids, repository__deleted_at=None)
    found: dict[int, list[str]] = {}
    for pk, name in rows.order_by("position").values_list("scheduled_job_id", "repository__name"):
        found.setdefault(pk, []).append(name)
    return found


def usual_seconds(now: datetime) -> dict[int, float]:
    """By schedule, the median of how long the backups of its runs took altogether."""
    runs = ScheduleRun.objects.filter(
        status=RunStatus.QUEUED, ended_at__isnull=False, created_at__gte=now - LEARNT_FROM
    )
    found: dict[int, list[float]] = {}
    for pk, began, ended in runs.order_by().values_list("scheduled_job_id", "created_at", "ended_at"):
        if ended is not None:
            found.setdefault(pk, []).append((ended - began).total_seconds())
    return {pk: median(seconds) for pk, seconds in found.items()}
