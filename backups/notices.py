"""What people are to be told, as rows (behaviour.md, section 2, point 7). Sending them is another's work."""

from collections.abc import Sequence

from django.utils import timezone

from scripts_library.models import Outcome, ScriptExecution

from . import words
from .models import BackupJob, Event, Notification
from .verdicts import downtime_of


def of_finished(job: BackupJob, rows: Sequence[ScriptExecution], broken: Sequence[ScriptExecution]) -> None:
    """The notification of a finished job; inside the transaction that finishes it."""
    told = words.told_of(job, downtime_of(rows, timezone.now()), broken, recovered=job.claim > 1)
    Notification.objects.create(
        event=event_of(job, broken), repository_id=job.repository_id, job=job, title=told.title[:250], text=told.text
    )


def of_run_again(job: BackupJob, rows: Sequence[ScriptExecution], broken: Sequence[ScriptExecution]) -> None:
    """What became of the post-backup scripts that a person had run again."""
    downtimes = downtime_of(rows, timezone.now())
    told = words.told_of(job, downtimes, broken, recovered=False) if broken else words.told_again(job, downtimes)
    event = Event.BROKEN_PROMISE if broken else Event.RECOVERED
    Notification.objects.create(
        event=event, repository_id=job.repository_id, job=job, title=told.title[:250], text=told.text
    )


def event_of(job: BackupJob, broken: Sequence[ScriptExecution]) -> str:
    """One event for one job: the worst thing that is to be said of it."""
    if broken:
        return Event.BROKEN_PROMISE
    if job.claim > 1:
        return Event.RECOVERED
    return Event.SUCCESS if job.status == Outcome.SUCCESS else Event(job.status)
