"""Taking a job: the queued one with its whole plan, or the one whose process was lost (behaviour.md, sections 2 and 6).

Both are one transaction after which the rows say all there is to know. The caller holds the lock of the run directory.
"""

import logging
import secrets
import shutil
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from borgui import process
from borgui.process import Identity
from borgui.rundir import RunDirectory
from scripts_library import chain, running
from scripts_library.models import ExecutionStatus, Hook, Outcome, ScriptExecution

from . import attempts, facts, finishing, queue, silence
from .host import host_id
from .models import BackupJob, JobStatus, Phase
from .note import Note
from .replaying import replay
from .watch import StopRequest

log = logging.getLogger(__name__)
MOST_TAKEOVERS = 5
Left = tuple[Identity | None, str]


@dataclass(frozen=True)
class Claimed:
    """A job that is this process's now, and the rows of its plan, as they are in the database."""

    job: BackupJob
    rows: list[ScriptExecution]
    note: Note


def claim(job_id: int, directory: RunDirectory, stop: StopRequest, left: Left = (None, "")) -> Claimed | None:
    """The job, claimed by this process; None where it is over, has to wait, or belongs to another host.

    `left`: the child, and its token, that the lock file named before this process took the lock.
    """
    note = Note(directory.path)
    replay(job_id, note)
    job = BackupJob.objects.select_related("repository").get(pk=job_id)
    if job.status == JobStatus.QUEUED:
        return None if stop else fresh_or_refused(job, directory, note)
    if job.host_id == host_id() and (job.status == JobStatus.RUNNING or job.phase):
        job.message = silence.without_alarm(job.message)
        end_leftovers(job, directory, left)
        return take_over(job, note)
    return None


# --- a queued job -----------------------------------------------------------------------------------------------------
def fresh_or_refused(job: BackupJob, directory: RunDirectory, note: Note) -> Claimed | None:
    """A fault of our own before the claim is a failure with a trace; else the job would be tried for ever."""
    try:
        return fresh(job, directory, note)
    except DatabaseError:
        raise
    except Exception as fault:
        log.exception("fault before job %s began", job.pk)
        finishing.refuse(job, f"Not started: an internal fault ({fault!r}). Nothing was stopped.")
        return None


def fresh(job: BackupJob, directory: RunDirectory, note: Note) -> Claimed | None:
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
    job.interrupts = list(dict.fromkeys(row.interrupts for row in rows if row.interrupts))
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
    set_fields(job, fields)
    return True


def ownership(claim: int) -> dict[str, object]:
    return {"host_id": host_id(), "owner": str(Identity.current()), "claim": claim}


def set_fields(job: BackupJob, fields: dict[str, object]) -> None:
    for name, value in fields.items():
        setattr(job, name, value)


def unused_archive_name(job: BackupJob) -> str:
    """The repository's template filled in; two jobs of one second do not get the same name."""
    name = job.repository.archive_name(timezone.now())
    taken = BackupJob.objects.filter(repository_id=job.repository_id, archive_name=name).exists()
    return f"{name}-{job.pk}" if taken else name


def no_room() -> str:
    """Why a job should not begin on this disk; '' where there is room."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free >= settings.MIN_FREE:
        return ""
    return (
        f"Not started: only {free // 2**20} MiB are free in {settings.DATA_DIR}, less than "
        f"{settings.MIN_FREE // 2**20} MiB (BORGUI_MIN_FREE). Nothing was stopped. Make room there and back up again."
    )


# --- a lost job -------------------------------------------------------------------------------------------------------
def take_over(job: BackupJob, note: Note) -> Claimed | None:
    """Claim a job, nothing of which runs any more, and put its rows in order in one transaction.

    A finished job whose post-backup scripts are to run again comes the same way: it has a phase and planned rows.
    """
    prepare_again(note)
    rows = list(job.executions.select_related("revision__content").in_order())
    with transaction.atomic():
        fields = ownership(job.claim + 1) | loss_of(job) | outcome_of_lost(job)
        claimed = BackupJob.objects.filter(pk=job.pk, status=job.status, phase=job.phase, claim=job.claim)
        if not claimed.update(**fields):
            return None
        settle(rows)
        set_fields(job, fields)
        if is_given_up(job):
            give_up(job, rows)
        else:
            rows += ScriptExecution.objects.bulk_create(attempts.after_interruption(rows, timezone.now()))
    log.warning("job %s is resumed in phase %s (claim %s)", job.pk, job.phase, job.claim)
    return Claimed(job, rows, note)


def prepare_again(note: Note) -> None:
    """A recovery goes on without paper, if the disk gives none: services are to come back."""
    try:
        note.prepare()
    except OSError as error:
        log.error("no note for the recovery: %s", error)


def is_given_up(job: BackupJob) -> bool:
    """Taken over more than five times; the first claim was no takeover. A person may ask as often as they like."""
    return not job.is_over and job.claim - 1 > MOST_TAKEOVERS


def end_leftovers(job: BackupJob, directory: RunDirectory, left: Left) -> None:
    """Every process that carries the token of what was running, and the recorded session; never anything else."""
    session, recorded = left
    if session and session.boot_id == process.boot_id():
        directory.name_child(recorded, session)  # this process may be lost as well, before it is done with them
    running = job.executions.filter(status=ExecutionStatus.RUNNING).values_list("token", flat=True)
    tokens = {token for token in [recorded, *running, job.token if job.phase != Phase.POST else ""] if token}
    ended = process.end(lambda: [one for token in tokens for one in process.leftovers(token, session)])
    if ended:
        log.warning("job %s: %s processes of the lost one were ended", job.pk, ended)
    directory.clear_child()


def loss_of(job: BackupJob) -> dict[str, object]:
    """That it was lost, when that was noticed first, and whether the machine was started anew meanwhile; nothing for
    a finished job, whose scripts run again because somebody wants it."""
    if job.is_over:
        return {}
    restarted = bool(job.owner) and Identity.parse(job.owner).boot_id != process.boot_id()
    return {
        "losses": job.losses + 1,
        "lost_at": job.lost_at or timezone.now(),
        "restarted": job.restarted or restarted,
    }


def outcome_of_lost(job: BackupJob) -> dict[str, object]:
    """What the job's row says after the loss; an outcome that was recorded stays."""
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


def settle(rows: list[ScriptExecution]) -> None:
    """The script that was running was cut off; a pre-backup script that was still to come does not run any more."""
    now = timezone.now()
    for row in rows:
        if row.status == ExecutionStatus.RUNNING:
            row.status, row.completed_at = ExecutionStatus.INTERRUPTED, max(now, row.started_at or now)
            row.error_message = "Cut off: the process that ran it was lost."
        elif row.status == ExecutionStatus.PLANNED and row.hook_type == Hook.PRE:
            row.status, row.error_message = ExecutionStatus.NOT_RUN, "Did not run: the job was cut off before it."
        else:
            continue
        ScriptExecution.objects.filter(pk=row.pk).update(
            status=row.status, completed_at=row.completed_at, error_message=row.error_message
        )


def give_up(job: BackupJob, rows: list[ScriptExecution]) -> None:
    """Taken over too often: what has not come to an end is not tried again, and told as broken."""
    planned = [row for row in rows if row.status == ExecutionStatus.PLANNED]
    left = [row for row in planned if chain.matches(row.run_on, job.outcome)]
    for row in left:
        row.status = ExecutionStatus.FAILED
        row.error_message = f"Given up: the job was lost more than {MOST_TAKEOVERS} times."
    ScriptExecution.objects.bulk_update(left, ["status", "error_message"])
