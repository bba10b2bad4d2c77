"""The backups inside an open window: one after another, each in a process of its own, until none is under way.

The rows say what is under way. A backup that has come to its maintenance does not need what the window has stopped any
more: it waits with that (`backups.afterwards`), the next one begins, and the window closes beside it.
"""

import logging
import time
from collections.abc import Callable

from django.db import Error, transaction
from django.utils import timezone

from backups import afterwards, holders, holding, queue, quick
from backups.ledger import Ledger
from backups.limits import Room
from backups.models import BackupJob, JobStatus, Phase, WindowRun
from backups.watch import StopRequest, Watch
from scripts_library import links
from scripts_library.running import Stop, Superseded

from . import members
from .crew import Crew
from .ends import End

log = logging.getLogger(__name__)
PAUSE = 0.1  # seconds between two looks at the processes
LOOK = 0.5  # seconds between two looks at the rows
BLIND = 30.0  # seconds for which a database that says nothing is waited for, once no process of a backup lives
LARGE = ("stats", "borg_messages", "unread", "command", "maintenance")


class Backups:
    """The jobs of one run, as its process sees them. `end`: why no further one begins."""

    def __init__(self, run: WindowRun, ledger: Ledger, watch: Watch, stop: StopRequest) -> None:
        self.run, self.ledger, self.watch, self.stop = run, ledger, watch, stop
        self.crew = Crew()
        self.jobs: list[BackupJob] = []
        self.end: End | None = None
        self._opened = self._seen = time.monotonic()
        self._cancelled: set[int] = set()  # jobs that were asked to stop

    # --- until nothing is under way -----------------------------------------------------------------------------------
    def until_over(self, end: End | None) -> bool:
        """Begin them one after another, none where there is an `end`; until none is before its maintenance any more.

        False: a planned stop ran out of time.
        """
        self.end = end
        return self._follow(self._is_under_way)

    def until_ended(self) -> bool:
        """Until each has its final status. False: a planned stop ran out of time."""
        return self._follow(self._is_any_left)

    def has_any_left(self) -> bool:
        """By the rows of now: a process that took the window over while it closed has not seen them yet."""
        self._look()
        return self._is_any_left()

    def _is_any_left(self) -> bool:
        return any(not job.is_over for job in self.jobs)

    def _is_under_way(self) -> bool:
        return any(is_busy(job) for job in self.jobs) or any(self._may_begin(job) for job in self._queued())

    def _may_begin(self, job: BackupJob) -> bool:
        """Where it could not be recorded that it does not begin: a process may be on the way to it all the same."""
        return self.end is None or self.crew.is_on_the_way(job.pk)

    def _queued(self) -> list[BackupJob]:
        return [job for job in self.jobs if job.status == JobStatus.QUEUED]

    def _follow(self, goes_on: Callable[[], bool]) -> bool:
        looked, was_stopped = 0.0, bool(self.stop)
        while True:
            news = self.crew.collect() or bool(self.stop) != was_stopped
            was_stopped = bool(self.stop)
            if news or time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                if not self._look():
                    if self._is_hopeless():
                        return True
                elif self._tend():
                    looked = 0.0
                elif not goes_on():
                    return True
            if self.stop.is_out_of_time():
                return False
            time.sleep(PAUSE)

    def _look(self) -> bool:
        """Read the rows; False where the database says nothing."""
        rows = BackupJob.objects.filter(window_run=self.run.pk).select_related("repository").defer(*LARGE)
        try:
            with quick.database():
                self.jobs = list(rows.order_by("window_position", "id"))
        except Error as problem:
            log.warning("window run %s: its backups could not be read: %s", self.run.pk, problem)
            quick.reconnect_if_broken()
            return False
        self._seen = time.monotonic()
        return True

    def _is_hopeless(self) -> bool:
        """Services are not kept down for a database that does not come back, once no backup can be under way."""
        if time.monotonic() - self._seen < BLIND or self.crew.is_anybody_there():
            return False
        self.end = self.end or End.of_fault("The database could not be read.")
        return True

    # --- one look -----------------------------------------------------------------------------------------------------
    def _tend(self) -> bool:
        """Do what is to be done now; whether the rows have changed by it. Faults of our own end the beginning of jobs."""
        try:
            return self._do_what_is_due()
        except Superseded:
            raise
        except Error as problem:
            log.error("window run %s: %s", self.run.pk, problem)
            quick.reconnect_if_broken()
        except Exception as fault:
            log.exception("fault in window run %s", self.run.pk)
            self.end = self.end or End.of_fault(f"An internal fault ({fault!r}).")
        return False

    def _do_what_is_due(self) -> bool:
        running = [job for job in self.jobs if job.status == JobStatus.RUNNING]
        self._find_end()
        if self.stop:
            self.crew.pass_on_stop(running)
        if self.end is not None and self.end.reason == Stop.CANCELLED:
            self._cancel([job for job in running if is_busy(job)])
        for job in running:
            if self.crew.is_lost(job) and self.crew.may_start(job.pk) and not self.stop:
                self.crew.start(job.pk)  # what it has stopped by itself is started again
        if self.end is None:
            self._begin_next()
            return False
        return bool(self._queued()) and self._leave_out(self.end)

    def _find_end(self) -> None:
        asked = self.watch.borg()
        if asked == Stop.CANCELLED and (self.end is None or self.end.reason != Stop.CANCELLED):
            self.run.refresh_from_db(fields=["cancel_requested_at", "cancel_requested_by"])
            self.end = End.cancelled(self.run)
        elif self.end is None and asked == Stop.SHUTDOWN:
            self.end = End.shutdown()
        elif self.end is None and time.monotonic() - self._opened >= self.run.max_duration:
            self.end = End.too_long(self.run)

    def _cancel(self, running: list[BackupJob]) -> None:
        for job in running:
            if job.pk not in self._cancelled:
                try:
                    queue.request_cancel(job, self.run.cancel_requested_by)
                except queue.TooLate as reason:
                    log.info("job %s: %s", job.pk, reason)
                self._cancelled.add(job.pk)

    def _leave_out(self, end: End) -> bool:
        """Those that have not begun end, unless one of them begins at this moment: then it is waited for."""

        def work() -> int:
            if not self.ledger.own_row.update(claim=self.ledger.claim):
                raise Superseded(f"window run {self.run.pk} has another owner")
            return members.leave_out(self._queued(), end.job_status, end.job_message, timezone.now())

        with transaction.atomic():
            return work() > 0

    # --- beginning ----------------------------------------------------------------------------------------------------
    def _begin_next(self) -> None:
        queued = self._queued()
        on_the_way = [job for job in queued if self.crew.is_on_the_way(job.pk)]
        running = [job for job in self.jobs if job.status == JobStatus.RUNNING]
        busy = len(on_the_way) + sum(is_busy(job) for job in running)
        most = self.run.max_parallel + afterwards.MOST  # processes
        room = min(self.run.max_parallel - busy, most - len(on_the_way) - len(running))
        if not queued or room <= 0 or (self.ledger.unsaved and not self.ledger.settle()):
            return
        waiting = self._waiting(queued)
        for job in queued:
            if room > 0 and job.pk not in waiting and job not in on_the_way and self.crew.may_start(job.pk):
                self.crew.start(job.pk)
                room -= 1
        queue.tell_waiting(waiting)

    def _waiting(self, queued: list[BackupJob]) -> dict[int, str]:
        """What each of them waits for outside of the window, in words."""
        active = holders.active_jobs()
        held, room = holders.now(active), Room.beside(active)
        things = links.things_of([job.repository_id for job in queued])
        found = {}
        for job in queued:
            texts = [text for text in things[job.repository_id] if text not in holding.things_of(job)]
            own = links.with_names(texts, things[job.repository_id])
            if reason := held.before_job(job, own) or room.waits_for(job):
                found[job.pk] = reason
            else:
                held.add(holders.of_job(job, own))
        return found


def is_busy(job: BackupJob) -> bool:
    """It runs, and needs what its window has stopped."""
    return job.status == JobStatus.RUNNING and job.phase != Phase.MAINTENANCE
