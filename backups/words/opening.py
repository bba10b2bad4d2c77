"""What pages say of a maintenance window and of one of its openings (pages.md, sentence 18)."""

import math
import re
from collections.abc import Sequence
from datetime import datetime

from backups.models import BackupJob, Data, MaintenanceWindow, Phase, Services, WindowRun, WindowStatus
from backups.verdicts import Downtime
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from .phrases import clock, duration, lines, to_the_second

GOOD = (Data.GOOD, Data.GOOD_WITH_WARNINGS)
BEFORE_THE_BACKUP = re.compile(r" before the backup started.*")  # the rest stands in the message below
WAITING = "Waiting. Nothing has been stopped yet."


def opens(window: MaintenanceWindow, now: datetime, *, paused: bool) -> str:
    """While it is closed: Opens in 2 h 10 min."""
    if not window.enabled:
        return "Paused: it opens only when somebody opens it"
    if paused:
        return "Everything is paused: it opens only when somebody opens it"
    if window.next_run is None:
        return "Opens at no time to come"
    left = (window.next_run - now).total_seconds()
    return f"Opens in {in_minutes(left)}" if left > 0 else "Opens any moment now"


def in_minutes(seconds: float) -> str:
    """To the minute, and to the hour where it is days."""
    if seconds < 60:
        return "less than 1 min"
    days, rest = divmod(math.ceil(seconds / 60), 24 * 60)
    if not days:
        return duration(rest * 60)
    hours = round(rest / 60)
    return f"{days} d {hours} h" if hours else f"{days} d"


def is_live(run: WindowRun) -> bool:
    """Something of it waits or runs, be it its scripts once more: its page follows."""
    return not run.is_over or bool(run.phase)


# --- what happens, or happened ----------------------------------------------------------------------------------------
def state(run: WindowRun, jobs: Sequence[BackupJob], downs: Sequence[Downtime]) -> str:
    """In one line, for lists and as the headline of its page."""
    if is_live(run):
        return live(run, jobs, downs)
    if run.status == WindowStatus.MISSED:
        return run.message if run.message.startswith("Missed") else lines("Missed.", run.message)
    if run.status == WindowStatus.CANCELLED and run.started_at is None:
        return run.message.partition("\n")[0].rstrip(".")
    if not reached(run, Phase.BACKUP) and run.status != WindowStatus.CANCELLED:
        return did_not_open(run, jobs)
    return closed(run, jobs, downs)


def live(run: WindowRun, jobs: Sequence[BackupJob], downs: Sequence[Downtime]) -> str:
    if run.is_over:
        return "The scripts after the backups run again"
    if run.status == WindowStatus.QUEUED:
        return run.message or WAITING
    stops = bool(run.interrupts)
    if run.phase == Phase.POST:
        return "Closing: starting services" if stops else "Closing: the scripts after the backups are running"
    if run.phase == Phase.BACKUP:
        return f"Open: {done_of(jobs)} done{stopped_now(downs)}"
    if run.phase == Phase.MAINTENANCE:
        return f"{closed(run, jobs, downs)}; what follows the backups goes on"
    return "Opening: stopping services" if stops else "Opening: the scripts before the backups are running"


def stopped_now(downs: Sequence[Downtime]) -> str:
    names = [one.name for one in downs if one.still_down]
    return f", {' and '.join(names)} {'is' if len(names) == 1 else 'are'} stopped" if names else ""


def done_of(jobs: Sequence[BackupJob]) -> str:
    """2 of 5 backups."""
    return f"{sum(job.is_over or job.phase == Phase.MAINTENANCE for job in jobs)} of {counted(len(jobs))}"


def counted(count: int) -> str:
    return "1 backup" if count == 1 else f"{count} backups"


