"""What the page of one opening of a window tells: is everything back? Both verdicts, what to do, one timeline."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.urls import reverse

from scripts_library.models import ExecutionStatus, Hook, ScriptExecution, TriggeredBy

from . import timeline, verdicts, windows
from .models import BackupJob, BrokenPromise, Data, JobStatus, Phase, Services, WindowRun
from .timeline import Row, Timeline
from .verdicts import Downtime
from .words import opening as words
from .words import page as page_words

STEP = 5  # seconds between two looks at bars that only grow
JOB = "job"
STATES: Mapping[str, str] = {
    JobStatus.QUEUED: ExecutionStatus.PLANNED,
    JobStatus.RUNNING: ExecutionStatus.RUNNING,
    JobStatus.SUCCESS: ExecutionStatus.SUCCEEDED,
    JobStatus.WARNING: timeline.WARNED,
    JobStatus.FAILURE: ExecutionStatus.FAILED,
    JobStatus.SKIPPED: ExecutionStatus.NOT_RUN,
    JobStatus.CANCELLED: ExecutionStatus.CANCELLED,
}
WORST_FIRST = (Services.BROKEN_PROMISE, Services.INTERRUPTED, Services.UP, Services.UNTOUCHED)
LARGE = ("borg_messages", "unread", "stats", "command", "progress")


@dataclass(frozen=True)
class Next:
    """Which buttons make sense now."""

    cancel: bool
    stop: ScriptExecution | None
    post_scripts: bool
    stopping: bool

    @property
    def post_backup(self) -> bool:
        """As the list of broken promises asks for it."""
        return self.post_scripts


@dataclass(frozen=True)
class Story:
    run: WindowRun
    jobs: list[BackupJob]
    promises: list[BrokenPromise]
    headline: str
    around: str
    details: str
    data: str
    data_state: str | None
    services: str
    services_state: str
    downtimes: list[Downtime]
    saved: float | None  # seconds
    next: Next
    timelines: list[Timeline]
    seen: str

    @property
    def is_live(self) -> bool:
        return words.is_live(self.run)

    @property
    def moment(self) -> datetime:
        return self.run.started_at or self.run.due_at or self.run.created_at

    @property
    def title(self) -> str:
        """For the browser's title: the state first."""
        return "promise broken" if self.open_promises else self.headline

    @property
    def inside(self) -> list[tuple[BackupJob, str, float | None]]:
        """Each backup with its state and the seconds it took, both without its maintenance."""
        return [(job, outcome_of(job), took(job)) for job in self.jobs]

    @property
    def open_promises(self) -> list[BrokenPromise]:
        return [one for one in self.promises if one.closed_at is None]

    @property
    def broken(self) -> list[tuple[BrokenPromise, str]]:
        """The open promises, each with its sentence."""
        return [(one, one.message) for one in self.open_promises]

    @property
    def kept_after_all(self) -> list[BrokenPromise]:
        return [one for one in self.promises if one.closed_at is not None]

    @property
    def down(self) -> float | None:
        """The longest time that something was down."""
        return max((one.seconds for one in self.downtimes), default=None)

    @property
    def asked_by(self) -> str:
        person = self.run.triggered_by_user
        if person:
            return str(person.get_username())
        by = self.run.triggered_by
        return "itself" if by in (TriggeredBy.WINDOW, TriggeredBy.SCHEDULE) else str(TriggeredBy(by).label)

    @property
    def seconds(self) -> float | None:
        run = self.run
        return (run.completed_at - run.started_at).total_seconds() if run.completed_at and run.started_at else None


def of(run: WindowRun, now: datetime) -> Story:
    rows = list(run.executions.in_order().defer("stdout", "stderr", "parameters"))
    jobs = jobs_of(run)
    promises = list(run.broken_promises.select_related("closed_by_user").order_by("id"))
    downs = verdicts.downtime_of(rows, now)
    state = worst([services_state(run, rows, promises), *(job.services for job in jobs)])
    live = words.is_live(run)
    headline = words.state(run, jobs, downs)
    return Story(
        run=run,
        jobs=jobs,
        promises=promises,
        headline=headline,
        around=words.around(run),
        details=details(run, headline),
        data=words.data(run, jobs),
        data_state=data_state(jobs),
        services=words.services(state, rows, downs, live=live),
        services_state=state,
        downtimes=downs,
        saved=windows.saved_of(rows, jobs) if run.completed_at and downs else None,
        next=next_steps(run, rows, promises),
        timelines=timelines(run, rows, jobs, now),
        seen=fingerprint(run, rows, jobs, promises, now),
    )


def jobs_of(run: WindowRun) -> list[BackupJob]:
    rows = run.jobs.select_related("repository").defer(*LARGE)
    return list(rows.order_by("window_position", "id"))


# --- verdicts ---------------------------------------------------------------------------------------------------------
def services_state(run: WindowRun, rows: Sequence[ScriptExecution], promises: Sequence[BrokenPromise]) -> str:
    is_broken = any(one.closed_at is None for one in promises)
    if run.is_over and not is_broken and run.services in (Services.UP, Services.UNTOUCHED):
        return run.services
    return str(verdicts.services_of(run, rows, has_open_promise=is_broken))


def worst(states: Sequence[str]) -> str:
    return next(state.value for state in WORST_FIRST if state in states)


