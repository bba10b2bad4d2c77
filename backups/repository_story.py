"""What the first page of a repository tells: both verdicts, its last backups, how it grows, who holds its lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backups import borg
from scripts_library import links

from . import days, job_failure, next_due, strips
from .days import Calendar
from .models import BackupJob, BrokenPromise, Data, JobStatus, Repository, Services
from .next_due import Due
from .strips import Strip
from .words import page as page_words

LAST = 5  # jobs
GROWTH = timedelta(days=30)
GOOD = (Data.GOOD, Data.GOOD_WITH_WARNINGS)


@dataclass(frozen=True)
class Growth:
    """Bytes on the repository's disk, and how many more than at `since`."""

    size: int
    more: int | None = None
    since: datetime | None = None

    @property
    def less(self) -> int:
        return -(self.more or 0)


@dataclass(frozen=True)
class Story:
    jobs: list[BackupJob]
    running: BackupJob | None
    data: str | None
    data_sentence: str
    services: str
    services_sentence: str
    strip: Strip
    calendar: Calendar | None  # once there is a backup to be shown
    due: Due
    growth: Growth | None
    lock: borg.Holder | None
    interrupts: list[str]


def of(repository: Repository, now: datetime) -> Story:
    jobs = list(repository.jobs.order_by("-id")[:LAST])
    over = [job for job in jobs if job.is_over]
    made = next((job for job in over if job.status not in (JobStatus.SKIPPED, JobStatus.CANCELLED)), None)
    running = next((job for job in jobs if job.status == JobStatus.RUNNING), None)
    services = services_of(repository, over)
    return Story(
        jobs=jobs,
        running=running,
        data=made.data if made else None,
        data_sentence=data_sentence(repository, made),
        services=services,
        services_sentence=SERVICES[Services(services)],
        strip=strips.of_repository(repository, now),
        calendar=days.of_repository(repository.pk, now) if jobs else None,
        due=next_due.of_repositories([repository.pk], now)[repository.pk],
        growth=growth_of(repository, now),
        lock=None if running else lock_of(repository),
        interrupts=links.interrupts_of([repository.pk])[repository.pk],
    )


SERVICES = {
    Services.UP: "Everything that was stopped is running again.",
    Services.UNTOUCHED: "Backups of it stop nothing.",
    Services.INTERRUPTED: "What the last backup stopped may still be stopped.",
    Services.BROKEN_PROMISE: "A script that had to run did not come to a good end.",
}


def services_of(repository: Repository, over: Sequence[BackupJob]) -> str:
    if BrokenPromise.objects.open().filter(repository=repository).exists():
        return Services.BROKEN_PROMISE
    return over[0].services if over else Services.UNTOUCHED


def data_sentence(repository: Repository, made: BackupJob | None) -> str:
    """What the last backup that was really tried has left."""
    if made is None:
        return "" if repository.last_good_at else "Not backed up from here yet."
    return page_words.data(made)


def growth_of(repository: Repository, now: datetime) -> Growth | None:
    """From what borg told after the backups; None before the first."""
    size = disk_size(repository.stats)
    if size is None:
        return None
    past = (
        repository.jobs.filter(data__in=GOOD, completed_at__gte=now - GROWTH).exclude(stats={}).order_by("id").first()
    )
    before = disk_size(past.stats) if past else None
    if past is None or before is None or past.stats == repository.stats:
        return Growth(size)
    return Growth(size, size - before, past.completed_at)


def disk_size(stats: dict[str, object]) -> int | None:
    whole = stats.get("repository")
    size = whole.get("unique_csize") if isinstance(whole, dict) else None
    return size if isinstance(size, int) else None


def lock_of(repository: Repository) -> borg.Holder | None:
    """The lock of another borg, where the repository is on this machine."""
    return borg.lock_holder(job_failure.target_of(repository))
