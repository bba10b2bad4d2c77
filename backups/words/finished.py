"""What is said of a backup that is over, wherever it is said: notifications, commands and pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backups.models import BackupJob, Data, JobStatus, Phase, Repository, Services, Work
from backups.verdicts import Downtime
from scripts_library.models import ExecutionStatus, Outcome, ScriptExecution

from .phrases import clock, day, duration, lines, size, to_the_second

LOST = "The job stopped during"  # how the row of a job that was cut off begins (behaviour.md, section 6)
CODE_FIRST = re.compile(r"exit \d+: ")
TITLES = {
    Outcome.SUCCESS: "backed up",
    Outcome.WARNING: "backed up, with a warning",
    Outcome.FAILURE: "not backed up",
    Outcome.SKIPPED: "not today",
    Outcome.CANCELLED: "stopped",
}
BROKEN = {
    ExecutionStatus.TIMED_OUT: "took too long",
    ExecutionStatus.CANCELLED: "was stopped by a person",
    ExecutionStatus.INTERRUPTED: "was cut off",
}


@dataclass(frozen=True)
class Told:
    """What is said of a finished job: a title line, and the text below it."""

    title: str
    text: str


# --- whole messages ---------------------------------------------------------------------------------------------------
def told_of(
    job: BackupJob, downtimes: Sequence[Downtime], broken: Sequence[ScriptExecution], *, recovered: bool
) -> Told:
    """The title and text of a finished job: the subject, the data, the services, and since when there is no archive."""
    if broken:
        return told_of_broken(job, broken)
    happened = lines(lost(job), own_message(job)) if recovered else job.message
    title = title_of(job) + (" (picked up after an interruption)" if recovered else "")
    about = (data_sentence(job), services(job, downtimes), last_good_of(job))
    return Told(f"{job.repository.name}: {title}", lines(happened, *about))


def told_of_broken(job: BackupJob, broken: Sequence[ScriptExecution]) -> Told:
    """Sentence 4 (pages.md): promises first, whatever became of the backup."""
    title = "services may still be stopped" if stops_something(broken) else "a script failed"
    said = " ".join(promise(row) for row in broken)
    whatever = "" if has_archive(job) else job.message
    text = lines(may_be_stopped(stops_something(broken)), said, whatever, data_after_all(job))
    return Told(f"{job.repository.name}: {title}", text)


def told_again(job: BackupJob, downtimes: Sequence[Downtime]) -> Told:
    """The scripts after a backup were run again, and all of them came to a good end."""
    return Told(
        f"{job.repository.name}: the scripts after the backup ran again",
        lines("All of them came to a good end.", services(job, downtimes)),
    )


def told_works_again(job: BackupJob, told: Told) -> Told:
    """The first good backup after bad news; `told` is what is said of it anyway."""
    return Told(f"{job.repository.name}: works again", lines("It works again.", told.text))


def title_of(job: BackupJob) -> str:
    if job.outcome == Outcome.SUCCESS and job.status != JobStatus.SUCCESS:
        return TITLES[Outcome.WARNING]
    return TITLES[Outcome(job.outcome)]


# --- the data ---------------------------------------------------------------------------------------------------------
def has_archive(job: BackupJob) -> bool:
    return job.data in (Data.GOOD, Data.GOOD_WITH_WARNINGS)


def saved(job: BackupJob) -> str:
    new = job.stats.get("deduplicated_size")
    return f"Saved: archive {job.archive_name}{f', {size(new)} new' if new is not None else ''}."


def data_sentence(job: BackupJob) -> str:
    if has_archive(job):
        return saved(job)
    if job.data is None:
        return "Whether an archive was made is not known yet."
    if job.archive_files is not None:
        return "The archive is empty."
    reached = any(entry["phase"] == Phase.BACKUP for entry in job.phases)
    ended_badly = job.status == JobStatus.FAILURE and job.started_at is not None
    return "Nothing was written to the repository." if ended_badly and not reached else "No archive was made."


def data_after_all(job: BackupJob) -> str:
    """The last words of sentence 4, where something else went wrong."""
    return "Your data was saved." if has_archive(job) else data_sentence(job)


def last_good_of(job: BackupJob, now: datetime | None = None) -> str:
    """Nothing where this backup is a good one."""
    return "" if has_archive(job) or job.data is None else last_good(job.repository, now or job.completed_at)


def last_good(repository: Repository, now: datetime | None) -> str:
    if repository.last_good_at is None:
        return "There is no good backup yet."
    return f"Last good backup: {day(repository.last_good_at, now or repository.last_good_at)}."


# --- the services -----------------------------------------------------------------------------------------------------
def services(job: Work, downtimes: Sequence[Downtime]) -> str:
    """What is to be said of the services, '' where nothing was touched."""
    if job.services == Services.UP:
        longest = max((entry.seconds for entry in downtimes), default=0.0)
        return f"Services are running again after {duration(longest)}."
    if job.services == Services.INTERRUPTED:
        names = ", ".join(entry.name for entry in downtimes if entry.still_down)
        return f"Services may still be stopped{f': {names}' if names else ''}."
    return ""


def down(name: str, seconds: float, start: datetime | None = None, end: datetime | None = None) -> str:
    """Sentence 13, with the times where they are known."""
    when = f" ({to_the_second(start)} to {to_the_second(end)})" if start and end else ""
    return f"{name} was down {duration(seconds)}{when}."


def still_down(name: str, start: datetime | None = None) -> str:
    return f"{name} is down since {to_the_second(start)}." if start else f"{name} is still down."


# --- scripts ----------------------------------------------------------------------------------------------------------
def stops_something(rows: Sequence[ScriptExecution]) -> bool:
    return any(row.interrupts for row in rows)


def may_be_stopped(interrupts: object) -> str:
    return "Services may still be stopped." if interrupts else ""


def promise(row: ScriptExecution) -> str:
    """The middle of sentence 4: what did not come to a good end, how often it was tried, and why."""
    times = "" if row.attempt == 1 else f" {row.attempt} times"
    when = f", last at {clock(row.completed_at)}" if row.completed_at else ""
    how = BROKEN.get(ExecutionStatus(row.status), "failed")
    reason = reason_of(row)
    return f"'{row.script_name}' {how}{times}{when}{f': {reason}' if reason else ''}."


def reason_of(row: ScriptExecution) -> str:
    """Why it failed, in one line and in its own words, where it left some; codes are for those who look closer."""
    first = row.error_message.splitlines()[0] if row.error_message else ""
    return CODE_FIRST.sub("", first, count=1).rstrip(".")


def afterwards(job: BackupJob, rows: Sequence[ScriptExecution]) -> str:
    """Sentence 3: scripts after the backup that failed, and why, one line each."""
    safe = " Your data is safe." if has_archive(job) else ""
    return "\n".join(f"The script '{row.script_name}' failed afterwards.{safe}{in_short(row)}" for row in rows)


def in_short(row: ScriptExecution) -> str:
    """The first line of why it failed, as a sentence of its own."""
    reason = row.error_message.splitlines()[0].rstrip(".") if row.error_message else ""
    return f" {reason[:1].upper()}{reason[1:]}." if reason else ""


# --- a job that was lost ----------------------------------------------------------------------------------------------
def lost(job: Work, noun: str = "backup") -> str:
    """The beginning of sentence 9; '' where nothing was lost."""
    if job.lost_at is None:
        return ""
    what = f"The server restarted during this {noun}" if job.restarted else f"This {noun} was cut off"
    return f"{what} ({clock(job.lost_at)})."


def own_message(job: BackupJob) -> str:
    """What the job says besides having been lost."""
    return "\n".join(line for line in job.message.splitlines() if not line.startswith(LOST))
