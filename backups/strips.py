"""The last days of a repository as a strip of small cells, one a day, coloured by the worst that happened (ui.md, 9)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Case, IntegerField, Value, When
from django.utils import timezone

from . import missed_days
from .missed_days import midnight
from .models import BackupJob, JobStatus, Repository

DAYS = 14
CELL, GAP = 10, 2  # pixels

# The worst first. What is still waiting or running says nothing of a day yet.
TONES = {
    JobStatus.FAILURE: ("failed", "not backed up"),
    JobStatus.WARNING: ("attention", "backed up, with a warning"),
    JobStatus.CANCELLED: ("idle", "stopped by a person"),
    JobStatus.SKIPPED: ("idle", "skipped"),
    JobStatus.SUCCESS: ("ok", "backed up"),
}
NOTHING = ("none", "no backup")
DUE = "due"  # stands among the statuses of a day on which a schedule wanted a backup and none was queued
UNSEEN = (DUE, "was due, and nothing ran")


@dataclass(frozen=True)
class Cell:
    """One day. `tone` is one of ok, attention, failed, idle, due, none: failed has a cross, attention a corner, due is
    hollow."""

    day: date
    tone: str
    word: str
    x: int  # pixels from the left

    @property
    def text(self) -> str:
        return f"{self.day:%a %d %b}: {self.word}"


@dataclass(frozen=True)
class Strip:
    cells: tuple[Cell, ...]  # the oldest day first
    height: int = CELL

    @property
    def width(self) -> int:
        return len(self.cells) * (CELL + GAP) - GAP

    @property
    def text(self) -> str:
        """All of it for somebody who does not see it: what happened how often, and when it was bad."""
        if all(cell.tone == "none" for cell in self.cells):
            return f"Last {len(self.cells)} days: no backup"
        good = sum(cell.tone == "ok" for cell in self.cells)
        others = [cell.text for cell in self.cells if cell.tone not in ("ok", "none")]
        return "; ".join([f"Last {len(self.cells)} days: backed up on {good}", *others])


def strip(days: Mapping[date, Iterable[str]], today: date, length: int = DAYS) -> Strip:
    """`days`: the statuses of the jobs that began on a day, and DUE. Pure."""
    first = today - timedelta(days=length - 1)
    return Strip(
        tuple(_cell(first + timedelta(days=n), days.get(first + timedelta(days=n), ()), n) for n in range(length))
    )


def _cell(day: date, statuses: Iterable[str], number: int) -> Cell:
    seen = set(statuses)
    otherwise = UNSEEN if seen == {DUE} else NOTHING
    tone, word = next((found for status, found in TONES.items() if status in seen), otherwise)
    return Cell(day, tone, word, number * (CELL + GAP))


def of_repositories(ids: Collection[int], now: datetime, length: int = DAYS) -> dict[int, Strip]:
    """The strips of these repositories, in three queries; days are those of this installation's time zone."""
    found: dict[int, dict[date, set[str]]] = {pk: defaultdict(set) for pk in ids}
    today = timezone.localdate(now)
    days = [today - timedelta(days=age) for age in range(length)]
    jobs = BackupJob.objects.filter(repository__in=ids, created_at__gte=midnight(days[-1]))
    seen = jobs.annotate(age=_age(days)).values_list("repository_id", "status", "age").distinct()
    for pk, status, age in seen:
        found[pk][days[age]].add(status)
    for pk, day in missed_days.of_repositories(ids, days[-1], now):
        found[pk][day].add(DUE)
    return {pk: strip(days, today, length) for pk, days in found.items()}


def of_repository(repository: Repository, now: datetime, length: int = DAYS) -> Strip:
    return of_repositories([repository.pk], now, length)[repository.pk]


def _age(days: Sequence[date]) -> Case:
    """The place among `days`, the newest first, of the one on which a job began.

    Asked of the database, for a page of the list has more than a thousand jobs, and their times are slow to read.
    """
    begun = (When(created_at__gte=midnight(day), then=Value(age)) for age, day in enumerate(days))
    return Case(*begun, output_field=IntegerField())
