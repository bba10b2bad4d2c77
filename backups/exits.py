"""Exit codes of the commands that run something (interfaces.md, "Management commands")."""

from enum import IntEnum

from .models import BackupJob, JobStatus


class Exit(IntEnum):
    SUCCESS = 0
    WARNING = 1
    FAILURE = 2
    CANCELLED = 3
    BROKEN_PROMISE = 4
    SKIPPED = 75


OF_STATUS = {
    JobStatus.SUCCESS: Exit.SUCCESS,
    JobStatus.WARNING: Exit.WARNING,
    JobStatus.FAILURE: Exit.FAILURE,
    JobStatus.CANCELLED: Exit.CANCELLED,
    JobStatus.SKIPPED: Exit.SKIPPED,
}


def of(job: BackupJob) -> int:
    """A broken promise wins over every status; a job that is not over counts as failed."""
    if job.broken_promises.open().exists():
        return Exit.BROKEN_PROMISE
    return OF_STATUS.get(JobStatus(job.status), Exit.FAILURE)
