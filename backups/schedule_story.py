"""What the pages of schedules tell: each with its state, its next time and its last result; and what became of each
due time of one. The number of queries does not grow with schedules or runs."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from . import cron, windows
from .models import BackupJob, JobStatus, Repository, RunStatus, ScheduledJob, ScheduledRepository, ScheduleRun

RUNS = 20  # due times on one page of the history
NEXT = 5  # times to come that a page names
LARGE = ("phases", "borg_messages", "unread", "stats", "command", "progress")

# The result of a run is that of the backup that went worst; while one of them is not over it has none.
WORST = [
    JobStatus.QUEUED,
    JobStatus.RUNNING,
    JobStatus.FAILURE,
    JobStatus.WARNING,
    JobStatus.CANCELLED,
    JobStatus.SKIPPED,
    JobStatus.SUCCESS,
]


@dataclass(frozen=True)
class State:
    """Whether it runs by itself. `word` is on, off or paused."""

    word: str
    until: datetime | None = None


@dataclass(frozen=True)
class Run:
    """One due time and what became of it. `result` is a status of a job, or missed or paused."""

    row: ScheduleRun
    jobs: list[BackupJob]

    @property
    def result(self) -> str:
        if self.row.status != RunStatus.QUEUED:
            return self.row.status
        statuses = {job.status for job in self.jobs}
        return next((status.value for status in WORST if status in statuses), "nothing")


@dataclass(frozen=True)
class Row:
    """One schedule in the list."""

    schedule: ScheduledJob
    repositories: list[Repository]
    when: str
    state: State
    last: Run | None


# --- the list ---------------------------------------------------------------------------------------------------------
def rows(schedules: Iterable[ScheduledJob], now: datetime) -> list[Row]:
    """In the order given; four queries, however many they are."""
    found = list(schedules)
    ids = [schedule.pk for schedule in found]
    members, last = members_of(ids), last_runs(ids)
    return [
        Row(one, members[one.pk], cron.in_words(one.cron_expression), state_of(one, now), last.get(one.pk))
        for one in found
    ]


def everything() -> QuerySet[ScheduledJob]:
    """Those with a next time first, the soonest at the top."""
    return ScheduledJob.objects.by_themselves().order_by("-enabled", "next_run", "name")


def state_of(schedule: ScheduledJob, now: datetime) -> State:
    if not schedule.enabled:
        return State("off")
    return State("paused", schedule.paused_until) if schedule.is_paused(now) else State("on")


def members_of(ids: Collection[int]) -> dict[int, list[Repository]]:
    """The repositories of each schedule, in order; those that were deleted are left out."""
    kept = ScheduledRepository.objects.filter(scheduled_job__in=ids, repository__deleted_at=None)
    found: dict[int, list[Repository]] = {pk: [] for pk in ids}
    for member in kept.select_related("repository").order_by("scheduled_job", "position"):
        found[member.scheduled_job_id].append(member.repository)
    return found


def last_runs(ids: Collection[int]) -> dict[int, Run]:
    newest = ScheduleRun.objects.filter(scheduled_job=OuterRef("pk")).order_by("-due_at", "-id").values("pk")[:1]
    wanted = ScheduledJob.objects.filter(pk__in=ids).annotate(newest=Subquery(newest)).values("newest")
    return {run.row.scheduled_job_id: run for run in runs(ScheduleRun.objects.filter(pk__in=wanted))}


def runs(found: QuerySet[ScheduleRun]) -> list[Run]:
    jobs = BackupJob.objects.select_related("repository").defer(*LARGE).order_by("id")
    return [Run(row, list(row.jobs.all())) for row in found.prefetch_related(Prefetch("jobs", jobs))]


# --- one schedule -----------------------------------------------------------------------------------------------------
def history(schedule: ScheduledJob, before: int | None = None) -> tuple[list[Run], int | None]:
    """The due times, the newest first, from the one before the run `before`; and where the next page begins."""
    found = schedule.runs.order_by("-due_at", "-id")
    if before is not None:
        edge = schedule.runs.filter(pk=before).values_list("due_at", flat=True).first()
        found = found.filter(due_at__lt=edge) if edge else found.none()
    page = runs(found[: RUNS + 1])
    return page[:RUNS], page[RUNS - 1].row.pk if len(page) > RUNS else None


def next_times(schedule: ScheduledJob, now: datetime, count: int = NEXT) -> Sequence[datetime]:
    """When it is due from now on; nothing where it is switched off."""
    if not schedule.enabled:
        return []
    if schedule.maintenance_window is not None:
        return windows.next_openings(schedule.maintenance_window, now, count)
    after = max(now, schedule.paused_until or now)
    return cron.next_times(schedule.cron_expression, schedule.timezone, after, count)
