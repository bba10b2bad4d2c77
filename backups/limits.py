"""How many backups may run at a time: on this host, on all hosts together, and to one SSH server.

Running rows are counted, not processes (behaviour.md, section 2, point 1). Scripts that are run again count for nothing,
and backups of a maintenance window only as connections to their server: that window is one interruption (section 13).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings

from .host import host_id
from .models import BackupJob, JobStatus
from .places import Place


@dataclass
class Room:
    """What the running jobs leave free. `take` counts a job that is about to start here."""

    here: int = 0
    everywhere: int = 0
    to_server: Counter[str] = field(default_factory=Counter)

    @classmethod
    def beside(cls, active: Iterable[BackupJob]) -> "Room":
        """The jobs come with their repositories."""
        room = cls()
        for job in active:
            if job.status == JobStatus.RUNNING:
                room.take(job, is_here=job.host_id == host_id())
        return room

    def take(self, job: BackupJob, *, is_here: bool = True) -> None:
        if job.window_run_id is None:
            self.here += is_here
            self.everywhere += 1
        self.to_server[server_of(job)] += 1

    def waits_for(self, job: BackupJob) -> str:
        """Which limit keeps the job from starting, in words; '' if none does."""
        return (self.no_slot() if job.window_run_id is None else "") or self.no_connection(job)

    def no_slot(self) -> str:
        if self.here >= settings.WORKERS:
            return f"Waiting: {settings.WORKERS} of {settings.WORKERS} backups are running."
        if 0 < settings.MAX_JOBS <= self.everywhere:
            return f"Waiting: {settings.MAX_JOBS} of {settings.MAX_JOBS} backups are running, on all machines together."
        return ""

    def no_connection(self, job: BackupJob) -> str:
        server = server_of(job)
        if server and 0 < settings.MAX_JOBS_PER_SERVER <= self.to_server[server]:
            most = settings.MAX_JOBS_PER_SERVER
            return f"Waiting: {most} of {most} backups to {server} are running."
        return ""


def server_of(job: BackupJob) -> str:
    """The name of the machine to which ssh connects; '' for a folder of this one."""
    return Place.of(job.repository.path).host.lower()
