"""Who has which repository and has stopped which things: it keeps jobs and windows apart (behaviour.md, section 10)."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from scripts_library import links

from .models import BackupJob, ScheduledRepository, WindowRun


@dataclass(frozen=True)
class Holder:
    """A job or a window's run that is active, or that comes first in the queue."""

    sentence: str  # for what is waited
    things: frozenset[str]
    repository_id: int | None = None  # None: a window's run
    window_run_id: int | None = None  # the one that it is, or to which it belongs


def of_job(job: BackupJob, things: Iterable[str]) -> Holder:
    sentence = f"'{job.repository.name}' to finish"
    return Holder(sentence, frozenset(things), job.repository_id, job.window_run_id)


def of_window(run: WindowRun, things: Iterable[str]) -> Holder:
    return Holder(f"the window '{run.window_name}' to close", frozenset(things), None, run.pk)


class Holders:
    """In the order in which they came: the first of those at the same thing is the one that others wait for."""

    def __init__(self, found: Iterable[Holder] = ()) -> None:
        self.repositories: set[int] = set()
        self.things: dict[str, list[Holder]] = {}
        for one in found:
            self.add(one)

    def add(self, one: Holder) -> None:
        if one.repository_id is not None:
            self.repositories.add(one.repository_id)
        for thing in one.things:
            self.things.setdefault(thing, []).append(one)

    def before_job(self, job: BackupJob, things: Iterable[str]) -> str:
        """Who is before this job in its repository or at what it interrupts; '' if nobody. Its own window is not."""
        if job.repository_id in self.repositories:
            return f"Waiting for another backup of '{job.repository.name}' to finish."
        return self.at_the_same(things, but=job.window_run_id)

    def at_the_same(self, things: Iterable[str], but: int | None = None) -> str:
        """`but`: the run of a window that is not in the way, though its other jobs are."""
        for thing in things:
            for other in self.things.get(thing, ()):
                if but is None or other.repository_id is not None or other.window_run_id != but:
                    return f"Waiting for {other.sentence}, which interrupts {thing} too."
        return ""


def now(jobs: Iterable[BackupJob] | None = None) -> Holders:
    """What is active, also where its post-backup scripts are being run again. `jobs`: the active ones, if known."""
    windows = [of_window(run, [*run.interrupts, *run.reserved]) for run in WindowRun.objects.active()]
    return Holders([*windows, *(of_job(job, job.interrupts) for job in (active_jobs() if jobs is None else jobs))])


def active_jobs() -> list[BackupJob]:
    return list(BackupJob.objects.active().select_related("repository"))


# --- what would be stopped --------------------------------------------------------------------------------------------
def wants_of_windows(runs: Collection[WindowRun]) -> dict[int, list[str]]:
    """By the id of a run that has not begun: what its window and the backups in it would interrupt."""
    ids = [run.window_id for run in runs if run.window_id is not None]
    own, members = links.things_of_windows(ids), members_of(ids)
    of_repositories = links.things_of([pk for found in members.values() for pk in found])
    found = {}
    for run in runs:
        if run.window_id is not None:
            everything = [own[run.window_id], *(of_repositories[pk] for pk in members[run.window_id])]
            found[run.pk] = list(
                dict.fromkeys(one for things in everything for one in links.with_names(things, things))
            )
    return found


def members_of(window_ids: Collection[int]) -> dict[int, list[int]]:
    """The repositories that are backed up in each window."""
    found: dict[int, list[int]] = {pk: [] for pk in window_ids}
    rows = ScheduledRepository.objects.filter(
        scheduled_job__maintenance_window__in=window_ids, scheduled_job__enabled=True, repository__deleted_at=None
    )
    for window_id, pk in rows.values_list("scheduled_job__maintenance_window_id", "repository_id"):
        if window_id is not None:
            found[window_id].append(pk)
    return found
