"""Why a backup failed, in the one shape in which a failure is told (ui.md, rule 11)."""

from dataclasses import dataclass

from django.conf import settings

from backups import borg
from backups.borg.explain import decisive, explain_failure

from . import target, words
from .host import host_id
from .models import BackupJob, JobStatus, Phase, Repository
from .words import page

LOCKED = "LockTimeout"
FREE_AGAIN = "Another borg held this repository then. It does not any more."
NO_ARCHIVE = "No archive was made."  # said by the job itself, from what it knows


@dataclass(frozen=True)
class Failure:
    """What failed, is the data safe, is the service up, what to do now. `lock`: it is one that can be broken here."""

    failed: str
    data: str
    services: str
    next_step: str
    lock: bool = False


def of(job: BackupJob, services: str) -> Failure | None:
    """None where it did not fail. `services` is the sentence of that verdict."""
    if job.status != JobStatus.FAILURE:
        return None
    said = [borg.Message(one["level"], one["msgid"], one["text"], one["path"]) for one in job.borg_messages]
    last = decisive(said)
    if last is None:
        return Failure(words.lost(job) or page.ended(job), page.data(job), services, next_step(job))
    place = target_of(job.repository)
    told = explain_failure(place, said)
    data = words.lines(page.data(job), told.data.removeprefix(NO_ARCHIVE).strip())
    if last.msgid == LOCKED and not may_be_locked(place):
        return Failure(FREE_AGAIN, data, services, "Back up again.")
    return Failure(told.failed, data, services, told.next_step, lock=last.msgid == LOCKED)


def next_step(job: BackupJob) -> str:
    if any(entry["phase"] == Phase.BACKUP for entry in job.phases):
        return "Look at the log below, then back up again."
    return "Put right what the message and the log below say, then back up again."


def may_be_locked(place: borg.Target) -> bool:
    """On this machine the lock itself can be looked at; of another one we know only what borg said."""
    return place.folder is None or borg.lock_holder(place) is not None


def target_of(repository: Repository) -> borg.Target:
    """For its names only: where the passphrase cannot be read, without it."""
    try:
        return target.of(repository)
    except (target.PassphraseSealed, OSError):
        return borg.Target(path=repository.path, passphrase="", base_dir=settings.BORG_DIR, host_id=host_id())
