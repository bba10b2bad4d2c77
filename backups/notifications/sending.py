"""The sender: takes what is due and sends it, every channel in a thread of its own, so that none waits for another.

It is a process of its own (`manage.py send_notifications`), one at a time on a host, and ends when nothing is due.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from backups.models import Channel, Delivery, Outgoing, Ping, PingKind, SendingStatus

from . import apprise_call, outgoing, pings
from .apprise_call import Sent
from .wording import Message, message_of

log = logging.getLogger(__name__)
LOOK = 0.2  # seconds between two looks at what is due
TEST_LIMIT = 15.0  # seconds that somebody waits at a button
Lane = tuple[type[Outgoing], int]  # a channel, or a schedule


def run() -> bool:
    """Send what is due until nothing is; False where another sender is at work."""
    with alone() as is_alone:
        if is_alone:
            outgoing.give_back(timezone.now())
            work_until_done()
        return is_alone


@contextmanager
def alone() -> Iterator[bool]:
    """Whether this is the only sender of this data directory; the kernel takes the lock back when it dies."""
    settings.RUN_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(settings.RUN_DIR / "sending.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def work_until_done() -> None:
    """A thread for each channel with something due; one that hangs does not keep the others from new work."""
    busy: dict[Lane, threading.Thread] = {}
    while True:
        busy = {lane: thread for lane, thread in busy.items() if thread.is_alive()}
        for lane in lanes_due():
            if lane not in busy:
                busy[lane] = threading.Thread(target=serve, args=lane, name=f"{lane[0].__name__} {lane[1]}")
                busy[lane].start()
        if not busy:
            return
        time.sleep(LOOK)


def lanes_due() -> list[Lane]:
    now = timezone.now()
    channels = outgoing.due(Delivery, now).order_by().values_list("channel_id", flat=True).distinct()
    schedules = outgoing.due(Ping, now).order_by().values_list("schedule_run__scheduled_job_id", flat=True).distinct()
    return [*((Delivery, pk) for pk in channels), *((Ping, pk) for pk in schedules)]


def serve(model: type[Outgoing], pk: int) -> None:
    """Everything that is due in one lane, until one fails: then the others wait as long as that one."""
    try:
        while (row := next_of(model, pk)) and send_one(row):
            pass
    except DatabaseError as error:
        log.error("what became of a message could not be written: %s; it is sent again later", error)
    finally:
        connection.close()


def next_of(model: type[Outgoing], pk: int) -> Any:
    due = outgoing.due(model, timezone.now())
    if model is Delivery:
        return due.filter(channel_id=pk).select_related("channel", "notification__repository").first()
    return due.filter(schedule_run__scheduled_job_id=pk).select_related("schedule_run__scheduled_job").first()


def send_one(row: Delivery | Ping) -> bool:
    """Whether the lane is good for another one."""
    if not outgoing.take(row, timezone.now()):
        return True
    sent = deliver(row) if isinstance(row, Delivery) else pings.send(row)
    now = timezone.now()
    if sent.ok:
        outgoing.mark_sent(row, now)
    else:
        again = outgoing.mark_failed(row, now, sent.error)
        rest_of_lane(row).filter(next_try_at__lt=again).update(next_try_at=again)
        log.warning("%s was not sent: %s", row, sent.error)
    if isinstance(row, Delivery):
        note(row.channel_id, sent)
    elif sent.ok:
        overtake(row)
    return sent.ok


def rest_of_lane(row: Delivery | Ping) -> Any:
    if isinstance(row, Delivery):
        return Delivery.objects.filter(status=SendingStatus.WAITING, channel_id=row.channel_id)
    same = Ping.objects.filter(schedule_run__scheduled_job_id=row.schedule_run.scheduled_job_id)
    return same.filter(status=SendingStatus.WAITING)


def deliver(row: Delivery) -> Sent:
    return apprise_call.send(row.channel.url, message_of(row.notification))


def note(channel_id: int, sent: Sent) -> None:
    """What a person sees of a channel: the last good one, and the last fault until there is a good one."""
    now = timezone.now()
    fields = {"last_error": sent.error, "last_error_at": now}
    if sent.ok:
        fields = {"last_error": "", "last_error_at": None, "last_sent_at": now}
    Channel.objects.filter(pk=channel_id).update(**fields)


def overtake(ping: Ping) -> None:
    """The end of a run was told: that it begins is no news any more."""
    if ping.kind != PingKind.START:
        begun = Ping.objects.filter(schedule_run_id=ping.schedule_run_id, kind=PingKind.START)
        begun.filter(status=SendingStatus.WAITING).update(
            status=SendingStatus.GIVEN_UP, error="Overtaken by the end of the run."
        )


def test(channel: Channel, who: str) -> Sent:
    """Send a message of no consequence at once, for somebody who waits at most 15 s for the answer."""
    body = f"This is a test, asked for by {who}. If you read it, '{channel.name}' works."
    sent = apprise_call.send(channel.url, Message("borgui: a test", body, "idle"), limit=TEST_LIMIT)
    note(channel.pk, sent)
    return sent
