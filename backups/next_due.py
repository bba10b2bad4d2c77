"""When the next backup of a repository is due, for lists and the status: two queries, however many there are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q

from . import scheduling
from .models import ScheduledRepository


@dataclass(frozen=True)
class Due:
    """`at`: none where it is not scheduled, or all its schedules are paused or belong to a maintenance window."""

    is_scheduled: bool
    at: datetime | None = None


def of_repositories(ids: Collection[int], now: datetime) -> dict[int, Due]:
    runs = Q(scheduled_job__enabled=True) & Q(scheduled_job__maintenance_window=None)
    runs &= Q(scheduled_job__paused_until=None) | Q(scheduled_job__paused_until__lte=now)
    members = ScheduledRepository.objects.filter(repository__in=ids).order_by().values("repository")
    found = dict(members.annotate(at=Min("scheduled_job__next_run", filter=runs)).values_list("repository", "at"))
    all_are_paused = scheduling.paused(now) is not None
    return {pk: Due(pk in found, None if all_are_paused else found.get(pk)) for pk in ids}
