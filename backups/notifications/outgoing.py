"""What has to leave the machine, as rows: taken by one sender at a time, tried again, given up in the end.

A row is taken by a conditional UPDATE. A sender that dies gives nothing back, so what was taken long ago is taken
again: a message may come twice then, and never not at all.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from backups.models import Delivery, Outgoing, Ping, SendingStatus

DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))  # the last one again and again
LOST_AFTER = timedelta(minutes=5)
PATIENCE: dict[type[Outgoing], timedelta] = {Delivery: timedelta(hours=24), Ping: timedelta(hours=1)}
MODELS: tuple[type[Outgoing], ...] = (Delivery, Ping)
MOST_ERROR = 500  # characters


def anything_due(now: datetime) -> bool:
    return any(due(model, now).exists() or lost(model, now).exists() for model in MODELS)


def due(model: type[Outgoing], now: datetime) -> "QuerySet[Any]":
    """What may be sent now; of one channel the least tried first, so that no message is in the way of the others."""
    rows: QuerySet[Any] = model._default_manager.filter(status=SendingStatus.WAITING, next_try_at__lte=now)
    if model is Delivery:
        rows = rows.filter(channel__enabled=True)
    return rows.order_by("attempts", "id")


def lost(model: type[Outgoing], now: datetime) -> "QuerySet[Any]":
    """Taken by somebody who is gone; a moment in the future is as good as one that is long past."""
    long_ago = Q(taken_at__lt=now - LOST_AFTER) | Q(taken_at__gt=now + LOST_AFTER)
    return model._default_manager.filter(long_ago, status=SendingStatus.SENDING)


def give_back(now: datetime) -> int:
    """Let what was lost be taken again; how many there were."""
    return sum(lost(model, now).update(status=SendingStatus.WAITING, next_try_at=now) for model in MODELS)


def take(row: Outgoing, now: datetime) -> bool:
    """False where somebody was faster, or it is not wanted any more."""
    waiting = _manager(row).filter(pk=row.pk, status=SendingStatus.WAITING)
    taken = waiting.update(status=SendingStatus.SENDING, taken_at=now, attempts=row.attempts + 1)
    row.attempts += taken
    return bool(taken)


def mark_sent(row: Outgoing, now: datetime) -> None:
    _manager(row).filter(pk=row.pk).update(status=SendingStatus.SENT, sent_at=now, error="", taken_at=None)


def mark_failed(row: Outgoing, now: datetime, error: str) -> datetime:
    """Wait for the next try, or give up where the row is too old for one; when that try is."""
    again = now + DELAYS[min(row.attempts, len(DELAYS)) - 1]
    is_over = again > row.created_at + PATIENCE[type(row)]
    status = SendingStatus.GIVEN_UP if is_over else SendingStatus.WAITING
    taken = _manager(row).filter(pk=row.pk, status=SendingStatus.SENDING)
    taken.update(status=status, error=error[:MOST_ERROR], next_try_at=again, taken_at=None)
    return again


def _manager(row: Outgoing) -> "QuerySet[Any]":
    return type(row)._default_manager.all()
