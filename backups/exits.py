"""Exit codes of the commands that run something (interfaces.md, "Management commands")."""

from enum import IntEnum

from .models import BackupJob, JobStatus, WindowRun


class Exit(IntEnum):
    SUCCESS = 0
    WARNING = 1
    FAILURE = 2
    CANCELLED = 3
    BROKEN_PROMISE = 4
    SKIPPED = 75


OF_STATUS: dict[str, Exit] = {
    JobStatus.SUCCESS: Exit.SUCCESS,
    JobStatus.WARNING: Exit.WARNING,
    JobStatus.FAILURE: Exit.FAILURE,
    JobStatus.CANCELLED: Exit.CANCELLED,
    JobStatus.SKIPPED: Exit.SKIPPED,
}


def of(work: BackupJob | WindowRun) -> int:
    """A broken promise wins over every status; what is not over, or was missed, counts as failed."""
    if work.broken_promises.open().exists():
        return Exit.BROKEN_PROMISE
    return OF_STATUS.get(work.status, Exit.FAILURE)
