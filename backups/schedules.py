"""What people do with schedules: make, change, pause, run and delete them; and pause everything.

An enabled schedule without a window has the time of its next due in its row; whatever changes its times computes that
anew from now, so that nothing that lies in the past is started by a change.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import Field, QuerySet
from django.utils import timezone

from borgui.accounts import audit, time_zone
from borgui.accounts.models import Installation, User
from scripts_library.errors import Conflict, Invalid
from scripts_library.models import TriggeredBy

from .models import (
    BackupJob,
    MaintenanceWindow,
    Repository,
    RunStatus,
    ScheduledJob,
    ScheduledRepository,
    ScheduleRun,
)
from .schedule_rules import LONGEST_NAME, problems, repositories_problem
from .scheduling import due, jobs

LONGEST_PAUSE = timedelta(days=3653)
TIMES = {"cron_expression", "timezone", "jitter", "enabled", "maintenance_window_id"}


# --- making and changing ----------------------------------------------------------------------------------------------
def create(fields: Mapping[str, Any], user: User | None = None) -> ScheduledJob:
    """A new schedule; `repositories` are ids, in order. Raises Invalid, Conflict (the name is taken)."""
    schedule = ScheduledJob(timezone=time_zone.name())
    repositories = apply(schedule, fields)
    check(schedule, repositories or [])
    with transaction.atomic():
        save(schedule)
        set_members(schedule, repositories or [])
        due.set_next(schedule, timezone.now())
        audit.record("schedule added", schedule, after=audited(schedule))
    return schedule


def audited(schedule: ScheduledJob) -> dict[str, Any]:
    names = ("name", "cron_expression", "timezone", "enabled", "paused_until", "maintenance_window_id")
    return {**{name: getattr(schedule, name) for name in names}, "repositories": members_of(schedule)}


def change(schedule: ScheduledJob, fields: Mapping[str, Any]) -> ScheduledJob:
    """Change the given fields; None sets the default again, an empty `ping_url` keeps the stored one.

    Raises Invalid, Conflict.
    """
    given = {name: value for name, value in fields.items() if not (name == "ping_url" and value == "")}
    before = {name: getattr(schedule, name) for name in given if name != "repositories"}
    members = members_of(schedule)
    repositories = apply(schedule, given)
    check(
        schedule,
        members if repositories is None else repositories,
        needs_some=bool(schedule.enabled or repositories is not None or members),
    )
    changed = {name for name, value in before.items() if getattr(schedule, name) != value}
    with transaction.atomic():
        schedule.updated_at = timezone.now()
        save(schedule, update_fields=[*changed, "updated_at"])
        if repositories is not None and repositories != members:
            set_members(schedule, repositories)
        if changed & TIMES:
            due.set_next(schedule, timezone.now())
        after = {name: getattr(schedule, name) for name in before} | {"repositories": members_of(schedule)}
        audit.record_change("schedule changed", schedule, before | {"repositories": members}, after)
    return schedule


def delete(schedule: ScheduledJob) -> None:
    """Backups that it has queued already stay in the queue; repositories and archives are not touched."""
    with transaction.atomic():
        audit.record("schedule deleted", schedule, before=audited(schedule))
        ScheduledJob.objects.filter(pk=schedule.pk).delete()


def apply(schedule: ScheduledJob, fields: Mapping[str, Any]) -> list[int] | None:
    """Set the columns; the ids of the repositories, where they are given."""
    given = dict(fields)
    repositories = given.pop("repositories", None)
    for name, value in given.items():
        column = cast("Field[Any, Any]", ScheduledJob._meta.get_field(name))
        if value is None and name == "timezone":
            value = time_zone.name()
        setattr(schedule, name, default_of(column) if value is None and not column.null else value)
    schedule.cron_expression = " ".join(schedule.cron_expression.split())
    return [] if repositories is None and "repositories" in fields else repositories


def default_of(column: "Field[Any, Any]") -> Any:
    return column.get_default() if column.has_default() else ""


def check(schedule: ScheduledJob, repositories: list[int], *, needs_some: bool = True) -> None:
    """Raises Invalid with all that is wrong, else Conflict where the name is taken. `needs_some`: repositories; one that
    `take_out` left with none can be changed otherwise while it is switched off."""
    errors = problems(schedule, timezone.now())
    known = set(Repository.objects.kept().filter(pk__in=repositories).values_list("pk", flat=True))
    window = schedule.maintenance_window_id
    if needs_some and (sentence := repositories_problem(repositories, known)):
        errors["repositories"] = sentence
    if window is not None and not MaintenanceWindow.objects.filter(pk=window).exists():
        errors["maintenance_window_id"] = f"There is no maintenance window {window}."
    if errors:
        raise Invalid(errors)
    if ScheduledJob.objects.filter(name=schedule.name).exclude(pk=schedule.pk).exists():
        raise name_taken(schedule)


def save(schedule: ScheduledJob, update_fields: list[str] | None = None) -> None:
    """Raises Conflict where somebody else was faster with the name."""
    try:
        with transaction.atomic():
            schedule.save(update_fields=update_fields)
    except IntegrityError:
        raise name_taken(schedule) from None


def name_taken(schedule: ScheduledJob) -> Conflict:
    return Conflict(f"There is a schedule named '{schedule.name}' already.", field="name")


def free_name(wanted: str) -> str:
    """The name, or the same with a number behind it."""
    wanted = wanted[: LONGEST_NAME - 5]
    taken = set(ScheduledJob.objects.filter(name__startswith=wanted).values_list("name", flat=True))
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


# --- its repositories -------------------------------------------------------------------------------------------------
def members_of(schedule: ScheduledJob) -> list[int]:
    """Ids, in order; those that were deleted are left out."""
    kept = schedule.members.filter(repository__deleted_at=None).order_by("position")
    return list(kept.values_list("repository_id", flat=True))


def set_members(schedule: ScheduledJob, repositories: list[int]) -> None:
    ScheduledRepository.objects.filter(scheduled_job=schedule).delete()
    ScheduledRepository.objects.bulk_create(
        ScheduledRepository(scheduled_job=schedule, repository_id=pk, position=position)
        for position, pk in enumerate(repositories, start=1)
    )


def without(repository: Repository) -> QuerySet[ScheduledJob]:
    """Those to which it could be added."""
    return ScheduledJob.objects.by_themselves().exclude(members__repository=repository).order_by("name")


def forget(repository: Repository) -> None:
    """It is deleted: take it out of every schedule, and switch off those that have nothing left to do."""
    take_out([repository.pk], ScheduledJob.objects.all())


def take_out(repositories: Sequence[int], schedules: QuerySet[ScheduledJob]) -> None:
    """Out of each of these schedules; one with nothing left to do is switched off."""
    with transaction.atomic():
        for schedule in schedules.filter(members__repository__in=repositories).distinct():
            before = audited(schedule)
            schedule.members.filter(repository__in=repositories).delete()
            empty = ScheduledJob.objects.filter(pk=schedule.pk, enabled=True, members=None)
            empty.update(enabled=False, next_run=None, starts_at=None, updated_at=timezone.now())
            schedule.refresh_from_db()
            audit.record_change("schedule changed", schedule, before, audited(schedule))


# --- pausing ----------------------------------------------------------------------------------------------------------
def pause(schedule: ScheduledJob, until: datetime | None) -> ScheduledJob:
    """Nothing starts until then; None switches it off until somebody resumes it. Raises Invalid (`check_until`)."""
    check_until(until)
    if until is None:
        return change(schedule, {"enabled": False})
    return change(schedule, {"paused_until": until})


def resume(schedule: ScheduledJob) -> ScheduledJob:
    """What was due meanwhile is not made up for. Raises Invalid where it has nothing left to back up."""
    due.start_some(timezone.now(), pk=schedule.pk)
    return change(schedule, {"enabled": True, "paused_until": None})


def pause_all(until: datetime | None = None) -> Installation:
    """Nothing starts by itself until then; None: until `resume_all`. Raises Invalid (`check_until`)."""
    check_until(until)
    now = timezone.now()
    audit.record("everything paused", after={"until": until})
    return set_pause(schedules_paused_at=now, schedules_paused_until=until)


def resume_all() -> Installation:
    """What was due meanwhile is not made up for."""
    due.start_due(timezone.now())
    audit.record("everything resumed")
    return set_pause(schedules_paused_at=None, schedules_paused_until=None)


def set_pause(**fields: datetime | None) -> Installation:
    return Installation.objects.update_or_create(pk=1, defaults=fields)[0]


def check_until(until: datetime | None) -> None:
    """Raises Invalid. A far end is a slip of the hand, and at the end of the calendar no time can be computed."""
    if until is not None and until <= timezone.now():
        raise Invalid({"until": "This is over already."})
    if until is not None and until > timezone.now() + LONGEST_PAUSE:
        raise Invalid({"until": "This is more than ten years away: pause without an end instead."})


# --- now --------------------------------------------------------------------------------------------------------------
def run_now(schedule: ScheduledJob, user: User | None = None, by: str = TriggeredBy.MANUAL) -> list[BackupJob]:
    """Queue its backups, with all that follows them; the caller pokes the worker. Its due times stay as they are.

    Raises Conflict where all of them wait already, or it has none.
    """
    now = timezone.now()
    who = f"Started by {user.get_username()}." if user else "Started by hand."
    run = ScheduleRun(scheduled_job=schedule, due_at=now, status=RunStatus.QUEUED, message=who)
    with transaction.atomic():
        queued = jobs.begin([run], now, triggered_by=by, user=user)
        if not queued:
            raise Conflict(run.message.removeprefix(who).strip())
        audit.record("schedule started", schedule, after={"backups": [job.pk for job in queued]}, user=user)
    return queued
