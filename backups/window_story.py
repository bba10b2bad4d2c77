"""What the pages of windows tell: each with its state now, what it stops and its last opening; and one window with what
runs in it and how it went. The number of queries does not grow with windows or openings."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Prefetch, QuerySet
from django.urls import reverse

from scripts_library import foreseen, links
from scripts_library.models import Hook, RunOn, ScriptExecution, WindowScript

from . import cron, scheduling, verdicts, window_run_story, windows
from .models import (
    UNFINISHED,
    BackupJob,
    MaintenanceWindow,
    Repository,
    ScheduledJob,
    ScheduledRepository,
    WindowRun,
)
from .verdicts import Downtime
from .words import opening as words

RUNS = 20  # openings on one page of the history
NEXT = 3  # openings to come that a page names


@dataclass(frozen=True)
class Opening:
    """One run in a list, with both verdicts."""

    row: WindowRun
    jobs: list[BackupJob]
    downs: list[Downtime]
    services: str

    @property
    def moment(self) -> datetime:
        return self.row.started_at or self.row.due_at or self.row.created_at

    @property
    def is_live(self) -> bool:
        return words.is_live(self.row)

    @property
    def sentence(self) -> str:
        return words.state(self.row, self.jobs, self.downs)

    @property
    def data(self) -> str | None:
        return window_run_story.data_state(self.jobs) if self.jobs or self.is_live else "not_made"

    @property
    def down(self) -> float | None:
        return max((one.seconds for one in self.downs), default=None)

    @property
    def saved(self) -> float | None:
        return windows.saved_of(list(self.row.executions.all()), self.jobs) if self.row.completed_at else None


@dataclass(frozen=True)
class Row:
    """One window in the list."""

    window: MaintenanceWindow
    repositories: list[Repository]
    when: str
    now: str
    stops: list[str]
    open: WindowRun | None
    last: Opening | None


# --- the list ---------------------------------------------------------------------------------------------------------
def everything() -> QuerySet[MaintenanceWindow]:
    """Those that open by themselves first, the soonest at the top."""
    return MaintenanceWindow.objects.order_by("-enabled", F("next_run").asc(nulls_last=True), "name")


def rows(found: Iterable[MaintenanceWindow], now: datetime) -> list[Row]:
    """In the order given."""
    shown = list(found)
    ids = [window.pk for window in shown]
    members, opened, stops = members_of(ids), newest_openings(ids, now), stops_of(ids)
    paused = scheduling.paused(now) is not None
    return [row_of(one, members[one.pk], opened.get(one.pk, []), stops[one.pk], now, paused) for one in shown]


def row_of(
    window: MaintenanceWindow,
    repositories: list[Repository],
    opened: Sequence[Opening],
    stops: list[str],
    now: datetime,
    paused: bool,
) -> Row:
    live = next((one for one in opened if words.is_live(one.row)), None)
    last = next((one for one in opened if one.row.is_over), None)
    said = live.sentence if live else words.opens(window, now, paused=paused)
    when = cron.in_words(window.cron_expression)
    return Row(window, repositories, when, said, stops, live.row if live else None, last)


def members_of(ids: Collection[int]) -> dict[int, list[Repository]]:
    """What each window backs up, in order; what was deleted or is switched off is left out."""
    kept = ScheduledRepository.objects.filter(
        scheduled_job__maintenance_window__in=ids, scheduled_job__enabled=True, repository__deleted_at=None
    )
    found: dict[int, list[Repository]] = {pk: [] for pk in ids}
    order = ("scheduled_job_id", "position")
    for member in kept.select_related("repository", "scheduled_job").order_by(*order):
        mine = found[member.scheduled_job.maintenance_window_id or 0]
        if member.repository not in mine:
            mine.append(member.repository)
    return found


def stops_of(ids: Collection[int]) -> dict[int, list[str]]:
    """What the scripts of each window interrupt."""
    return links.interrupts_of_windows(list(ids))


def newest_openings(ids: Collection[int], now: datetime) -> dict[int, list[Opening]]:
    """Of each window the newest that is over, and the one that is open."""
    mine = WindowRun.objects.filter(window__in=ids)
    ended = mine.exclude(status__in=UNFINISHED).order_by().values("window").annotate(newest=Max("pk"))
    wanted = set(ended.values_list("newest", flat=True))
    wanted |= set(mine.filter(status__in=UNFINISHED).values_list("pk", flat=True))
    found: dict[int, list[Opening]] = {}
    for one in openings(WindowRun.objects.filter(pk__in=wanted).order_by("-pk"), now):
        found.setdefault(one.row.window_id or 0, []).append(one)
    return found


def openings(found: QuerySet[WindowRun], now: datetime) -> list[Opening]:
    """Four queries, however many they are."""
    jobs = BackupJob.objects.select_related("repository").defer(*window_run_story.LARGE)
    executions = ScriptExecution.objects.in_order().defer("stdout", "stderr", "parameters")
    shown = found.prefetch_related(
        Prefetch("jobs", jobs.order_by("window_position", "id")),
        Prefetch("executions", executions),
        "broken_promises",
    )
    return [opening(row, now) for row in shown]


def opening(row: WindowRun, now: datetime) -> Opening:
    jobs, executions = list(row.jobs.all()), list(row.executions.all())
    own = row.services if row.is_over else verdicts.services_of(row, executions, has_open_promise=False)
    if any(one.closed_at is None for one in row.broken_promises.all()):
        own = "broken_promise"
    services = window_run_story.worst([own, *(job.services for job in jobs)])
    return Opening(row, jobs, verdicts.downtime_of(executions, now), services)


# --- one window -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Inside:
    """A script or a repository on the window's page."""

    name: str
    address: str
    remark: str = ""
    is_off: bool = False


