"""From states to words: the sentences that pages, commands and notifications say about a backup (pages.md).

The order is always: the subject, then the data, then the services, then what to do. Names in plain text, codes last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import humanize
from django.utils import timezone

from scripts_library.models import ExecutionStatus, Outcome, ScriptExecution

from .models import BackupJob, Services
from .verdicts import Downtime


@dataclass(frozen=True)
class Told:
    """What is said of a finished job: a title line, and the text below it."""

    title: str
    text: str


def duration(seconds: float) -> str:
    """4 min 12 s."""
    whole = round(seconds)
    if seconds < 1:
        return "less than 1 s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def size(octets: float) -> str:
    """Binary units with one decimal: 1.2 GiB."""
    return humanize.naturalsize(octets, binary=True, format="%.1f")


def clock(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M:%S}"


def lines(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def saved(job: BackupJob) -> str:
    new = job.stats.get("deduplicated_size")
    return f"Saved: archive {job.archive_name}{f', {size(new)} new' if new is not None else ''}."


def services(job: BackupJob, downtimes: Sequence[Downtime]) -> str:
    """What is to be said of the services, '' where nothing was touched."""
    if job.services == Services.UP:
        longest = max((entry.seconds for entry in downtimes), default=0.0)
        return f"Services are running again after {duration(longest)}."
    if job.services == Services.INTERRUPTED:
        names = ", ".join(entry.name for entry in downtimes if entry.still_down)
        return f"Services may still be stopped{f': {names}' if names else ''}."
    return ""


def down(entry: Downtime, rows: Sequence[ScriptExecution]) -> str:
    """Sentence 13 of the table of words."""
    return (
        f"{entry.name} was down {duration(entry.seconds)}." if not entry.still_down else f"{entry.name} is still down."
    )


def told_of(
    job: BackupJob, downtimes: Sequence[Downtime], broken: Sequence[ScriptExecution], *, recovered: bool
) -> Told:
    """The title and text of a finished job."""
    name, about = job.repository.name, services(job, downtimes)
    if broken:
        return Told(
            f"{name}: services may still be stopped" if stops_something(broken) else f"{name}: a script failed",
            lines(" ".join(promise(row) for row in broken), data_sentence(job), job.message),
        )
    title = {
        Outcome.SUCCESS: "Backed up" if job.status == Outcome.SUCCESS else "Backed up, with a warning",
        Outcome.WARNING: "Backed up, with a warning",
        Outcome.FAILURE: "Not backed up",
        Outcome.SKIPPED: "Not today",
        Outcome.CANCELLED: "Stopped",
    }[Outcome(job.outcome)]
    if recovered:
        return Told(
            f"{name}: {title.lower()} (picked up after an interruption)", lines(job.message, data_sentence(job), about)
        )
    return Told(f"{name}: {title[0].lower() + title[1:]}", lines(job.message, data_sentence(job), about))


def told_again(job: BackupJob, downtimes: Sequence[Downtime]) -> Told:
    """The scripts after a backup were run again, and all of them came to a good end."""
    return Told(
        f"{job.repository.name}: the scripts after the backup ran again",
        lines("All of them came to a good end.", services(job, downtimes)),
    )


def data_sentence(job: BackupJob) -> str:
    if job.data in ("good", "good_with_warnings"):
        return saved(job)
    if job.data is None:
        return "Whether an archive was made is not known yet."
    return "No archive was made." if job.archive_files is None else "The archive is empty."


def stops_something(rows: Sequence[ScriptExecution]) -> bool:
    return any(row.interrupts for row in rows)


def promise(row: ScriptExecution) -> str:
    """Sentence 4: what did not come to a good end, how often it was tried, and why."""
    times = "" if row.attempt == 1 else f" {row.attempt} times"
    when = f", last at {clock(row.completed_at)}" if row.completed_at else ""
    how = {
        ExecutionStatus.TIMED_OUT: "took too long",
        ExecutionStatus.CANCELLED: "was stopped by a person",
        ExecutionStatus.INTERRUPTED: "was cut off",
    }.get(ExecutionStatus(row.status), "failed")
    reason = f": {row.error_message.splitlines()[0]}" if row.error_message else ""
    return f"'{row.script_name}' {how}{times}{when}{reason}."


def afterwards(rows: Sequence[ScriptExecution]) -> str:
    """Sentence 3: scripts after the backup that failed without a promise."""
    names = ", ".join(f"'{row.script_name}'" for row in rows)
    return f"The script {names} failed afterwards." if len(rows) == 1 else f"The scripts {names} failed afterwards."
