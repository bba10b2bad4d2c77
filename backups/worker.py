"""The worker of a host: takes pokes from the queue, starts job processes and collects them, reports that it lives."""

import fcntl
import logging
import signal
import time
from types import FrameType
from typing import IO

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from huey.consumer import Consumer

from borgui.process import Identity
from borgui.rundir import RunDirectory

from .host import host_id, hostname
from .launcher import Launcher
from .models import Worker

log = logging.getLogger(__name__)
HEARTBEAT = 15.0  # seconds
LOOK = 0.1  # seconds between two looks at the children


class AlreadyRunning(Exception):
    """Another worker has this data directory."""


def lock_path() -> str:
    return str(settings.RUN_DIR / "worker.lock")


def take_lock() -> IO[str]:
    """The lock that one worker of a data directory holds while it lives. Raises AlreadyRunning."""
    settings.RUN_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = open(lock_path(), "a+")  # noqa: SIM115 - held as long as the worker lives
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(f"A worker runs already in {settings.DATA_DIR} ({owner_of_lock()}).") from None
    file.truncate(0)
    file.write(f"{Identity.current()}\n")
    file.flush()
    return file


def owner_of_lock() -> Identity | None:
    try:
        with open(lock_path(), encoding="ascii") as file:
            return Identity.parse(file.readline())
    except (OSError, ValueError):
        return None


def is_alive() -> bool:
    """Whether a worker of this data directory lives. Asks the kernel, never the lock."""
    owner = owner_of_lock()
    return owner is not None and owner.is_alive()


class Host:
    """The worker's main thread: everything but the tasks themselves, which run in the consumer's threads."""

    def __init__(self, consumer: Consumer, launcher: Launcher) -> None:
        self.consumer, self.launcher = consumer, launcher
        self.stop_asked = False
        self._beat = 0.0

    def run(self) -> None:
        """Recover what was lost, then serve until a stop is asked for; come back when the jobs are over."""
        self.report(started=True)
        self.launcher.recover()
        self.launcher.start_due()
        self.consumer.start()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        while not self.stop_asked:
            self.serve()
            time.sleep(LOOK)
        self.stop()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = True

    def serve(self) -> None:
        """One look: collect what is over and start what waited for it; report."""
        try:
            if self.launcher.reap():
                self.launcher.start_due()
            self.report()
        except DatabaseError as error:
            log.error("the database does not answer (%s); trying again", error)
            close_old_connections()

    def report(self, *, started: bool = False) -> None:
        if not started and time.monotonic() - self._beat < HEARTBEAT:
            return
        self._beat, now = time.monotonic(), timezone.now()
        facts = {"hostname": hostname(), "owner": str(Identity.current()), "last_seen": now}
        if started:
            Worker.objects.update_or_create(host_id=host_id(), defaults={**facts, "started_at": now})
        else:
            Worker.objects.filter(host_id=host_id()).update(**facts)

    def stop(self) -> None:
        """A planned stop: no new work, TERM to every job process of this host, patience for what they bring back."""
        self.consumer.stop(graceful=False)
        self.launcher.stop(lambda child: child.terminate())
        told: set[Identity] = set()
        deadline = time.monotonic() + settings.STOP_GRACE
        while (live := job_processes()) and time.monotonic() < deadline:
            for job in live - told:
                job.signal(signal.SIGTERM)
            told |= live
            self.launcher.reap()
            time.sleep(LOOK)
        self.launcher.reap()


def job_processes() -> set[Identity]:
    """The living owners of this data directory's run directories."""
    owners = (RunDirectory(lock.parent).owner() for lock in settings.RUN_DIR.glob("*/*/lock"))
    return {owner for owner in owners if owner and owner.is_alive()} - {Identity.current()}
