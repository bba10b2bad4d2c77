"""Who may start, who waits and for what (behaviour.md, section 2, point 1); and asking a job to stop (section 7)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from borgui.accounts.models import Installation, User
from scripts_library import links
from scripts_library.models import ExecutionStatus, ScriptExecution, TriggeredBy

from . import attempts, schedule_runs
from .limits import Room
from .models import UNFINISHED, BackupJob, JobStatus, Phase, Repository

NOTHING_STOPPED = "Nothing has been stopped yet."


class TooLate(Exception):
    """What was asked for cannot be done any more; the text says why, and what to do instead."""


@dataclass
class Decision:
    """Which queued jobs may start now, in order, and what the others wait for."""

    start: list[int] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)


def enqueue(repository: Repository, *, triggered_by: str, user: User | None = None, **options: Any) -> BackupJob:
    """A queued job. The caller pokes the worker when the row is committed."""
    job = new_job(repository.pk, triggered_by=triggered_by, user=user, **options)
    job.repository = repository
    job.save(force_insert=True)
    return job


def new_job(repository_id: int, *, triggered_by: str, user: User | None = None, **options: Any) -> BackupJob:
    """A job that waits, not saved yet: schedules save many at once."""
    return BackupJob(
        repository_id=repository_id,
        triggered_by=triggered_by,
        triggered_by_user=user if user is not None and user.pk else None,
        message="Waiting for the worker. " + NOTHING_STOPPED,
        **options,
    )


def decide(starting: Collection[int] = ()) -> Decision:
    """Go through the queue in order. `starting`: jobs for which this host has a process that has not claimed yet."""
    decision, queued = Decision(), list(BackupJob.objects.queued().select_related("repository"))
    if not queued:
        return decision
    active = list(BackupJob.objects.active().select_related("repository"))
    things = links.interrupts_of([job.repository_id for job in queued])
    busy = {job.repository_id: job.repository.name for job in active}
    held = {thing: job.repository.name for job in active for thing in job.interrupts}
    room = Room.beside(active)
    for job in queued:
        wants = things[job.repository_id]
        reason = blocked_by(job, wants, busy, held) or room.waits_for(job)
        if reason:
            decision.waiting[job.pk] = f"{reason} {NOTHING_STOPPED}"
        else:
            room.take(job)
            if job.pk not in starting:
                decision.start.append(job.pk)
        busy.setdefault(job.repository_id, job.repository.name)
        held.update({thing: job.repository.name for thing in wants if thing not in held})
    return decision


def blocked_by(job: BackupJob, wants: list[str], busy: dict[int, str], held: dict[str, str]) -> str:
    """Who is before this job in its repository or at what it interrupts; '' if nobody."""
    if name := busy.get(job.repository_id):
        return f"Waiting for another backup of '{name}' to finish."
    for thing in wants:
        if thing in held:
            return f"Waiting for '{held[thing]}' to finish, which interrupts {thing} too."
    return ""


def tell_waiting(waiting: dict[int, str]) -> None:
    """Write down what each job waits for, where that has changed; many wait for the same."""
    known = dict(BackupJob.objects.queued().values_list("pk", "message"))
    changed: dict[str, list[int]] = {}
    for pk, reason in waiting.items():
        if known.get(pk, reason) != reason:
            changed.setdefault(reason, []).append(pk)
    for reason, ids in changed.items():
        BackupJob.objects.filter(pk__in=ids, status=JobStatus.QUEUED).update(message=reason)


def may_claim(job: BackupJob, interrupts: Collection[str]) -> bool:
    """Asked again inside the claim's transaction, where the answer cannot change any more."""
    Installation.objects.select_for_update().filter(pk=1).first()  # one claim at a time, also on PostgreSQL
    active = list(BackupJob.objects.active().select_related("repository"))
    if Room.beside(active).waits_for(job):
        return False
    return not any(
        other.repository_id == job.repository_id or set(other.interrupts) & set(interrupts) for other in active
    )


# --- asking to stop ---------------------------------------------------------------------------------------------------
def request_cancel(job: BackupJob, user: User | None = None, now: datetime | None = None) -> BackupJob:
    """Cancel a job: at once while it is queued, else the job process sees it within a second. Raises TooLate."""
    now = now or timezone.now()
    with transaction.atomic():
        if cancel_queued(job, user, now):
            schedule_runs.ended(job, now)
            job.refresh_from_db()
            return job
        unfinished = BackupJob.objects.filter(pk=job.pk, status=JobStatus.RUNNING).exclude(phase=Phase.POST)
        if unfinished.filter(outcome="").update(cancel_requested_at=now, cancel_requested_by=user):
            job.refresh_from_db()
            return job
        if unfinished.filter(phase=Phase.MAINTENANCE).update(cancel_requested_at=now, cancel_requested_by=user):
            job.refresh_from_db()
            return job
    job.refresh_from_db()
    if job.is_over:
        raise TooLate(f"This backup is over already ({job.status}).")
    raise TooLate(
        "The backup itself is over and the scripts after it are running; they are not cancelled, because they bring "
        "services back. To stop the one that runs now, stop that script."
    )


def cancel_queued(job: BackupJob, user: User | None, now: datetime) -> int:
    return BackupJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(
        status=JobStatus.CANCELLED,
        outcome="cancelled",
        data="none",
        cancel_requested_at=now,
        cancel_requested_by=user,
        completed_at=now,
        message=f"Stopped by {user.get_username() if user else 'a person'} before it began. Nothing was stopped.",
    )


def request_execution_cancel(row: ScriptExecution, user: User | None = None) -> ScriptExecution:
    """Stop one script that runs now; the chain goes on by its rules. Raises TooLate."""
    rows = ScriptExecution.objects.filter(pk=row.pk, status=ExecutionStatus.RUNNING)
    if not rows.update(cancel_requested_at=timezone.now()):
        row.refresh_from_db()
        state = "has not started yet" if row.status == ExecutionStatus.PLANNED else f"is over already ({row.status})"
        raise TooLate(f"'{row.script_name}' {state}.")
    row.refresh_from_db()
    return row


# --- putting things right by hand -------------------------------------------------------------------------------------
def request_post_backup(job: BackupJob, user: User | None = None) -> BackupJob:
    """Plan the post-backup scripts of a finished job again, those that have not succeeded. Raises TooLate.

    Only while a promise of it is broken: so long its STATE_DIR is kept, and there is something to put right.
    """
    with transaction.atomic():
        free = BackupJob.objects.filter(pk=job.pk, phase="").exclude(status__in=UNFINISHED)
        rows = attempts.to_run_again(job)
        if not job.broken_promises.open().exists() or not rows:
            raise TooLate("No promise of this backup is broken: its scripts have nothing to put right.")
        if reason := stopped_by_another(job):
            raise TooLate(reason)
        phases = job.phases_with(Phase.POST, timezone.now())
        if not free.update(phase=Phase.POST, phases=phases):
            raise TooLate("The scripts after this backup are running already.")
        for row in rows:
            row.triggered_by, row.triggered_by_user = TriggeredBy.RERUN, user
        ScriptExecution.objects.bulk_create(rows)
    job.refresh_from_db()
    return job


def stopped_by_another(job: BackupJob) -> str:
    """Another backup that runs now has stopped the same things, and starts them when it is over."""
    for other in BackupJob.objects.running().select_related("repository"):
        if other.repository_id == job.repository_id or set(other.interrupts) & set(job.interrupts):
            return (
                f"A backup of '{other.repository.name}' is running that uses the same services; it starts them when it "
                "is over. Try again after it."
            )
    return ""
