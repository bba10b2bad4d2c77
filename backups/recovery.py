"""Finding what was lost: runs of this host whose process is gone, or never came (behaviour.md, section 6).

Looking never takes a lock: the lock file names its owner, and pid, start time and boot id tell whether that one lives.
"""

from collections.abc import Iterator

from django.conf import settings

from borgui.rundir import RunDirectory
from scripts_library import testruns

from .host import host_id
from .models import BackupJob

Lost = tuple[str, int]  # the command that resumes it, and its id


def lost() -> list[Lost]:
    return [*(("run_job", pk) for pk in lost_jobs()), *(("run_script", pk) for pk in testruns.unowned())]


def lost_jobs() -> Iterator[int]:
    """Running jobs of this host without a living owner, and those whose repeated post-backup run lost its own."""
    mine = BackupJob.objects.filter(host_id=host_id())
    again = mine.unfinished_again()
    for pk in [*mine.running().values_list("pk", flat=True), *again.values_list("pk", flat=True)]:
        if not RunDirectory(settings.RUN_DIR / "jobs" / str(pk)).is_owned():
            yield pk
