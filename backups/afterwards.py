"""When the maintenance of a backup inside a maintenance window has its turn: once services are running again.

Prune, compact and check need nothing of what the window has stopped, and would keep it stopped for longer (behaviour.md,
section 2, point 5). So they wait until the window has closed, and go then in the order of the backups, so many at a time
as the window backs up. Each keeps its process so long; that is why only so many wait: the first of them goes then.
"""

import time

from django.db import Error

from . import quick
from .ledger import Ledger
from .models import BackupJob, Phase, WindowRun
from .watch import Watch

MOST = 6  # backups of one window that wait so; a process takes 65 MB
LOOK = 1.0  # seconds between two looks
IDLE = 30.0  # seconds for which no backup of the window may begin although some have not, before one goes ahead


def wait(job: BackupJob, ledger: Ledger, watch: Watch) -> str:
    """Until the maintenance of this job may begin, at once outside of windows. Why it is left out (a `Stop`), else ''."""
    turn = Turn(job)
    while not (reason := watch.maintenance()):
        is_told = not ledger.unsaved or ledger.settle()  # else its window takes it for one that is still being made
        if is_told and turn.has_come():
            break
        time.sleep(LOOK)
    return reason


class Turn:
    def __init__(self, job: BackupJob) -> None:
        self.job = job
        self._idle_since: float | None = None

    def has_come(self) -> bool:
        """Not while the database cannot be read."""
        try:
            with quick.database():
                return self._has_come()
        except Error:
            quick.reconnect_if_broken()
            return False

    def _has_come(self) -> bool:
        run = WindowRun.objects.filter(jobs=self.job.pk).first()
        if run is None or run.is_over:
            return True
        siblings = BackupJob.objects.filter(window_run=run.pk)
        tidying = siblings.running().filter(phase=Phase.MAINTENANCE).order_by("window_position", "id")
        before = list(tidying.values_list("pk", flat=True))
        place = before.index(self.job.pk) if self.job.pk in before else len(before)
        if run.phase == Phase.MAINTENANCE:
            return place < run.max_parallel
        if run.phase != Phase.BACKUP or place > 0:
            return False
        if len(before) >= MOST:
            return True
        return self._is_in_the_way(siblings.running().exclude(phase=Phase.MAINTENANCE).exists())

    def _is_in_the_way(self, others_are_made: bool) -> bool:
        """Nothing is backed up for a while, and the window does not close either: the next one may wait for this one.

        Both may use a server that takes only so many connections, or stop the same by scripts of their own.
        """
        if others_are_made:
            self._idle_since = None
            return False
        now = time.monotonic()
        self._idle_since = now if self._idle_since is None else self._idle_since
        return now - self._idle_since >= IDLE
