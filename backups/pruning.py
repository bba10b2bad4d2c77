"""The step of a job that deletes old archives, as `retention` previews it.

Before borg deletes anything it is asked what it would delete, and that is held against what it may: only this
repository's own archives, and not the one that was just made. Afterwards what it says is held against what it had said.
"""

from collections.abc import Sequence
from typing import Any, Unpack

from django.conf import settings

from backups import borg
from backups.borg.calling import Running
from scripts_library.errors import Conflict

from . import archive_names, retention, target
from .models import BackupJob, Repository

UNCONFIRMED = (
    "Nothing was pruned: this repository was there before, and nobody has confirmed yet what would be deleted from it."
)
KEEPS_NOTHING = "Nothing was pruned: no rule says what to keep."
NOT_ANY_MORE = "Nothing was pruned: that was switched off while the backup ran."


class Failed(Exception):
    """Nothing was pruned, or not what should have been; the text says why."""


def remark(repository: Repository) -> str:
    """Why pruning is left out although it is asked for; no failure of anything, so nobody is alarmed. '' to go on."""
    if not repository.keeps_something:
        return KEEPS_NOTHING
    return "" if repository.may_prune else UNCONFIRMED


def step(job: BackupJob, **running: Unpack[Running]) -> dict[str, Any]:
    """Prune, and return what is to be remembered of it. Raises Failed.

    The repository is read again: what people have changed or taken back during a long backup counts.
    """
    repository = Repository.objects.get(pk=job.repository_id)
    if reason := remark(repository):
        return {"remark": reason}
    if not (repository.prune_after or job.asked_maintenance.get("prune")):
        return {"remark": NOT_ANY_MORE}
    try:
        going = retention.would_go(repository, **running)
    except (Conflict, retention.Strange) as problem:
        raise Failed(str(problem)) from None
    if any(fate.name == job.archive_name for fate in going):
        raise Failed("it would have deleted the archive that was just made, so nothing was deleted.")
    return {"pruned": _prune(repository, going, running) if going else 0}


def _prune(repository: Repository, going: Sequence[borg.Fate], running: Running) -> int:
    """How many archives are gone."""
    keep, pattern = retention.keep_of(repository), archive_names.glob(repository)
    answer = borg.prune(borg.find(settings.BORG), target.of(repository), keep, pattern, **running)
    if answer.outcome != borg.SUCCESS:
        raise Failed(answer.sentence or answer.error or "borg did not say why.")
    gone = {fate.id for fate in answer.data if not fate.stays}
    # with `within` the seconds between the two calls may let one more archive go
    if not keep.within and gone != {fate.id for fate in going}:
        raise Failed("borg deleted other archives than it had said before: look at its log.")
    return len(gone)
