"""When the next backup of a repository is due, for lists and the status: two queries, however many there are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q

from . import scheduling
from .models import ScheduledRepository


@dataclass(frozen=True)
class Due:
    """`at`: of its schedules and of the maintenance windows it is backed up in; none where all of them are paused."""

    is_scheduled: bool
    at: datetime | None = None


def of_repositories(ids: Collection[int], now: datetime) -> dict[int, Due]:
    runs = Q(scheduled_job__enabled=True) & (
        Q(scheduled_job__paused_until=None) | Q(scheduled_job__paused_until__lte=now)
    )
    opens = runs & Q(scheduled_job__maintenance_window__enabled=True)
    members = ScheduledRepository.objects.filter(repository__in=ids).order_by().values("repository")
    times = members.annotate(
        own=Min("scheduled_job__next_run", filter=runs & Q(scheduled_job__maintenance_window=None)),
        inside=Min("scheduled_job__maintenance_window__next_run", filter=opens),
    )
    found = {
        pk: min(filter(None, both), default=None) for pk, *both in times.values_list("repository", "own", "inside")
    }
    all_are_paused = scheduling.paused(now) is not None
    return {pk: Due(pk in found, None if all_are_paused else found.get(pk)) for pk in ids}
