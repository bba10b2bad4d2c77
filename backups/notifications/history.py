"""What people were told, and what became of it on each channel: the last of it, for a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Prefetch

from backups.models import Delivery, Notification, SendingStatus

from .events import BY_NAME, Kind

SHOWN = 30


@dataclass(frozen=True)
class Told:
    """`fate`: one word for all its deliveries, the worst: sent, waiting, given_up, counted, nobody or new."""

    notification: Notification
    kind: Kind
    deliveries: Sequence[Delivery]

    @property
    def fate(self) -> str:
        if self.notification.counted_in_id:
            return "counted"
        if self.notification.routed_at is None:
            return "new"
        states = {row.status for row in self.deliveries}
        if SendingStatus.GIVEN_UP in states:
            return "given_up"
        return "nobody" if not states else "sent" if states == {SendingStatus.SENT} else "waiting"


def latest(count: int = SHOWN) -> list[Told]:
    """The newest first."""
    deliveries = Prefetch("deliveries", Delivery.objects.select_related("channel").order_by("channel__name"))
    rows = Notification.objects.select_related("repository", "counted_in").prefetch_related(deliveries)
    return [Told(row, BY_NAME[row.event], list(row.deliveries.all())) for row in rows.order_by("-pk")[:count]]
