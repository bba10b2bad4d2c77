"""What is going to run by itself, schedules and maintenance windows, from the rows of now: for pages and the status.

Due times are given without their jitter. What is paused is left out as far as the end of the pause is known. The number
of queries does not grow with them.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice, takewhile
from statistics import median

from django.db.models import Exists, OuterRef, Q, QuerySet

from backups.models import (
    MaintenanceWindow,
    Repository,
    RunStatus,
    ScheduledJob,
    ScheduledRepository,
    ScheduleRun,
    WindowRun,
)
from borgui.accounts.models import Installation

from . import turns

MOST, EACH = (
    6000,
    48,
)  # due times of one night, more cannot be drawn; and of one schedule, however many others there are
LEARNT_FROM = timedelta(days=14)
Timed = ScheduledJob | MaintenanceWindow  # what starts by itself
Key = tuple[bool, int]  # whether it is a window, and its id
Entry = tuple[datetime, Key, Timed]  # with its key, so that no two rows are ever compared


@dataclass(frozen=True)
class Upcoming:
    """A due time to come."""

    what: Timed
    repository_names: list[str]
    at: datetime

    @property
    def is_window(self) -> bool:
        return key_of(self.what)[0]


def upcoming(now: datetime, count: int, repository: Repository | None = None) -> list[Upcoming]:
    """The next due times of everything, or of what backs up one repository, the soonest first."""
    found = list(islice(merged(running_by_themselves(repository), now), count))
    names = names_of({key for _, key, _ in found})
    return [Upcoming(what, names.get(key, []), at) for at, key, what in found]


def tonight(start: datetime, end: datetime) -> list[tuple[Timed, datetime, float | None]]:
    """Every due time from `start` up to `end`, and how many seconds its backups took of late; None: not known yet."""
    return coming(running_by_themselves(), start, end)


def coming_openings(start: datetime, end: datetime) -> list[tuple[Timed, datetime, float | None]]:
    """The same of windows alone."""
    return coming(list(windows_that_open()), start, end)


def coming(timed: Sequence[Timed], start: datetime, end: datetime) -> list[tuple[Timed, datetime, float | None]]:
    each = max(EACH, MOST // max(len(timed), 1))
    found = takewhile(lambda entry: entry[0] <= end, merged(timed, start - timedelta(seconds=1), each))
    seconds = usual_seconds(start)
    return [(what, at, seconds.get(key)) for at, key, what in found]


def paused(now: datetime) -> Installation | None:
    """The installation where everything is paused: since when, and until when if somebody has said."""
    found = Installation.objects.filter(pk=1).first()
    return found if found is not None and found.schedules_are_paused(now) else None


# --- of the rows ------------------------------------------------------------------------------------------------------
def running_by_themselves(repository: Repository | None = None) -> list[Timed]:
    """`repository`: only what backs it up."""
    schedules = ScheduledJob.objects.by_themselves().filter(enabled=True, next_run__isnull=False).defer("ping_url")
    windows = windows_that_open()
    if repository is not None:
        schedules = schedules.filter(members__repository=repository)
        inside = ScheduledJob.objects.filter(maintenance_window=OuterRef("pk"), enabled=True)
        windows = windows.filter(Exists(inside.filter(members__repository=repository)))
    return [*schedules.order_by("id"), *windows]


def windows_that_open() -> QuerySet[MaintenanceWindow]:
    return MaintenanceWindow.objects.filter(enabled=True, next_run__isnull=False).order_by("id")


def key_of(what: Timed) -> Key:
    return isinstance(what, MaintenanceWindow), what.pk


def merged(timed: Sequence[Timed], after: datetime, each: int | None = None) -> Iterator[Entry]:
    """Due times of all of them, in order; of one `each` at most."""
    pause = paused(after)
    until = pause.schedules_paused_until if pause else after
    if until is None:
        return iter(())
    return heapq.merge(*(islice(stream(one, max(after, until)), each) for one in timed))


def stream(what: Timed, after: datetime) -> Iterator[Entry]:
    return ((at, key_of(what), what) for at in times_after(what, after))


def times_after(what: Timed, after: datetime) -> Iterator[datetime]:
    """The one that the row names costs nothing; the others are computed when somebody asks for them."""
    first = first_of(what, after)
    return chain([first], turns.times_of(what, first))


def first_of(what: Timed, after: datetime) -> datetime:
    due = what.next_run
    until = what.paused_until if isinstance(what, ScheduledJob) else None
    if until is not None:
        after = max(after, until - timedelta(seconds=1))
    return due if due is not None and due > after else turns.first_after(what, after)


def names_of(keys: set[Key]) -> dict[Key, list[str]]:
    """The repositories of each, in order; one query."""
    ids = {is_window: [pk for kind, pk in keys if kind == is_window] for is_window in (False, True)}
    mine = Q(scheduled_job__in=ids[False]) | Q(scheduled_job__maintenance_window__in=ids[True])
    rows = ScheduledRepository.objects.filter(mine, repository__deleted_at=None)
    found: dict[Key, list[str]] = {}
    columns = ("scheduled_job_id", "scheduled_job__maintenance_window_id", "repository__name")
    for schedule, window, name in rows.order_by("scheduled_job", "position").values_list(*columns):
        key = (True, window) if window in ids[True] else (False, schedule)
        found.setdefault(key, []).append(name)
    return found


def usual_seconds(now: datetime) -> dict[Key, float]:
    """The median of how long the backups of their runs took altogether."""
    since = now - LEARNT_FROM
    runs = ScheduleRun.objects.filter(status=RunStatus.QUEUED, ended_at__isnull=False, created_at__gte=since)
    opened = WindowRun.objects.filter(completed_at__isnull=False, started_at__gte=since)
    found: dict[Key, list[float]] = {}
    for is_window, rows in (
        (False, runs.order_by().values_list("scheduled_job_id", "created_at", "ended_at")),
        (True, opened.order_by().values_list("window_id", "started_at", "completed_at")),
    ):
        for pk, began, ended in rows:
            if began is not None and ended is not None:
                found.setdefault((is_window, pk), []).append((ended - began).total_seconds())
    return {key: median(seconds) for key, seconds in found.items()}
