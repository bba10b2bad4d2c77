"""What is said of a window's run that is over, in notifications and on its row (pages.md, sentence 18)."""

from collections.abc import Sequence

from backups.models import BackupJob, Phase, WindowRun
from backups.verdicts import Downtime
from scripts_library.models import Outcome, ScriptExecution

from .finished import Told, has_archive, in_short, lost, may_be_stopped, promise, services, stops_something
from .phrases import duration, lines

TITLES = {
    Outcome.SUCCESS: "closed",
    Outcome.WARNING: "closed, with a warning",
    Outcome.FAILURE: "closed, with failures",
    Outcome.SKIPPED: "not today",
    Outcome.CANCELLED: "stopped",
}


def told_of_window(
    run: WindowRun, jobs: Sequence[BackupJob], downtimes: Sequence[Downtime], broken: Sequence[ScriptExecution]
) -> Told:
    """The window, its backups, the services, and what its row says; broken promises first."""
    if broken:
        title = "services may still be stopped" if stops_something(broken) else "a script failed"
        said = " ".join(promise(row) for row in broken)
        return Told(
            f"Window '{run.window_name}': {title}",
            lines(may_be_stopped(stops_something(broken)), said, backed_up(jobs)),
        )
    title = title_of(run) + (" (picked up after an interruption)" if run.claim > 1 else "")
    about = [lost(run, "window"), *run.message.splitlines(), backed_up(jobs), services(run, downtimes), down(downtimes)]
    return Told(f"Window '{run.window_name}': {title}", lines(*about))


def title_of(run: WindowRun) -> str:
    if run.outcome == Outcome.FAILURE and not any(entry["phase"] == Phase.BACKUP for entry in run.phases):
        return "did not open"
    status = Outcome.WARNING if run.outcome == Outcome.SUCCESS and run.status != Outcome.SUCCESS else run.outcome
    return TITLES[Outcome(status)]


def backed_up(jobs: Sequence[BackupJob]) -> str:
    if not jobs:
        return ""
    return f"{sum(has_archive(job) for job in jobs)} of {len(jobs)} backed up."


def down(downtimes: Sequence[Downtime]) -> str:
    longest = max((one.seconds for one in downtimes if not one.still_down), default=None)
    return f"Down for {duration(longest)}." if longest is not None and len(downtimes) > 1 else ""


def told_window_again(run: WindowRun, downtimes: Sequence[Downtime]) -> Told:
    """The scripts after the backups were run again, and all of them came to a good end."""
    return Told(
        f"Window '{run.window_name}': the scripts after the backups ran again",
        lines("All of them came to a good end.", services(run, downtimes)),
    )


def told_window_works_again(run: WindowRun, told: Told) -> Told:
    """The first good closing after bad news; `told` is what is said of it anyway."""
    return Told(f"Window '{run.window_name}': works again", lines("It works again.", told.text))


def failed_afterwards(row: ScriptExecution) -> str:
    """A script after the backups that failed, and why."""
    return f"The script '{row.script_name}' failed afterwards.{in_short(row)}"
