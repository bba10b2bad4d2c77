"""Who may start, who waits and for what (behaviour.md, section 2, point 1); and asking a job to stop (section 7)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from borgui.accounts import audit
from borgui.accounts.models import Installation, User
from scripts_library import links
from scripts_library.models import ExecutionStatus, ScriptExecution, TriggeredBy

from . import attempts, holders, schedule_runs, secrets_used
from .holders import Holders
from .limits import Room
from .models import UNFINISHED, BackupJob, JobStatus, Phase, Repository, WindowRun

NOTHING_STOPPED = "Nothing has been stopped yet."
NOUN = {BackupJob.word: "backup", WindowRun.word: "window"}
USED = "{} that uses the same services; it starts them when it is over. Try again after it."
W = TypeVar("W", BackupJob, WindowRun)


class TooLate(Exception):
    """What was asked for cannot be done any more; the text says why, and what to do instead."""


@dataclass
class Decision:
    """What may start now, in order, and what the others wait for: jobs, and runs of windows."""

    start: list[int] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    closed: dict[int, str] = field(default_factory=dict)


def enqueue(repository: Repository, *, triggered_by: str, user: User | None = None, **options: Any) -> BackupJob:
    """A queued job. The caller pokes the worker when the row is committed."""
    job = new_job(repository.pk, triggered_by=triggered_by, user=user, **options)
    job.repository = repository
    with transaction.atomic():
        job.save(force_insert=True)
        audit.record("backup started", job, name=repository.name, user=user)
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


def decide(starting: Collection[int] = (), opening: Collection[int] = ()) -> Decision:
    """Go through the queue in order. `starting`, `opening`: jobs, and runs of windows, that have a process on the way.

    Jobs of a window are not in it: its own process starts them.
    """
    jobs = list(BackupJob.objects.queued().filter(window_run=None).select_related("repository"))
    runs = list(WindowRun.objects.queued())
    if not jobs and not runs:
        return Decision()
    active = holders.active_jobs()
    walk = QueueWalk(holders.now(active), Room.beside(active), set(starting), set(opening))
    of_jobs = links.things_of([job.repository_id for job in jobs])
    of_windows = holders.wants_of_windows(runs) if runs else {}
    for one in merge(jobs, runs, key=lambda one: one.created_at):
        if isinstance(one, BackupJob):
            things = of_jobs[one.repository_id]
            walk.job(one, links.with_names(things, things))
        elif isinstance(one, WindowRun):
            walk.window(one, of_windows.get(one.pk, []))
    return walk.decision


@dataclass
class QueueWalk:
    """What comes first in the queue is in the way of what comes later, whether it may start or waits."""

    before: Holders
    room: Room
    starting: set[int]
    opening: set[int]
    decision: Decision = field(default_factory=Decision)

    def job(self, job: BackupJob, wants: list[str]) -> None:
        reason = self.before.before_job(job, wants) or self.room.waits_for(job)
        if reason:
            self.decision.waiting[job.pk] = f"{reason} {NOTHING_STOPPED}"
        else:
            self.room.take(job)
            if job.pk not in self.starting:
                self.decision.start.append(job.pk)
        self.before.add(holders.of_job(job, wants))

    def window(self, run: WindowRun, wants: list[str]) -> None:
        reason = self.before.at_the_same(wants)
        if reason:
            self.decision.closed[run.pk] = f"{reason} {NOTHING_STOPPED}"
        elif run.pk not in self.opening:
            self.decision.open.append(run.pk)
        self.before.add(holders.of_window(run, wants))


def tell_waiting(waiting: Mapping[int, str], model: type[BackupJob] | type[WindowRun] = BackupJob) -> None:
    """Write down what each job, or each run of a window, waits for, where that has changed; many wait for the same."""
    if not waiting:
        return
    queued = model.objects.filter(status=JobStatus.QUEUED)
    known = dict(queued.values_list("pk", "message"))
    changed: dict[str, list[int]] = {}
    for pk, reason in waiting.items():
        if known.get(pk, reason) != reason:
            changed.setdefault(reason, []).append(pk)
    for reason, ids in changed.items():
        queued.filter(pk__in=ids).update(message=reason)


def may_claim(job: BackupJob, interrupts: Collection[str]) -> bool:
    """Asked again inside the claim's transaction, where the answer cannot change any more."""
    one_claim_at_a_time()
    if job.window_run_id is not None and not is_open(job.window_run_id):
        return False
    active = holders.active_jobs()
    return not (Room.beside(active).waits_for(job) or holders.now(active).before_job(job, interrupts))


