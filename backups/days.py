"""The days of the last half year as a calendar, each with the worst that happened on it (ui.md, rule 9)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.utils import timezone

from . import missed_days
from .missed_days import midnight
from .models import BackupJob, JobStatus
from .strips import NOTHING, TONES, UNSEEN

WEEKS = 26
CELL, PITCH, HEAD = 12, 15, 18  # pixels: a day, from one to the next, the line of months above them

WORST = """
WITH days (day, begins, ends) AS (VALUES {days}), statuses (rank, status) AS (VALUES {statuses})
SELECT day, rank, (
  SELECT id FROM backup_jobs AS job
  WHERE job.status = statuses.status AND job.created_at >= begins AND job.created_at < ends
  ORDER BY job.created_at DESC LIMIT 1
) AS found FROM days CROSS JOIN statuses ORDER BY day, rank
"""


@dataclass(frozen=True)
class Worst:
    """`job_id`: one job that ended so."""

    status: str
    job_id: int


@dataclass(frozen=True)
class Day:
    """`tone` as in a strip. x and y are pixels from the top left."""

    date: date
    tone: str
    word: str
    job_id: int | None
    x: int
    y: int

    @property
    def text(self) -> str:
        return f"{self.date:%a %d %b %Y}: {self.word}"


@dataclass(frozen=True)
class Calendar:
    days: tuple[Day, ...]  # the oldest first
    months: tuple[tuple[int, str], ...]  # where a month's name stands, and the name
    width: int = WEEKS * PITCH
    height: int = HEAD + 7 * PITCH

    @property
    def newest_first(self) -> list[Day]:
        """The days on which something ran, or should have."""
        return [day for day in reversed(self.days) if day.tone != NOTHING[0]]


def of_everything(now: datetime) -> Calendar:
    today = timezone.localdate(now)
    return calendar(worst_of_all(now), today, missed_days.of_everything(first_day(today), now))


def of_repository(repository_id: int, now: datetime) -> Calendar:
    today = timezone.localdate(now)
    unseen = {day for _, day in missed_days.of_repositories([repository_id], first_day(today), now)}
    return calendar(worst_of_one(repository_id, now), today, unseen)


def first_day(today: date) -> date:
    """The Monday with which the oldest week begins."""
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


# --- the worst of each day ---------------------------------------------------------------------------------------------
def worst_of_all(now: datetime) -> dict[date, Worst]:
    """Asks the index for one job of each day and status: the time it takes does not grow with the number of jobs."""
    today = timezone.localdate(now)
    days = dates(first_day(today), today)
    adapted = connection.ops.adapt_datetimefield_value
    bounds = [adapted(midnight(day)) for day in [*days, today + timedelta(days=1)]]
    values = [value for number in range(len(days)) for value in (number, bounds[number], bounds[number + 1])]
    statuses = [value for pair in enumerate(TONES) for value in (pair[0], str(pair[1]))]
    sql = WORST.format(days=rows(len(days), 3), statuses=rows(len(TONES), 2))
    order = list(TONES)
    found: dict[date, Worst] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, *statuses])
        for number, rank, job_id in cursor.fetchall():
            if job_id is not None:
                found.setdefault(days[number], Worst(order[rank], job_id))
    return found


def rows(count: int, width: int) -> str:
    return ", ".join([f"({', '.join(['%s'] * width)})"] * count)


def worst_of_one(repository_id: int, now: datetime) -> dict[date, Worst]:
    order = [str(status) for status in TONES]
    found: dict[date, Worst] = {}
    jobs = BackupJob.objects.filter(repository_id=repository_id, status__in=order)
    since = jobs.filter(created_at__gte=midnight(first_day(timezone.localdate(now))))
    for status, pk, created in since.order_by("id").values_list("status", "pk", "created_at"):
        day = timezone.localdate(created)
        if day not in found or order.index(status) <= order.index(found[day].status):
            found[day] = Worst(status, pk)
    return found


# --- where the days stand ----------------------------------------------------------------------------------------------
def calendar(worst: dict[date, Worst], today: date, unseen: Collection[date] = ()) -> Calendar:
    """A column for each week, Monday at the top. `unseen`: days on which something was due and missed. Pure."""
    first = first_day(today)
    days = tuple(cell(day, first, worst.get(day), day in unseen) for day in dates(first, today))
    return Calendar(days, tuple(months(days)))


def dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def cell(day: date, first: date, worst: Worst | None, is_unseen: bool) -> Day:
    week, weekday = divmod((day - first).days, 7)
    tone, word = TONES[JobStatus(worst.status)] if worst else UNSEEN if is_unseen else NOTHING
    return Day(day, tone, word, worst.job_id if worst else None, week * PITCH, HEAD + weekday * PITCH)


def months(days: Iterable[Day]) -> Iterable[tuple[int, str]]:
    """A name above the week in which a month begins, where there is room for it."""
    room = (WEEKS - 2) * PITCH
    return [(day.x, f"{day.date:%b}") for day in days if day.date.day == 1 and day.x <= room]