def data_state(jobs: Sequence[BackupJob]) -> str | None:
    """The worst of its jobs; nothing while one of them is not over and none is bad."""
    states = [job.data for job in jobs]
    if Data.NONE in states:
        quiet = all(job.status in (JobStatus.SKIPPED, JobStatus.CANCELLED) for job in jobs if job.data == Data.NONE)
        return "not_made" if quiet else Data.NONE.value
    if None in states or not states:
        return None
    return Data.GOOD_WITH_WARNINGS.value if Data.GOOD_WITH_WARNINGS in states else Data.GOOD.value


def details(run: WindowRun, headline: str) -> str:
    """What its message says besides the headline."""
    if words.is_live(run):
        return ""
    return "\n".join(line for line in run.message.splitlines() if line.rstrip(".") not in headline)


# --- what to do next --------------------------------------------------------------------------------------------------
def next_steps(run: WindowRun, rows: Sequence[ScriptExecution], promises: Sequence[BrokenPromise]) -> Next:
    """Scripts after the backups are not cancelled as a whole: they bring services back (behaviour.md, section 7)."""
    live, is_post = words.is_live(run), run.phase in (Phase.POST, Phase.MAINTENANCE)
    running = next((row for row in rows if row.status == ExecutionStatus.RUNNING), None)
    stopping = live and not is_post and run.cancel_requested_at is not None
    return Next(
        cancel=not run.is_over and not is_post and not stopping,
        stop=running if running and running.cancel_requested_at is None and not stopping else None,
        post_scripts=run.is_over and not live and any(one.closed_at is None for one in promises),
        stopping=stopping,
    )


# --- one timeline over everything -------------------------------------------------------------------------------------
def timelines(
    run: WindowRun, rows: Sequence[ScriptExecution], jobs: Sequence[BackupJob], now: datetime
) -> list[Timeline]:
    """The opening itself, and one for the scripts that were run again after it was over."""
    later = [row for row in rows if timeline.is_later(run, row)]
    own = [row for row in rows if row not in later]
    bars = [
        *with_addresses(timeline.rows_of(own, Hook.PRE, now)),
        *(bar_of(job, now) for job in jobs),
        *with_addresses(timeline.rows_of(own, Hook.POST, now)),
        *(row for job in jobs for row in tidied(job, now)),
    ]
    found = [timeline.timeline("", bars, rows, now)]
    if later:
        again = with_addresses(timeline.rows_of(later, Hook.POST, now))
        found.append(timeline.timeline("Run again", again, (), now))
    return found


def with_addresses(rows: Sequence[Row]) -> list[Row]:
    return [replace(row, address=reverse("execution", args=[row.execution_id])) for row in rows]


def bar_of(job: BackupJob, now: datetime) -> Row:
    """Without its maintenance, which comes when services are running again."""
    begun, state = job.started_at is not None, outcome_of(job)
    end = made_at(job) or (None if not job.is_over else job.completed_at or job.started_at)
    return Row(
        key=f"j{job.pk}",
        name=job.repository.name,
        kind=JOB,
        state=STATES[state],
        started_at=job.started_at,
        ended_at=end if begun else None,
        seconds=((end or now) - job.started_at).total_seconds() if job.started_at else None,
        reason="" if state == JobStatus.SUCCESS else job.message.partition("\n")[0],
        word=page_words.TITLES[JobStatus(state)],
        address=reverse("job", args=[job.pk]),
    )


def outcome_of(job: BackupJob) -> str:
    """Its status; that of the backup itself where only its maintenance is left."""
    return job.outcome if job.status == JobStatus.RUNNING and job.phase == Phase.MAINTENANCE else job.status


def made_at(job: BackupJob) -> datetime | None:
    """When everything but its maintenance was over; None while it is not, and where it never began."""
    entries = [entry for entry in job.phases if entry["phase"] != Phase.MAINTENANCE]
    ended = datetime.fromisoformat(entries[-1]["ended_at"]) if entries and entries[-1]["ended_at"] else None
    return min(ended, job.completed_at) if ended and job.completed_at else ended


def took(job: BackupJob) -> float | None:
    end = made_at(job) or job.completed_at
    return (end - job.started_at).total_seconds() if end and job.started_at else None


def tidied(job: BackupJob, now: datetime) -> list[Row]:
    """Prune, compact and check after it."""
    rows = timeline.borg_rows(job, now, timeline.MAINTENANCE)
    if job.waits_with_maintenance:
        reason = "Waits until services are running again, so that they are not down for longer."
        rows = [Row("", "", JOB, ExecutionStatus.PLANNED, reason=reason)]
    name, address = f"{job.repository.name}: prune, compact and check", reverse("job", args=[job.pk])
    return [replace(row, key=f"m{job.pk}", name=name, kind=JOB, address=address) for row in rows]


def fingerprint(
    run: WindowRun,
    rows: Sequence[ScriptExecution],
    jobs: Sequence[BackupJob],
    promises: Sequence[BrokenPromise],
    now: datetime,
) -> str:
    """Changes whenever the page would say something else; bars that only grow count every few seconds."""
    grown = int((now - run.started_at).total_seconds() // STEP) if run.started_at and words.is_live(run) else 0
    facts = [run.status, run.phase, run.outcome, run.message, str(run.cancel_requested_at), grown]
    states = [(row.pk, row.status, str(row.cancel_requested_at)) for row in rows]
    inside = [(job.pk, job.status, job.phase, len(job.phases), job.message, job.services, job.data) for job in jobs]
    broken = [(one.pk, one.closed_at is None) for one in promises]
    return hashlib.sha256(json.dumps([facts, states, inside, broken]).encode()).hexdigest()[:16]
