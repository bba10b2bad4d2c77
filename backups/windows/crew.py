"""The processes of a window's backups: started, collected and told to stop by the process of the window itself."""

import logging
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings

from backups import directories, recovery, starting
from backups.models import BackupJob
from borgui import process
from borgui.commands import USAGE
from borgui.rundir import RunDirectory

log = logging.getLogger(__name__)
REST = 5.0  # seconds until a job whose process ended without having done anything is tried again


@dataclass
class Crew:
    """Children of this process by the id of their job."""

    children: dict[int, process.Child] = field(default_factory=dict)
    _resting: dict[int, float] = field(default_factory=dict)
    _told: set[process.Identity] = field(default_factory=set)

    def start(self, job_id: int) -> None:
        """`manage.py run_job`, which begins the job or resumes it. That it cannot be started is told and tried again."""
        argv = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_job", str(job_id)]
        try:
            child = process.spawn(argv, cwd=settings.BASE_DIR)
        except OSError as error:
            log.error("job %s could not be started: %s", job_id, error)
            self._resting[job_id] = time.monotonic() + REST
            return
        self.children[job_id] = child
        starting.mark("run_job", job_id, child.pid)

    def collect(self) -> bool:
        """Whether a process is over. One that was killed from outside is no fault of its job's: that is resumed at once."""
        over = [pk for pk, child in self.children.items() if child.poll() is not None]
        for pk in over:
            code = self.children.pop(pk).returncode
            if code >= 0:
                self._resting[pk] = time.monotonic() + (1.0 if code in (0, USAGE) else REST)
        return bool(over)

    def may_start(self, job_id: int) -> bool:
        return job_id not in self.children and self._resting.get(job_id, 0.0) <= time.monotonic()

    def is_lost(self, job: BackupJob) -> bool:
        """A running job without a living process."""
        return job.pk not in self.children and not recovery.is_owned(directories.of(BackupJob, job.pk), job.owner)

    def is_on_the_way(self, job_id: int) -> bool:
        """A process of this or of an earlier process of the window is to begin it."""
        return job_id in self.children or job_id in starting.marked("run_job")

    def is_anybody_there(self) -> bool:
        """Whether a process of any job lives, by what the kernel says: for when the database says nothing."""
        folders = (settings.RUN_DIR / BackupJob.folder).glob("*")
        return bool(self.children or starting.marked("run_job")) or any(RunDirectory(one).is_owned() for one in folders)

    def pass_on_stop(self, jobs: Iterable[BackupJob]) -> None:
        """TERM, once, to each process: those of an earlier process of this window are not children of this one."""
        for child in self.children.values():
            self._tell(process.Identity.of_child(child.pid))
        for job in jobs:
            owner = directories.of(BackupJob, job.pk).owner()
            if owner is not None and owner.is_alive():
                self._tell(owner)

    def _tell(self, who: process.Identity) -> None:
        if who not in self._told:
            self._told.add(who)
            who.signal(signal.SIGTERM)
