"""Overdue: no good backup for twice the time between two of them, at least 26 hours.

It does not depend on a job running at all, so it is looked for every minute; skipped and failed backups do not reset
it, and neither does a pause, which is easily forgotten. A repository that no enabled schedule backs up is never overdue.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from cronsim import CronSimError
from django.db import transaction

from backups import cron, words
from backups.models import (
    BackupJob,
    BrokenPromise,
    Event,
    MaintenanceWindow,
    Notification,
    Repository,
    ScheduledJob,
    ScheduledRepository,
    Services,
)

LEAST = timedelta(hours=26)
AGAIN = timedelta(hours=24)
DAY = timedelta(days=1)


def look(now: datetime) -> None:
    """Tell of what is overdue, once and every 24 hours while it lasts; take back what is not overdue any more."""
    due = expectations(now)
    late = {pk for pk, (since, between) in due.items() if now - since > max(2 * between, LEAST)}
    Repository.objects.exclude(overdue_since=None).exclude(pk__in=late).update(overdue_since=None)
    for repository in Repository.objects.kept().filter(pk__in=late):
        tell(repository, now, due[repository.pk][1])


def expectations(now: datetime) -> dict[int, tuple[datetime, timedelta]]:
    """By repository the moment from which is counted, and the time between two backups."""
    members = ScheduledRepository.objects.filter(scheduled_job__enabled=True, repository__deleted_at=None)
    found: dict[int, tuple[datetime, timedelta]] = {}
    for member in members.select_related("repository", "scheduled_job__maintenance_window"):
        since, between = expectation(member, now)
        before = found.get(member.repository_id, (since, between))
        found[member.repository_id] = (min(since, before[0]), min(between, before[1]))
    return found


def expectation(member: ScheduledRepository, now: datetime) -> tuple[datetime, timedelta]:
    """What is in a window starts when that opens."""
    schedule = member.scheduled_job
    clock = schedule.maintenance_window or schedule
    since = member.repository.last_good_at or member.repository.created_at
    return max(since, schedule.created_at), interval(clock, now)


def interval(clock: ScheduledJob | MaintenanceWindow, now: datetime) -> timedelta:
    """A day for times that cannot be read (any more): nothing starts then, and that is to be told."""
    try:
        return cron.interval(clock.cron_expression, clock.timezone, now)
    except (CronSimError, ZoneInfoNotFoundError):
        return DAY


def tell(repository: Repository, now: datetime, interval: timedelta) -> bool:
    """False where people know already, or another worker was faster."""
    with transaction.atomic():
        mine = Repository.objects.select_for_update().filter(pk=repository.pk)
        since = mine.values_list("overdue_since", flat=True).get()
        if since is not None and not is_time_again(repository, since, now):
            return False
        mine.update(overdue_since=since or now)
        write(repository, now, interval)
    return True


def is_time_again(repository: Repository, since: datetime, now: datetime) -> bool:
    told = Notification.objects.filter(repository=repository, event=Event.OVERDUE, created_at__gte=since)
    return not told.filter(created_at__gt=now - AGAIN).exists()


def write(repository: Repository, now: datetime, interval: timedelta) -> None:
    Notification.objects.create(
        event=Event.OVERDUE,
        repository=repository,
        title=f"{repository.name}: overdue"[:250],
        text=sentence(repository, now, interval),
        signature=f"{Event.OVERDUE}:{repository.pk}",
        created_at=now,
    )


def sentence(repository: Repository, now: datetime, interval: timedelta) -> str:
    last = words.last_good(repository, now)
    every = words.duration(interval.total_seconds())
    return words.lines("No good backup for too long.", last, f"One is expected every {every}.", services(repository))


def services(repository: Repository) -> str:
    over = BackupJob.objects.filter(repository=repository, completed_at__isnull=False).order_by("-id")
    last = over.values_list("services", flat=True).first()
    broken = BrokenPromise.objects.open().filter(repository=repository).exists()
    return "Services may still be stopped." if broken or last == Services.INTERRUPTED else "Nothing is stopped."
