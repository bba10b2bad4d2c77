"""What people are told of schedules and windows that did not start anything, as rows (behaviour.md, section 2, point 7)."""

from datetime import datetime

from django.utils import timezone

from backups import words
from backups.models import (
    Event,
    MaintenanceWindow,
    Notification,
    Repository,
    ScheduledJob,
    ScheduleRun,
    WindowRun,
)

from .turns import in_minutes

NAMED = 5  # repositories


def of_missed(schedule: ScheduledJob, run: ScheduleRun, next_run: datetime, now: datetime) -> None:
    """A due time that was too late to be made up for."""
    members = members_of(schedule)
    tell(
        schedule,
        members,
        title=f"Not backed up: '{schedule.name}' was missed",
        text=(
            f"Not backed up: {names_of(members)}. No worker was there when '{schedule.name}' was due, "
            f"{words.day(run.due_at, now)}; it was {in_minutes(now - run.due_at)} late when one came. Services were not "
            f"touched. Next: {timezone.localtime(next_run):%d %b %Y, %H:%M}. To have it sooner, start it by hand."
        ),
    )


def of_switched_off(schedule: ScheduledJob, reason: str) -> None:
    """A schedule whose times cannot be computed any more."""
    members = members_of(schedule)
    tell(
        schedule,
        members,
        title=f"Switched off: '{schedule.name}'",
        text=(
            f"Not backed up any more by '{schedule.name}': {names_of(members)}. Its times cannot be computed ({reason}). "
            f"Give it a time and a time zone again, and switch it on."
        ),
    )


def of_window_missed(window: MaintenanceWindow, run: WindowRun, next_run: datetime, now: datetime) -> None:
    """An opening that was too late to be made up for, or that came while the one before was open or waited."""
    due = run.due_at or now
    tell_of_window(
        window,
        Event.WINDOW_MISSED,
        title=f"Missed: the window '{window.name}'",
        text=(
            f"The window '{window.name}' did not open {words.day(due, now)}. {run.message} Services were not touched "
            f"for it. Next: {timezone.localtime(next_run):%d %b %Y, %H:%M}. To have it sooner, open it by hand."
        ),
    )


def of_window_switched_off(window: MaintenanceWindow, reason: str) -> None:
    """A window whose times cannot be computed any more."""
    tell_of_window(
        window,
        Event.WINDOW_MISSED,
        title=f"Switched off: the window '{window.name}'",
        text=(
            f"The window '{window.name}' does not open any more. Its times cannot be computed ({reason}). Give it a "
            f"time and a time zone again, and switch it on."
        ),
    )


def tell_of_window(window: MaintenanceWindow, event: str, *, title: str, text: str) -> None:
    Notification.objects.create(event=event, title=title[:250], text=text, signature=f"{event}:window {window.pk}")


def tell(schedule: ScheduledJob, members: list[Repository], *, title: str, text: str) -> None:
    """Of one repository where the schedule has one, so that it reaches those who are told of that one."""
    Notification.objects.create(
        event=Event.MISSED,
        repository=members[0] if len(members) == 1 else None,
        title=title[:250],
        text=text,
        signature=f"{Event.MISSED}:schedule {schedule.pk}",
    )


def members_of(schedule: ScheduledJob) -> list[Repository]:
    rows = schedule.members.filter(repository__deleted_at=None).select_related("repository").order_by("position")
    return [member.repository for member in rows]


def names_of(members: list[Repository]) -> str:
    names = ", ".join(f"'{one.name}'" for one in members[:NAMED])
    more = len(members) - NAMED
    return f"{names} and {more} more" if more > 0 else names or "nothing"
