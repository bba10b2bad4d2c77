"""Finding what was lost: runs of this host whose process is gone, or never came (behaviour.md, section 6).

Looking never takes a lock: the lock file names its owner, and pid, start time and boot id tell whether that one lives.
"""

from collections.abc import Iterator

from borgui.process import Identity
from borgui.rundir import RunDirectory
from scripts_library import testruns

from . import directories
from .host import host_id
from .models import BackupJob, WindowRun

Lost = tuple[str, int]  # the command that resumes it, and its id


def lost() -> list[Lost]:
    works = [(model.runner, pk) for model in (BackupJob, WindowRun) for pk in lost_of(model)]
    return [*works, *(("run_script", pk) for pk in testruns.unowned())]


def lost_of(model: type[BackupJob] | type[WindowRun]) -> Iterator[int]:
    """What runs on this host without a living owner, also where only its post-backup scripts are being run again."""
    mine = model.objects.filter(host_id=host_id())
    again = mine.unfinished_again()
    owners = [*mine.running().values_list("pk", "owner"), *again.values_list("pk", "owner")]
    for pk, recorded in owners:
        if not is_owned(directories.of(model, pk), recorded):
            yield pk


def is_owned(directory: RunDirectory, recorded: str) -> bool:
    """The lock file decides; where a script has removed it, the owner that the row names."""
    if directory.owner() is not None:
        return directory.is_owned()
    try:
        return Identity.parse(recorded).is_alive()
    except ValueError:
        return False
