"""What the page of a job says: what happened, and one sentence for each verdict (pages.md, "Words")."""

import math
from collections.abc import Sequence
from datetime import datetime

from backups import attempts, verdicts
from backups.models import BackupJob, BrokenPromise, Data, JobStatus, Phase, Services
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution, TriggeredBy

from . import finished
from .phrases import clock, duration, lines

LIVE = {
    Phase.PRE: "The scripts before the backup are running.",
    Phase.BACKUP: "borg is making the archive.",
    Phase.POST: "The backup itself is over. The scripts after it are running.",
    Phase.MAINTENANCE: "The archive is made and the scripts have run. borg tidies up.",
}
WAITS = "The archive is made and the scripts have run. Prune, compact and check wait until the window has closed."
TITLES = {
    JobStatus.QUEUED: "waiting",
    JobStatus.RUNNING: "running",
    JobStatus.SUCCESS: "backed up",
    JobStatus.WARNING: "backed up, with a warning",
    JobStatus.FAILURE: "not backed up",
    JobStatus.SKIPPED: "skipped",
    JobStatus.CANCELLED: "stopped",
}
BEGINS = {JobStatus.FAILURE: "Not backed up", JobStatus.SKIPPED: "Not today"}
BY_A_PERSON = "Stopped by a person."
NOBODY_ALERTED = "Nobody was alerted."
OPEN = (ExecutionStatus.PLANNED, ExecutionStatus.RUNNING)


def is_live(job: BackupJob) -> bool:
    """Something of it waits or runs, be it its scripts once more: its page follows."""
    return not job.is_over or bool(job.phase)


def title(job: BackupJob, *, is_broken: bool) -> str:
    """For the browser's title: the state first."""
    if is_broken:
        return "promise broken"
    return "running again" if is_live(job) and job.is_over else TITLES[JobStatus(job.status)]


# --- what happened ----------------------------------------------------------------------------------------------------
def headline(job: BackupJob, rows: Sequence[ScriptExecution], now: datetime) -> str:
    """What happened, in the words of the job's own message; it begins with what the reader has to know."""
    if job.status == JobStatus.QUEUED:
        return job.message or "Waiting. Nothing has been stopped yet."
    if is_live(job):
        return what_runs(job, rows, now)
    if job.lost_at is not None:
        return recovered(job, rows)
    return stopped(job) if job.status == JobStatus.CANCELLED else ended(job)


def ended(job: BackupJob) -> str:
    """The message, with the first words that its status asks for (sentences 1 to 3 and 5 to 7)."""
    begin = BEGINS.get(JobStatus(job.status), "Backed up")
    quiet = NOBODY_ALERTED if job.status == JobStatus.SKIPPED else ""
    if job.message.startswith(begin):
        return lines(job.message, quiet)
    if job.message and job.status in BEGINS:
        return lines(f"{begin}: {job.message}", quiet)
    return lines(f"{begin}.", job.message, quiet)


def stopped(job: BackupJob) -> str:
    """Sentence 8. What was cancelled while it waited has said so by itself."""
    if job.cancel_requested_at is None or job.started_at is None:
        return job.message
    who = f" by {job.cancel_requested_by.get_username()}" if job.cancel_requested_by else ""
    return lines(f"Stopped{who} at {clock(job.cancel_requested_at)}.", job.message.removeprefix(BY_A_PERSON).strip())


def what_runs(job: BackupJob, rows: Sequence[ScriptExecution], now: datetime) -> str:
    if job.is_over:
        return "The scripts after the backup run again."
    again = next((row for row in rows if row.hook_type == Hook.POST and row.attempt > 1 and row.status in OPEN), None)
    now_runs = WAITS if job.waits_with_maintenance else LIVE[Phase(job.phase or Phase.PRE)]
    usual = lines(now_runs, job.message if job.lost_at is None else "")
    return picking_up(job, again, rows, now) if job.lost_at and again else usual


# --- a job that was lost ----------------------------------------------------------------------------------------------
def picking_up(job: BackupJob, row: ScriptExecution, rows: Sequence[ScriptExecution], now: datetime) -> str:
    """Sentence 10."""
    failures = attempts.failures_of(row, rows)
    starts = sum(one.status == ExecutionStatus.INTERRUPTED for one in attempts.same(row, rows))
    number, most = (failures, len(attempts.RETRY_AFTER)) if failures else (starts + 1, attempts.MOST_STARTS)
    after = "a restart" if job.restarted else "an interruption"
    begin = f"Picking up after {after}: starting '{row.interrupts or row.script_name}' again, try {number} of {most}."
    return lines(begin, next_try(row, now))


def next_try(row: ScriptExecution, now: datetime) -> str:
    """Of a further try that waits for its time, in whole minutes while there are some."""
    if row.status != ExecutionStatus.PLANNED or row.not_before is None or row.not_before <= now:
        return ""
    seconds = (row.not_before - now).total_seconds()
    step = 60 if seconds > 60 else 1
    return f"Next try in {duration(math.ceil(seconds / step) * step)}."


def recovered(job: BackupJob, rows: Sequence[ScriptExecution]) -> str:
    """Sentence 9: what happened, what became of the data, and what was brought back."""
    return lines(finished.lost(job), finished.own_message(job), finished.data_sentence(job), *started_again(rows))


def started_again(rows: Sequence[ScriptExecution]) -> list[str]:
    """Once for each thing, by the recovery itself."""
    last = {
        row.interrupts: row.completed_at
        for row in rows
        if row.hook_type == Hook.POST and row.status == ExecutionStatus.SUCCEEDED
        if row.interrupts and row.claim > 1 and row.triggered_by != TriggeredBy.RERUN and row.completed_at
    }
    return [f"At {clock(when)} {thing} was started again, as promised." for thing, when in last.items()]


# --- the two verdicts -------------------------------------------------------------------------------------------------
def data(job: BackupJob) -> str:
    if job.data is None and not job.is_over and not job.outcome:
        return "Not known before borg is done."
    if job.data == Data.GOOD_WITH_WARNINGS and job.unread:
        count = len(job.unread)
        are = "1 file is" if count == 1 else f"{count} files are"
        return f"{finished.saved(job)} {are} not in it as they should be."
    return finished.data_sentence(job)


def services(job: BackupJob, rows: Sequence[ScriptExecution], state: str, now: datetime) -> str:
    """`state` is the verdict, which for a job that runs is not on its row yet."""
    spans = verdicts.downtime_of(rows, now)
    names = ", ".join(span.name for span in spans if span.still_down)
    if state == Services.UP:
        return f"Running again after {duration(max((span.seconds for span in spans), default=0.0))}."
    if state == Services.BROKEN_PROMISE:
        return (
            f"May still be stopped{f': {names}' if names else ''}. A script that had to run did not come to a good end."
        )
    if state == Services.INTERRUPTED:
        return f"{names} is stopped for this backup." if is_live(job) else f"May still be stopped: {names}."
    return "Nothing was stopped for this backup." if job.is_over else "Nothing has been stopped."


def broken(job: BackupJob, promise: BrokenPromise) -> str:
    """Sentence 4; where nothing is stopped by it, only what failed and what became of the data."""
    return lines(finished.may_be_stopped(promise.interrupts), promise.message, finished.data_after_all(job))
