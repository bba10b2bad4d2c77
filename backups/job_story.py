"""What the page of a job tells: one sentence, both verdicts, what failed and what to do next (pages.md, `/jobs/ID/`)."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scripts_library import links
from scripts_library.models import ExecutionStatus, ScriptExecution, TriggeredBy

from . import holding, job_failure, timeline, verdicts, words
from .job_failure import Failure
from .models import BackupJob, BrokenPromise, Data, JobStatus, Phase, Repository, Services
from .timeline import Timeline
from .words import page as page_words
from .words import retention as retention_words

STEP = 5  # seconds between two looks at bars that only grow


@dataclass(frozen=True)
class Next:
    """Which buttons make sense now."""

    cancel: bool
    stop: ScriptExecution | None
    again: bool
    post_backup: bool
    stopping: bool
    schedule: bool  # it is good, and nothing will make the next one by itself


@dataclass(frozen=True)
class Story:
    job: BackupJob
    executions: list[ScriptExecution]
    promises: list[BrokenPromise]
    headline: str
    data: str
    last_good: str
    services: str
    services_state: str
    failure: Failure | None
    next: Next
    timelines: list[Timeline]
    interrupts: list[str]
    seen: str

    @property
    def is_live(self) -> bool:
        return page_words.is_live(self.job)

    @property
    def open_promises(self) -> list[BrokenPromise]:
        return [one for one in self.promises if one.closed_at is None]

    @property
    def held(self) -> list[str]:
        """What the window around it stops and starts, once for all its backups."""
        return sorted(holding.things_of(self.job))

    @property
    def asked_by(self) -> str:
        person = self.job.triggered_by_user
        return person.get_username() if person else TriggeredBy(self.job.triggered_by).label

    @property
    def seconds(self) -> float | None:
        job = self.job
        return (job.completed_at - job.started_at).total_seconds() if job.completed_at and job.started_at else None

    @property
    def title(self) -> str:
        return page_words.title(self.job, is_broken=bool(self.open_promises))

    @property
    def data_state(self) -> str | None:
        """The verdict's mark. Where somebody or a script said so, that there is no archive is no alarm."""
        quiet = self.job.status in (JobStatus.SKIPPED, JobStatus.CANCELLED)
        return "not_made" if quiet and self.job.data == Data.NONE else self.job.data

    @property
    def broken(self) -> list[tuple[BrokenPromise, str]]:
        """The open promises, each with its sentence."""
        return [(one, page_words.broken(self.job, one)) for one in self.open_promises]

    @property
    def kept_after_all(self) -> list[BrokenPromise]:
        return [one for one in self.promises if one.closed_at is not None]

    @property
    def is_recovered(self) -> bool:
        """It was lost, and brought to its end all the same."""
        return self.job.lost_at is not None and not self.is_live

    @property
    def afterwards(self) -> str:
        """What maintenance did."""
        return retention_words.done_afterwards(self.job.maintenance)

    @property
    def command(self) -> str:
        """As one would type it; there is no secret in it."""
        return shlex.join(self.job.command)


def of(job: BackupJob, now: datetime) -> Story:
    executions = list(job.executions.in_order().defer("stdout", "stderr", "parameters"))
    promises = list(job.broken_promises.select_related("closed_by_user").order_by("id"))
    state = services_state(job, executions, promises)
    services = page_words.services(job, executions, state, now)
    return Story(
        job=job,
        executions=executions,
        promises=promises,
        headline=page_words.headline(job, executions, now),
        data=page_words.data(job),
        last_good=words.last_good_of(job, now) if job.is_over else "",
        services=services,
        services_state=state,
        failure=job_failure.of(job, services),
        next=next_steps(job, executions, promises),
        timelines=timeline.of(job, executions, now),
        interrupts=links.interrupts_of([job.repository_id])[job.repository_id] if job.is_over else [],
        seen=fingerprint(job, executions, promises, now),
    )


def services_state(job: BackupJob, executions: Sequence[ScriptExecution], promises: Sequence[BrokenPromise]) -> str:
    is_broken = any(one.closed_at is None for one in promises)
    if job.is_over and not is_broken and job.services in (Services.UP, Services.UNTOUCHED):
        return job.services
    return verdicts.services_of(job, executions, has_open_promise=is_broken)


# --- what to do next --------------------------------------------------------------------------------------------------
def next_steps(job: BackupJob, rows: Sequence[ScriptExecution], promises: Sequence[BrokenPromise]) -> Next:
    """Scripts after a backup are not cancelled as a whole: they bring services back (behaviour.md, section 7)."""
    live, is_post = page_words.is_live(job), job.phase == Phase.POST
    running = next((row for row in rows if row.status == ExecutionStatus.RUNNING), None)
    stopping = live and not is_post and job.cancel_requested_at is not None
    return Next(
        cancel=not job.is_over and not is_post and not stopping,
        stop=running if running and running.cancel_requested_at is None and not stopping else None,
        again=job.is_over and not live,
        post_backup=job.is_over and not live and any(one.closed_at is None for one in promises),
        stopping=stopping,
        schedule=job.data == Data.GOOD and job.is_over and is_unscheduled(job),
    )


def is_unscheduled(job: BackupJob) -> bool:
    return Repository.objects.kept().unscheduled().filter(pk=job.repository_id).exists()


def fingerprint(
    job: BackupJob, rows: Sequence[ScriptExecution], promises: Sequence[BrokenPromise], now: datetime
) -> str:
    """Changes whenever the page would say something else; bars that only grow count every few seconds."""
    grown = int((now - job.started_at).total_seconds() // STEP) if job.started_at and page_words.is_live(job) else 0
    facts = [job.status, job.phase, job.outcome, job.message, job.progress, str(job.cancel_requested_at), grown]
    states = [(row.pk, row.status, str(row.cancel_requested_at)) for row in rows]
    broken = [(one.pk, one.closed_at is None) for one in promises]
    return hashlib.sha256(json.dumps([facts, states, broken]).encode()).hexdigest()[:16]
