"""Taking a job: the queued one with its whole plan, or the one whose process was lost (behaviour.md, sections 2 and 6).

Both are one transaction after which the rows say all there is to know. The caller holds the lock of the run directory.
"""

import logging
import secrets
from typing import Any

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from borgui.rundir import RunDirectory
from scripts_library import chain, links, running
from scripts_library.models import Outcome, ScriptExecution

from . import facts, finishing, holding, queue, secrets_used, silence
from .host import host_id
from .models import BackupJob, JobStatus, Phase
from .note import Note
from .replaying import replay
from .takeover import Claimed, Left, end_leftovers, no_room, ownership, set_fields, take_over
from .watch import StopRequest

log = logging.getLogger(__name__)


def claim(
    job_id: int, directory: RunDirectory, stop: StopRequest, left: Left = (None, "")
) -> Claimed[BackupJob] | None:
    """The job, claimed by this process; None where it is over, has to wait, or belongs to another host.

    `left`: the child, and its token, that the lock file named before this process took the lock.
    """
    note = Note(directory.path)
    replay(BackupJob, job_id, note)
    job = BackupJob.objects.select_related("repository", "window_run").get(pk=job_id)
    if job.status == JobStatus.QUEUED:
        return None if stop else fresh_or_refused(job, directory, note)
    if job.host_id == host_id() and (job.status == JobStatus.RUNNING or job.phase):
        job.message = silence.without_alarm(job.message)
        end_leftovers(job, directory, left)
        return take_over(job, note, outcome_of_lost)
    return None


# --- a queued job -----------------------------------------------------------------------------------------------------
def fresh_or_refused(job: BackupJob, directory: RunDirectory, note: Note) -> Claimed[BackupJob] | None:
    """A fault of our own before the claim is a failure with a trace; else the job would be tried for ever."""
    try:
        return fresh(job, directory, note)
    except DatabaseError:
        raise
    except Exception as fault:
        log.exception("fault before job %s began", job.pk)
        finishing.refuse(job, f"Not started: an internal fault ({fault!r}). Nothing was stopped.")
        return None


def fresh(job: BackupJob, directory: RunDirectory, note: Note) -> Claimed[BackupJob] | None:
    """Move `queued -> running` and write the plan; what speaks against it is asked again inside."""
    if refused := no_room():
        finishing.refuse(job, refused)
        return None
    job.archive_name = unused_archive_name(job)
    rows = chain.plan(
        facts.of(job.repository, job.archive_name),
        repository_id=job.repository_id,
        backup_job=job,
        triggered_by=job.triggered_by,
        triggered_by_user_id=job.triggered_by_user_id,
    )
    holding.hold(job, rows)
    things = links.things_of([job.repository_id])[job.repository_id]
    job.interrupts = links.with_names((row.interrupts for row in holding.own(rows) if row.interrupts), things)
    try:
        note.prepare()
        running.copy_all(rows, directory)
    except OSError as error:
        note.free_reserve()  # the refusal has to be written too
        finishing.refuse(job, f"Not started: {directory.path} could not be prepared ({error}). Nothing was stopped.")
        return None
    try:
        with transaction.atomic():
            return Claimed(job, rows, note) if begin(job, rows) else None
    except IntegrityError:
        log.info("job %s has to wait: another job of the repository runs", job.pk)
        return None


def begin(job: BackupJob, rows: list[ScriptExecution]) -> bool:
    """The claim itself, in the caller's transaction: one UPDATE that must change one row, and the plan."""
    if not queue.may_claim(job, job.interrupts):
        return False
    now = timezone.now()
    job.phases = job.phases_with(Phase.PRE, now)
    job.token = secrets.token_hex(16)
    fields = {
        "status": JobStatus.RUNNING,
        "phase": Phase.PRE,
        "phases": job.phases,
        "message": "",
        "started_at": now,
        "archive_name": job.archive_name,
        "interrupts": job.interrupts,
        "token": job.token,
        **ownership(job.claim + 1),
    }
    if not BackupJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED, claim=job.claim).update(**fields):
        return False
    ScriptExecution.objects.bulk_create(rows)
    secrets_used.record(job, job.repository.name, holding.own(rows))
    set_fields(job, fields)
    return True


def unused_archive_name(job: BackupJob) -> str:
    """The repository's template filled in; two jobs of one second do not get the same name."""
    name = job.repository.archive_name(timezone.now())
    taken = BackupJob.objects.filter(repository_id=job.repository_id, archive_name=name).exists()
    return f"{name}-{job.pk}" if taken else name


# --- a lost job -------------------------------------------------------------------------------------------------------
def outcome_of_lost(job: BackupJob) -> dict[str, Any]:
    """What the job's row says after the loss; an outcome that was recorded stays."""
    if job.waits_with_maintenance:
        return {
            "maintenance_message": "The archive is good. The maintenance after it had not begun when it was cut off."
        }
    if job.phase == Phase.MAINTENANCE and job.phases[-1]["ended_at"]:
        return {}
    if job.phase == Phase.MAINTENANCE:
        return {"maintenance_message": "The archive is good. Afterwards the maintenance was cut off."}
    if job.outcome:
        return {}
    now = timezone.now()
    if job.cancel_requested_at:
        lost = {"outcome": Outcome.CANCELLED, "message": "Stopped by a person."}
    else:
        when = f"{timezone.localtime(now):%H:%M}"
        message = f"The job stopped during {job.phase} (noticed at {when}); an archive may exist."
        lost = {"outcome": Outcome.FAILURE, "message": message}
    data = None if job.phase == Phase.BACKUP else "none"
    return {**lost, "data": data, "phase": Phase.POST, "phases": job.phases_with(Phase.POST, now), "progress": {}}
