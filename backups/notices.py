"""What people are to be told, as rows (behaviour.md, section 2, point 7). Sending them is another's work."""

import re
from collections.abc import Sequence
from zlib import crc32

from django.utils import timezone

from scripts_library.models import Outcome, ScriptExecution

from . import words
from .models import BackupJob, BrokenPromise, Data, Event, JobStatus, Notification, Work
from .verdicts import downtime_of
from .words import Told

BAD = (Event.FAILURE, Event.BROKEN_PROMISE, Event.OVERDUE)  # what a good backup puts an end to
MOST_SIGNATURE = 200  # characters
WORDLESS = re.compile(r"[\W\d_]+")


def of_finished(job: BackupJob, rows: Sequence[ScriptExecution], broken: Sequence[ScriptExecution]) -> None:
    """The notification of a finished job; inside the transaction that finishes it."""
    told = words.told_of(job, downtime_of(rows, timezone.now()), broken, recovered=job.claim > 1)
    if works_again(job, broken):
        _write(job, Event.WORKS_AGAIN, words.told_works_again(job, told), [])
    _write(job, event_of(job, broken), told, broken)


def of_run_again(job: BackupJob, rows: Sequence[ScriptExecution], broken: Sequence[ScriptExecution]) -> None:
    """What became of the post-backup scripts that a person had run again."""
    downtimes = downtime_of(rows, timezone.now())
    told = words.told_of(job, downtimes, broken, recovered=False) if broken else words.told_again(job, downtimes)
    _write(job, Event.BROKEN_PROMISE if broken else Event.RECOVERED, told, broken)


def event_of(job: BackupJob, broken: Sequence[ScriptExecution]) -> str:
    """One event for one job: the worst thing that is to be said of it."""
    if broken:
        return Event.BROKEN_PROMISE
    if job.claim > 1:
        return Event.RECOVERED
    return Event.SUCCESS if job.status == Outcome.SUCCESS else Event(job.status)


def works_again(job: BackupJob, broken: Sequence[ScriptExecution]) -> bool:
    """A good backup, with every promise of its repository kept, and the last thing said of that was bad."""
    is_good = job.status in (JobStatus.SUCCESS, JobStatus.WARNING) and job.data in (Data.GOOD, Data.GOOD_WITH_WARNINGS)
    if broken or not is_good or BrokenPromise.objects.open().filter(repository_id=job.repository_id).exists():
        return False
    said = Notification.objects.filter(
        repository_id=job.repository_id, event__in=[*BAD, Event.RECOVERED, Event.WORKS_AGAIN]
    )
    last = said.select_related("job").order_by("-pk").first()
    return last is not None and (last.event in BAD or _was_lost_for_good(last))


def _was_lost_for_good(said: Notification) -> bool:
    """A job that was brought to its end after a loss, without an archive."""
    return said.event == Event.RECOVERED and said.job is not None and said.job.data == Data.NONE


def _write(job: BackupJob, event: str, told: Told, broken: Sequence[ScriptExecution]) -> None:
    Notification.objects.create(
        event=event,
        repository_id=job.repository_id,
        job=job,
        title=told.title[:250],
        text=told.text,
        signature=signature_of(f"{event}:{job.repository_id}", job, broken),
    )


def signature_of(what: str, job: Work, broken: Sequence[ScriptExecution]) -> str:
    """The same for what would say the same again: another state of the services, cause, or script is news."""
    scripts = ",".join(sorted(str(row.script_id or row.script_name) for row in broken))
    return f"{what}:{job.services}:{_cause(job)}:{scripts}"[:MOST_SIGNATURE]


def _cause(job: Work) -> str:
    """The first sentence of what went wrong, as a short number; times, counts and last lines of output are left out."""
    first = job.message.partition("\n")[0].partition("(")[0]
    return f"{crc32(WORDLESS.sub(' ', first).encode()):x}"