def closed(run: WindowRun, jobs: Sequence[BackupJob], downs: Sequence[Downtime]) -> str:
    saved = sum(job.data in GOOD for job in jobs)
    begin = "Cancelled" if run.status == WindowStatus.CANCELLED else "Closed"
    longest = max((one.seconds for one in downs if not one.still_down), default=None)
    still = [one.name for one in downs if one.still_down]
    down = f", down {duration(longest)}" if longest is not None else ""
    down = f", {' and '.join(still)} may still be stopped" if still else down
    return (
        f"{begin}: {saved} of {len(jobs)} backed up{down}" if jobs else f"{begin}: there was nothing to back up{down}"
    )


def did_not_open(run: WindowRun, jobs: Sequence[BackupJob]) -> str:
    """Did not open: 'Stop Nextcloud' failed, so none of the 5 backups ran."""
    said = BEFORE_THE_BACKUP.sub("", run.message.partition("\n")[0])
    reason = said.rstrip(".") or "the scripts before the backups did not come to a good end"
    none = f", so none of the {counted(len(jobs))} ran" if len(jobs) > 1 else ", so the backup did not run"
    if "so none of" in reason or not jobs:
        none = ""
    return f"{reason}{none}" if reason.startswith("Did not open") else f"Did not open: {reason}{none}"


def reached(run: WindowRun, phase: str) -> bool:
    return any(entry["phase"] == phase for entry in run.phases)


def around(run: WindowRun) -> str:
    """What else has to be known: that it was lost, or that somebody stopped it."""
    lost = ""
    if run.lost_at is not None:
        what = "The server restarted during this window" if run.restarted else "This window was cut off"
        lost = f"{what} ({clock(run.lost_at)}), and was picked up again."
    cancelled = ""
    if run.cancel_requested_at is not None and run.is_over:
        who = f" by {run.cancel_requested_by.get_username()}" if run.cancel_requested_by else ""
        cancelled = f"Stopped{who} at {clock(run.cancel_requested_at)}."
    return lines(cancelled, lost)


# --- the two verdicts -------------------------------------------------------------------------------------------------
def data(run: WindowRun, jobs: Sequence[BackupJob]) -> str:
    if not jobs:
        return "Nothing was backed up inside." if run.is_over else "Nothing has been backed up yet."
    good = [job for job in jobs if job.data in GOOD]
    bad = [job.repository.name for job in jobs if job.is_over and job.data not in GOOD]
    have = "has" if len(good) == 1 else "have"
    begin = f"{len(good)} of {len(jobs)} repositories {have} a new archive." if len(jobs) > 1 else ""
    if len(jobs) == 1:
        begin = "The repository has a new archive." if good else ""
    return lines(begin, f"Not saved: {', '.join(bad)}." if bad else "") or "Nothing has been backed up yet."


def services(state: str, rows: Sequence[ScriptExecution], downs: Sequence[Downtime], *, live: bool) -> str:
    """`state`: the verdict. With the times of each thing that was down."""
    if state == Services.UNTOUCHED:
        return "Nothing has been stopped." if live else "Nothing was stopped."
    said = " ".join(down_sentence(one, rows) for one in downs)
    if state == Services.UP:
        return lines("Everything that was stopped is running again.", said)
    if live and state == Services.INTERRUPTED:
        return lines("They come back when the backups are over, whatever becomes of those.", said)
    return lines("Services may still be stopped.", said)


def down_sentence(one: Downtime, rows: Sequence[ScriptExecution]) -> str:
    begun = min((row.started_at for row in rows if stops(row, one.name) and row.started_at), default=None)
    since = f" since {to_the_second(begun)}" if begun else ""
    if one.still_down:
        return f"{one.name} is down{since}."
    ended = max((row.completed_at for row in rows if starts(row, one.name) and row.completed_at), default=None)
    when = f" ({to_the_second(begun)} to {to_the_second(ended)})" if begun and ended else ""
    return f"{one.name} was down {duration(one.seconds)}{when}."


def stops(row: ScriptExecution, thing: str) -> bool:
    return row.hook_type == Hook.PRE and row.interrupts == thing


def starts(row: ScriptExecution, thing: str) -> bool:
    return row.hook_type == Hook.POST and row.interrupts == thing and row.status == ExecutionStatus.SUCCEEDED
