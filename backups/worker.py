"""The worker of a host: takes pokes from the queue, starts job processes and collects them, reports that it lives."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from huey.consumer import Consumer

from borgui.process import Identity
from borgui.rundir import RunDirectory

from . import scheduling
from .host import host_id, hostname
from .launcher import QUEUED, Launcher
from .models import Worker

log = logging.getLogger(__name__)
HEARTBEAT = 15.0  # seconds
LOOK = 0.1  # seconds between two looks at the children


# --- who is there -----------------------------------------------------------------------------------------------------
@contextmanager
def present() -> Iterator[None]:
    """While it lasts, a file in the run directory says that this worker lives. The claims keep several apart."""
    folder = settings.RUN_DIR / "workers"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.iterdir():
        if not is_owner_alive(path):
            path.unlink(missing_ok=True)
    mine = folder / str(os.getpid())
    mine.write_text(f"{Identity.current()}\n", encoding="ascii")
    try:
        yield
    finally:
        mine.unlink(missing_ok=True)


def is_alive() -> bool:
    """Whether a worker of this data directory lives: the kernel is asked, not the database."""
    return any(is_owner_alive(path) for path in (settings.RUN_DIR / "workers").glob("*"))


def is_owner_alive(path: Path) -> bool:
    try:
        return Identity.parse(path.read_text(encoding="ascii").strip()).is_alive()
    except (OSError, ValueError):
        return False


class Host:
    """The worker's main thread: everything but the tasks themselves, which run in the consumer's threads."""

    def __init__(self, consumer: Consumer, launcher: Launcher) -> None:
        self.consumer, self.launcher = consumer, launcher
        self.stop_asked = False
        self._beat = 0.0
        self._pace = scheduling.Pace()

    def run(self) -> None:
        """Recover what was lost, then serve until a stop is asked for; come back when the jobs are over."""
        self.listen()
        self.report(started=True)
        self.launcher.recover()
        self.launcher.start_due()
        self.consumer.start()
        self.listen()  # the consumer has set handlers of its own
        while not self.stop_asked:
            self.serve()
            time.sleep(LOOK)
        self.stop()

    def listen(self) -> None:
        """From here on TERM, INT and HUP ask for a planned stop."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = True

    def serve(self) -> None:
        """One look: collect what is over and start what waited for it, start what has become due, report."""
        try:
            over = self.launcher.reap()
            if over:
                self.launcher.start_due()
            if any(command in QUEUED for command, _ in over):
                self.launcher.tell()
            self.start_due(timezone.now())
            self.report()
        except DatabaseError as error:
            log.error("the database does not answer (%s); trying again", error)
            close_old_connections()
        except Exception:
            log.exception("a fault in the worker, which goes on")

    def start_due(self, now: datetime) -> None:
        """The backups of schedules, seconds after they are due: huey counts its minutes from when it was started."""
        if self._pace.is_time(now, time.monotonic()) and scheduling.anything_due(now):
            scheduling.start_due(now)
            self.launcher.start_due()
            self.launcher.tell()

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
