"""What people are told of a window's run, once, as a row (behaviour.md, sections 2 and 13).

Its backups are told of by themselves, those that did not begin excepted: the window speaks for them.
"""

from collections.abc import Sequence

from django.utils import timezone

from backups import notices, words
from backups.models import BackupJob, Event, Notification, Phase, WindowRun, WindowStatus
from backups.verdicts import downtime_of
from backups.words import Told
from scripts_library.models import Outcome, ScriptExecution


def of_finished(
    run: WindowRun, rows: Sequence[ScriptExecution], jobs: Sequence[BackupJob], broken: Sequence[ScriptExecution]
) -> None:
    """Inside the transaction that finishes it."""
    told = words.told_of_window(run, jobs, downtime_of(rows, timezone.now()), broken)
    if works_again(run, broken):
        write(run, Event.WORKS_AGAIN, words.told_window_works_again(run, told), [])
    write(run, event_of(run, jobs, broken), told, broken)


def of_run_again(run: WindowRun, rows: Sequence[ScriptExecution], broken: Sequence[ScriptExecution]) -> None:
    """What became of the post-backup scripts that a person had run again."""
    downtimes = downtime_of(rows, timezone.now())
    if broken:
        write(run, Event.BROKEN_PROMISE, words.told_of_window(run, [], downtimes, broken), broken)
    else:
        write(run, Event.RECOVERED, words.told_window_again(run, downtimes), [])


def event_of(run: WindowRun, jobs: Sequence[BackupJob], broken: Sequence[ScriptExecution]) -> str:
    """One event for one run: the worst thing that is to be said of the window itself."""
    if broken:
        return Event.BROKEN_PROMISE
    if run.claim > 1:
        return Event.RECOVERED
    if run.outcome == Outcome.FAILURE:
        if not any(entry["phase"] == Phase.BACKUP for entry in run.phases):
            return Event.WINDOW_NOT_OPENED
        return Event.FAILURE if any(job.started_at is None for job in jobs) else Event.WARNING
    return Event.SUCCESS if run.status == WindowStatus.SUCCESS else Event(run.status)


def works_again(run: WindowRun, broken: Sequence[ScriptExecution]) -> bool:
    """It opened and closed, and the last thing said of this window was bad."""
    if broken or run.outcome not in (Outcome.SUCCESS, Outcome.WARNING):
        return False
    bad = [*notices.BAD, Event.WINDOW_NOT_OPENED]
    said = Notification.objects.filter(
        window_run__window=run.window_id or 0, event__in=[*bad, Event.RECOVERED, Event.WORKS_AGAIN]
    )
    last = said.order_by("-pk").first()
    return last is not None and last.event in bad


def write(run: WindowRun, event: str, told: Told, broken: Sequence[ScriptExecution]) -> None:
    Notification.objects.create(
        event=event,
        window_run=run,
        title=told.title[:250],
        text=told.text,
        signature=notices.signature_of(f"{event}:window {run.window_id}", run, broken),
    )
