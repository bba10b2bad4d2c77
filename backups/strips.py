"""The last days of a repository as a strip of small cells, one a day, coloured by the worst that happened (ui.md, 9)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

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


@dataclass(frozen=True)
class Cell:
    """One day. `tone` is one of ok, attention, failed, idle, none: failed has a cross, attention a corner."""

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
    """`days`: the statuses of the jobs that began on a day. Pure."""
    first = today - timedelta(days=length - 1)
    return Strip(
        tuple(_cell(first + timedelta(days=n), days.get(first + timedelta(days=n), ()), n) for n in range(length))
    )


def _cell(day: date, statuses: Iterable[str], number: int) -> Cell:
    seen = set(statuses)
    tone, word = next((found for status, found in TONES.items() if status in seen), NOTHING)
    return Cell(day, tone, word, number * (CELL + GAP))


def of_repositories(ids: Collection[int], now: datetime, length: int = DAYS) -> dict[int, Strip]:
    """The strips of these repositories, in one query; days are those of this installation's time zone."""
    found: dict[int, dict[date, set[str]]] = {pk: defaultdict(set) for pk in ids}
    today = timezone.localdate(now)
    jobs = BackupJob.objects.filter(repository__in=ids, created_at__gte=now - timedelta(days=length + 1))
    for pk, status, created in jobs.values_list("repository_id", "status", "created_at").iterator():
        found[pk][timezone.localdate(created)].add(status)
    return {pk: strip(days, today, length) for pk, days in found.items()}


def of_repository(repository: Repository, now: datetime, length: int = DAYS) -> Strip:
    return of_repositories([repository.pk], now, length)[repository.pk]
