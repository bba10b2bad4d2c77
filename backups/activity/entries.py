"""One row of the feed: what kind it is, how it ended, what is said of it, and the scripts that belong to it."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from backups import verdicts
from backups.models import BackupJob, ScheduleRun, WindowRun
from backups.window_run_story import worst
from backups.words import activity as words
from backups.words import opening
from backups.words.page import is_live
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution, TriggeredBy

from .filters import Filters
from .rows import JOB, MISSED, TEST, WINDOW, Row

OPEN = (ExecutionStatus.PLANNED, ExecutionStatus.RUNNING)
WORST_FIRST = (
    ExecutionStatus.RUNNING,
    ExecutionStatus.FAILED,
    ExecutionStatus.TIMED_OUT,
    ExecutionStatus.INTERRUPTED,
    ExecutionStatus.CANCELLED,
    ExecutionStatus.PLANNED,
    ExecutionStatus.NOT_RUN,
    ExecutionStatus.SUCCEEDED,
)


@dataclass(frozen=True)
class Step:
    """An execution below its backup or test run."""

    row: ScriptExecution
    fits: bool  # it is what somebody looked for

    @property
    def when(self) -> str:
        return words.WHEN[Hook(self.row.hook_type)]

    @property
    def reason(self) -> str:
        return words.reason(self.row)


@dataclass(frozen=True)
class Entry:
    """`kind` and `pk` name it. `mark` is what the tag of that name takes: the kind of state, and the state."""

    kind: str
    pk: int
    at: datetime
    mark: tuple[str, str]
    name: str
    address: str
    sentence: str
    by: str
    seconds: float | None = None
    services: str = ""
    is_live: bool = False
    steps: tuple[Step, ...] = ()
    jobs: tuple[BackupJob, ...] = ()  # of a window

    @property
    def key(self) -> str:
        return f"{self.kind}{self.pk}"

    @property
    def order(self) -> tuple[datetime, str, int]:
        """The newest is the greatest."""
        return self.at, self.kind, self.pk

    @property
    def state(self) -> str:
        """Changes when there is something new to show."""
        steps = [(step.row.pk, step.row.status) for step in self.steps]
        steps += [(job.pk, job.status) for job in self.jobs]
        shown = (self.mark, self.sentence, self.services, self.is_live, steps)
        return f"{zlib.crc32(repr(shown).encode()):x}"

    @property
    def scripts(self) -> str:
        return words.inside(self.jobs, [step.row for step in self.steps])

    @property
    def is_unfolded(self) -> bool:
        return any(step.fits for step in self.steps)


# --- from rows to entries ---------------------------------------------------------------------------------------------
SHOWN = (
    *("script_name", "hook_type", "status", "position", "attempt", "execution_time", "started_at", "completed_at"),
    *("error_message", "interrupts", "script", "backup_job", "test_run_id", "repository"),
)


OF_JOBS_INSIDE = (
    *("status", "data", "services", "message", "started_at", "completed_at", "window_run", "window_position"),
    "repository__name",
)


def of_rows(rows: Iterable[Row], filters: Filters, now: datetime) -> list[Entry]:
    """In the same order. One query for the scripts of all jobs, one for those of all test runs."""
    found = list(rows)
    of_jobs = executions_of("backup_job_id", [row.pk for row in found if isinstance(row, BackupJob)])
    of_tests = executions_of("test_run_id", [row.pk for row in found if isinstance(row, ScriptExecution)])
    windows = [row.pk for row in found if isinstance(row, WindowRun)]
    of_windows, inside = executions_of("window_run_id", windows), jobs_inside(windows)
    entries = []
    for row in found:
        if isinstance(row, BackupJob):
            entries.append(of_job(row, of_jobs[row.pk], filters))
        elif isinstance(row, WindowRun):
            entries.append(of_window(row, of_windows[row.pk], inside[row.pk], filters, now))
        elif isinstance(row, ScriptExecution):
            entries.append(of_test_run(of_tests[row.pk] or [row], row, filters))
        else:
            entries.append(of_missed(row, now))
    return entries


def executions_of(column: str, ids: Sequence[int]) -> dict[int, list[ScriptExecution]]:
    """In the order of the chain, without what they printed."""
    found: dict[int, list[ScriptExecution]] = defaultdict(list)
    rows = ScriptExecution.objects.filter(**{f"{column}__in": ids}).in_order().only(*SHOWN)
    for row in rows if ids else ():
        found[getattr(row, column)].append(row)
    return found


def jobs_inside(ids: Sequence[int]) -> dict[int, list[BackupJob]]:
    """The backups of each opening, in their order."""
    found: dict[int, list[BackupJob]] = defaultdict(list)
    rows = BackupJob.objects.filter(window_run__in=ids).select_related("repository").order_by("window_position", "pk")
    for row in rows.only(*OF_JOBS_INSIDE) if ids else ():
        found[row.window_run_id or 0].append(row)
    return found


def of_window(
    row: WindowRun,
    executions: Sequence[ScriptExecution],
    jobs: Sequence[BackupJob],
    filters: Filters,
    now: datetime,
) -> Entry:
    live = opening.is_live(row)
    own = row.services if row.is_over else verdicts.services_of(row, executions, has_open_promise=False)
    return Entry(
        kind=WINDOW,
        pk=row.pk,
        at=row.created_at,
        mark=("window", row.status),
        name=f"Window: {row.window_name}",
        address=reverse("window-run", args=[row.pk]),
        sentence=opening.state(row, jobs, verdicts.downtime_of(executions, now)),
        by=asked_by(row),
        seconds=None if live else seconds_between(row.started_at, row.completed_at),
        services=worst([own, *(job.services for job in jobs)]),
        is_live=live,
        steps=steps_of(executions, filters),
        jobs=tuple(jobs),
    )


def of_job(row: BackupJob, executions: Sequence[ScriptExecution], filters: Filters) -> Entry:
    live = is_live(row)
    services = row.services if row.is_over else verdicts.services_of(row, executions, has_open_promise=False)
    return Entry(
        kind=JOB,
        pk=row.pk,
        at=row.created_at,
        mark=("job", row.status),
        name=row.repository.name,
        address=reverse("job", args=[row.pk]),
        sentence=words.job(row),
        by=asked_by(row),
        seconds=None if live else seconds_between(row.started_at, row.completed_at),
        services=services,
        is_live=live,
        steps=steps_of(executions, filters),
    )


def of_test_run(rows: Sequence[ScriptExecution], first: ScriptExecution, filters: Filters) -> Entry:
    """`first` is read with its repository and the person."""
    states = {row.status for row in rows}
    return Entry(
        kind=TEST,
        pk=first.pk,
        at=first.created_at,
        mark=("execution", next(state for state in WORST_FIRST if state in states)),
        name=f"Test run: {first.script_name}",
        address=reverse("execution", args=[first.pk]),
        sentence=words.test_run([first, *rows[1:]]),
        by=asked_by(first),
        seconds=seconds_between(first.started_at, rows[-1].completed_at),
        is_live=any(state in OPEN for state in states),
        steps=steps_of(rows, filters) if len(rows) > 1 else (),
    )


def of_missed(row: ScheduleRun, now: datetime) -> Entry:
    return Entry(
        kind=MISSED,
        pk=row.pk,
        at=row.created_at,
        mark=("run", row.status),
        name=row.scheduled_job.name,
        address=reverse("schedule", args=[row.scheduled_job_id]),
        sentence=words.missed(row, now),
        by=str(TriggeredBy.SCHEDULE.label),
    )


def steps_of(rows: Iterable[ScriptExecution], filters: Filters) -> tuple[Step, ...]:
    return tuple(Step(row, filters.fits(row)) for row in rows)


def asked_by(row: BackupJob | ScriptExecution | WindowRun) -> str:
    """A person by name, a schedule or a window by its name, else the kind of thing."""
    if row.triggered_by_user is not None:
        return row.triggered_by_user.get_username()
    if isinstance(row, BackupJob) and row.window_run is not None:
        return row.window_run.window_name
    if isinstance(row, BackupJob) and row.schedule_run is not None:
        return row.schedule_run.scheduled_job.name
    return str(TriggeredBy(row.triggered_by).label)


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None
