"""The sentences on the page of a job: what happened, and one for each verdict (pages.md, "Words")."""

from collections.abc import Sequence
from datetime import datetime

from scripts_library.models import ScriptExecution

from . import verdicts, words
from .models import BackupJob, Data, JobStatus, Phase, Services

LIVE = {
    Phase.PRE: "The scripts before the backup are running.",
    Phase.BACKUP: "borg is making the archive.",
    Phase.POST: "The backup itself is over. The scripts after it are running.",
    Phase.MAINTENANCE: "The archive is made and the scripts have run. borg tidies up.",
}
BEGINS = {JobStatus.FAILURE: "Not backed up", JobStatus.SKIPPED: "Not today"}
BY_A_PERSON = "Stopped by a person."


def is_live(job: BackupJob) -> bool:
    """Something of it waits or runs, be it its scripts once more: its page follows."""
    return not job.is_over or bool(job.phase)


def headline(job: BackupJob) -> str:
    """What happened, in the words of the job's own message; it begins with what the reader has to know."""
    if job.status == JobStatus.QUEUED:
        return job.message or "Waiting. Nothing has been stopped yet."
    if is_live(job):
        return "The scripts after the backup run again." if job.is_over else LIVE[Phase(job.phase or Phase.PRE)]
    if job.status == JobStatus.CANCELLED:
        return stopped(job)
    begin = BEGINS.get(JobStatus(job.status), "Backed up")
    if job.message.startswith(begin):
        return job.message
    return f"{begin}: {job.message}" if job.message and job.status in BEGINS else words.lines(f"{begin}.", job.message)


def stopped(job: BackupJob) -> str:
    """Sentence 8. What was cancelled while it waited has said so by itself."""
    if job.cancel_requested_at is None or job.started_at is None:
        return job.message
    who = f" by {job.cancel_requested_by.get_username()}" if job.cancel_requested_by else ""
    rest = job.message.removeprefix(BY_A_PERSON).strip()
    return words.lines(f"Stopped{who} at {words.clock(job.cancel_requested_at)}.", rest)


def data(job: BackupJob) -> str:
    if job.data is None and not job.is_over:
        return "Not known before borg is done."
    if job.data == Data.GOOD_WITH_WARNINGS and job.unread:
        count = len(job.unread)
        return f"{words.saved(job)} {'1 file is' if count == 1 else f'{count} files are'} not in it as they should be."
    return words.data_sentence(job)


def services(job: BackupJob, rows: Sequence[ScriptExecution], state: str, now: datetime) -> str:
    """`state` is the verdict, which for a job that runs is not on its row yet."""
    spans = verdicts.downtime_of(rows, now)
    names = ", ".join(span.name for span in spans if span.still_down)
    if state == Services.UP:
        return f"Running again after {words.duration(max((span.seconds for span in spans), default=0.0))}."
    if state == Services.BROKEN_PROMISE:
        return (
            f"May still be stopped{f': {names}' if names else ''}. A script that had to run did not come to a good end."
        )
    if state == Services.INTERRUPTED:
        return f"{names} is stopped for this backup." if is_live(job) else f"May still be stopped: {names}."
    return "Nothing was stopped for this backup." if job.is_over else "Nothing has been stopped."
