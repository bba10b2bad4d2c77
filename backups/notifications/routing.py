"""Who is told what: rows to be told become rows to be sent, or are counted where the same was told a moment ago.

The same (`signature`) within an hour of one that was told is counted, not repeated; the next one after that hour, or a
line of its own at its end, says how many there were. Counted ones stay on the page: nothing is lost.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from backups import words
from backups.models import Channel, Delivery, Event, Notification

QUIET = timedelta(hours=1)
AT_ONCE = 200
NEVER_COUNTED = {Event.WORKS_AGAIN}


def route(now: datetime) -> int:
    """Route what nobody has routed; how many there were."""
    waiting = Notification.objects.filter(routed_at=None).select_related("repository", "job").order_by("id")[:AT_ONCE]
    channels = list(Channel.objects.filter(enabled=True).prefetch_related("repositories"))
    done = sum(route_one(one, channels, now) for one in waiting)
    return done + sum(close(one, channels, now) for one in list(unclosed(now)[:AT_ONCE]))


def route_one(one: Notification, channels: Sequence[Channel], now: datetime) -> bool:
    """False where another worker was faster."""
    one.signature = one.signature or signature(one)
    with transaction.atomic():
        mine = Notification.objects.filter(pk=one.pk, routed_at=None)
        if not mine.update(routed_at=now, signature=one.signature):
            return False
        before = told_before(one)
        if before is not None and is_same_hour(before, one):
            count(one, before)
        else:
            mention(one, before)
            deliver(one, channels, now)
    return True


def signature(one: Notification) -> str:
    """Of what was written without one. A script that says something else has something else to say."""
    said = hashlib.sha256(f"{one.title}\n{one.text}".encode()).hexdigest() if one.event == Event.MESSAGE else ""
    return f"{one.event}:{one.repository_id or ''}:{said}"


def told_before(one: Notification) -> Notification | None:
    """The last one alike that somebody was told of, unless it has worked again since: then this is news."""
    earlier = Notification.objects.filter(signature=one.signature, pk__lt=one.pk, deliveries__isnull=False)
    found = earlier.order_by("-pk").first()
    if found is None or one.event in NEVER_COUNTED:
        return None
    again = Notification.objects.filter(repository=one.repository, event=Event.WORKS_AGAIN)
    return None if again.filter(pk__gt=found.pk, pk__lt=one.pk).exists() else found


def is_same_hour(before: Notification, one: Notification) -> bool:
    return timedelta(0) <= one.created_at - before.created_at < QUIET


def count(one: Notification, before: Notification) -> None:
    Notification.objects.filter(pk=one.pk).update(counted_in=before)
    Notification.objects.filter(pk=before.pk).update(repeats=F("repeats") + 1)


# --- how many there were ----------------------------------------------------------------------------------------------
def mention(one: Notification, before: Notification | None) -> None:
    """The first one after a quiet hour says how many there were in it."""
    if before is not None and before.repeats:
        one.text = f"{one.text}\n\n{more(before)}"
        one.save(update_fields=["text"])


def more(before: Notification) -> str:
    times = "time" if before.repeats == 1 else "times"
    return f"And {before.repeats} more {times} since {words.clock(before.created_at)}."


def unclosed(now: datetime) -> QuerySet[Notification]:
    """Those with some counted, whose hour is over and after which nothing alike was told."""
    later = Notification.objects.filter(signature=OuterRef("signature"), pk__gt=OuterRef("pk"), counted_in=None)
    counted = Notification.objects.filter(repeats__gt=0, created_at__lte=now - QUIET)
    return counted.annotate(later=Subquery(later.values("pk")[:1])).filter(later=None).select_related("repository")


def close(one: Notification, channels: Sequence[Channel], now: datetime) -> bool:
    """At the end of the hour: what the last of them said, and how many there were. False where another was faster."""
    with transaction.atomic():
        if not Notification.objects.select_for_update().filter(pk=one.pk).exists() or not still_unclosed(one, now):
            return False
        last = one.counted.order_by("-pk").first() or one
        closing = Notification.objects.create(
            event=one.event,
            repository_id=one.repository_id,
            job_id=last.job_id,
            window_run_id=last.window_run_id,
            title=last.title,
            text=f"{last.text}\n\n{more(one)}",
            signature=one.signature,
            created_at=now,
            routed_at=now,
        )
        deliver(closing, channels, now)
    return True


def still_unclosed(one: Notification, now: datetime) -> bool:
    return unclosed(now).filter(pk=one.pk).exists()


# --- who hears it -----------------------------------------------------------------------------------------------------
def deliver(one: Notification, channels: Sequence[Channel], now: datetime) -> None:
    Delivery.objects.bulk_create(
        Delivery(notification=one, channel=channel, created_at=now, next_try_at=now)
        for channel in channels
        if wants(channel, one)
    )


def wants(channel: Channel, one: Notification) -> bool:
    """What is about no repository is for everybody; a good backup that ends a bad time is told once."""
    if one.event not in channel.events or not hears_of(channel, one.repository_id):
        return False
    if one.event == Event.SUCCESS and Event.WORKS_AGAIN in channel.events:
        same = {"job_id": one.job_id, "window_run_id": one.window_run_id}
        return not Notification.objects.filter(event=Event.WORKS_AGAIN, **same).exists()
    return True


def hears_of(channel: Channel, repository_id: int | None) -> bool:
    if repository_id is None or channel.all_repositories:
        return True
    return any(repository.pk == repository_id for repository in channel.repositories.all())