def may_open(interrupts: Collection[str]) -> bool:
    """The same for a window's run."""
    one_claim_at_a_time()
    return not holders.now().at_the_same(interrupts)


def one_claim_at_a_time() -> None:
    """Also on PostgreSQL."""
    Installation.objects.select_for_update().filter(pk=1).first()


def is_open(run_id: int) -> bool:
    """Whether the jobs of a window's run may begin: what it stops is down, and not about to be started."""
    return WindowRun.objects.running().filter(pk=run_id, phase=Phase.BACKUP, outcome="").exists()


# --- asking to stop ---------------------------------------------------------------------------------------------------
def request_cancel(job: BackupJob, user: User | None = None, now: datetime | None = None) -> BackupJob:
    """Cancel a job: at once while it is queued, else the job process sees it within a second. Raises TooLate."""
    now = now or timezone.now()
    with transaction.atomic():
        if cancel_queued(job, user, now):
            schedule_runs.ended(job, now)
            return cancelled(job, user)
        unfinished = BackupJob.objects.filter(pk=job.pk, status=JobStatus.RUNNING).exclude(phase=Phase.POST)
        if unfinished.filter(outcome="").update(cancel_requested_at=now, cancel_requested_by=user):
            return cancelled(job, user)
        if unfinished.filter(phase=Phase.MAINTENANCE).update(cancel_requested_at=now, cancel_requested_by=user):
            return cancelled(job, user)
    job.refresh_from_db()
    if job.is_over:
        raise TooLate(f"This backup is over already ({job.status}).")
    raise TooLate(
        "The backup itself is over and the scripts after it are running; they are not cancelled, because they bring "
        "services back. To stop the one that runs now, stop that script."
    )


def cancelled(job: BackupJob, user: User | None) -> BackupJob:
    if job.cancel_requested_at is None:  # asked again, nothing more happens
        audit.record("backup cancelled", job, user=user)
    job.refresh_from_db()
    return job


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
    audit.record("script stopped", row, name=row.script_name, user=user)
    row.refresh_from_db()
    return row


# --- putting things right by hand -------------------------------------------------------------------------------------
def request_post_backup(work: W, user: User | None = None) -> W:
    """Plan the post-backup scripts of finished work again, those that have not succeeded. Raises TooLate.

    Only while a promise of it is broken: so long its STATE_DIR is kept, and there is something to put right.
    """
    with transaction.atomic():
        free = type(work)._default_manager.filter(pk=work.pk, phase="").exclude(status__in=UNFINISHED)
        rows = attempts.to_run_again(work)
        if not work.broken_promises.open().exists() or not rows:
            raise TooLate(f"No promise of this {NOUN[work.word]} is broken: its scripts have nothing to put right.")
        if reason := stopped_by_another(work):
            raise TooLate(reason)
        phases = work.phases_with(Phase.POST, timezone.now())
        if not free.update(phase=Phase.POST, phases=phases):
            raise TooLate(f"The scripts after this {NOUN[work.word]} are running already.")
        for row in rows:
            row.triggered_by, row.triggered_by_user = TriggeredBy.RERUN, user
        ScriptExecution.objects.bulk_create(rows)
        secrets = {"secrets used": secrets_used.of_scripts(rows)}
        audit.record("post-backup scripts run again", work, after=secrets, user=user)
    work.refresh_from_db()
    return work


def note_seen(job: BackupJob, user: User) -> bool:
    """A person has seen that it was lost and brought to its end; whether anybody had to."""
    with transaction.atomic():
        unseen = BackupJob.objects.recovered_unseen().filter(pk=job.pk)
        if not unseen.update(seen_at=timezone.now(), seen_by_user=user):
            return False
        audit.record("recovered backup seen", job, user=user)
    return True


def stopped_by_another(work: BackupJob | WindowRun) -> str:
    """Something that runs now has stopped the same things, and starts them when it is over."""
    for other in BackupJob.objects.running().select_related("repository"):
        same_repository = isinstance(work, BackupJob) and other.repository_id == work.repository_id
        if same_repository or set(other.interrupts) & set(work.interrupts):
            return USED.format(f"A backup of '{other.repository.name}' is running")
    for run in WindowRun.objects.running():
        if {*run.interrupts, *run.reserved} & set(work.interrupts):
            return USED.format(f"The window '{run.window_name}' is open")
    return ""