@dataclass(frozen=True)
class Lane:
    title: str
    entries: list[Inside]
    nothing: str
    change: str
    change_words: str
    warnings: list[str] = field(default_factory=list)
    is_scripts: bool = True


@dataclass(frozen=True)
class Story:
    now: str
    when: str
    open: WindowRun | None
    paused: bool
    stops: list[str]
    repositories: list[Repository]
    next_times: Sequence[datetime]
    lanes: list[Lane]
    runs: list[Opening]
    earlier: int | None

    @property
    def saved_so_far(self) -> float:
        """By the openings that are shown."""
        return sum(run.saved or 0.0 for run in self.runs)


def of(window: MaintenanceWindow, now: datetime, before: int | None = None) -> Story:
    [row] = rows([window], now)
    shown, earlier = history(window, now, before)
    paused = scheduling.paused(now) is not None
    return Story(
        now=row.now,
        when=row.when,
        open=row.open,
        paused=paused,
        stops=everything_stopped(window, row),
        repositories=row.repositories,
        next_times=[] if paused else windows.next_openings(window, now, NEXT),
        lanes=lanes_of(window, row.repositories),
        runs=shown,
        earlier=earlier,
    )


def everything_stopped(window: MaintenanceWindow, row: Row) -> list[str]:
    """By the window itself, and by the own scripts of what is backed up inside."""
    inside = links.interrupts_of([one.pk for one in row.repositories])
    return list(dict.fromkeys([*row.stops, *(thing for things in inside.values() for thing in things)]))


def history(window: MaintenanceWindow, now: datetime, before: int | None) -> tuple[list[Opening], int | None]:
    """The openings, the newest first, those before the number `before`; and where the next page begins."""
    found = window.runs.order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    page = openings(found[: RUNS + 1], now)
    return page[:RUNS], page[RUNS - 1].row.pk if len(page) > RUNS else None


def lanes_of(window: MaintenanceWindow, repositories: Sequence[Repository]) -> list[Lane]:
    """Before, the backups, after."""
    scripts = list(WindowScript.objects.filter(window=window).select_related("script").in_order())
    board = reverse("window-scripts", args=[window.pk])
    pre, post = ([one for one in scripts if one.hook_type == hook] for hook in (Hook.PRE, Hook.POST))
    return [
        Lane("Before, once", inside(pre, board), "No scripts. Nothing is stopped.", board, "Change what runs before"),
        Lane(
            "Backed up inside",
            [Inside(one.name, reverse("repository", args=[one.pk])) for one in repositories],
            "Nothing is backed up inside yet.",
            reverse("window-settings", args=[window.pk]),
            "Choose repositories",
            is_scripts=False,
        ),
        Lane("After, once", inside(post, board), "No scripts.", board, "Change what runs after", warnings(pre, post)),
    ]


def inside(scripts: Sequence[WindowScript], board: str) -> list[Inside]:
    return [
        Inside(
            one.script.name,
            f"{board}#assignment-{one.pk}",
            "Switched off here." if not one.enabled else "",
            not one.enabled,
        )
        for one in scripts
    ]


def warnings(pre: Sequence[WindowScript], post: Sequence[WindowScript]) -> list[str]:
    """Something runs before, and after a failed backup nothing does."""
    kept = any(one.enabled and one.run_on in (RunOn.ALWAYS, RunOn.FAILURE) for one in post)
    stopped = any(one.enabled for one in pre)
    return [f"{foreseen.NOTHING_AFTER_FAILURE} What was stopped stays stopped then."] if stopped and not kept else []


# --- before it is deleted ---------------------------------------------------------------------------------------------
def before_deletion(window: MaintenanceWindow) -> dict[str, Any]:
    """What its page names: the run that is open, what is no longer backed up by it, and what has nothing else."""
    repositories = members_of([window.pk])[window.pk]
    others = ScheduledJob.objects.exclude(maintenance_window=window).filter(enabled=True)
    elsewhere = set(others.values_list("members__repository", flat=True))
    return {
        "run": WindowRun.objects.unfinished().filter(window=window).first(),
        "repositories": repositories,
        "alone": [one for one in repositories if one.pk not in elsewhere],
    }
