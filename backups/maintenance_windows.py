"""What people do with maintenance windows: make, change, pause and delete them, and choose what is backed up inside.

An enabled window has the time of its next opening in its row; whatever changes its times computes that anew from now.
"""

from collections.abc import Mapping
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.db.models import Field
from django.utils import timezone

from borgui.accounts import audit, time_zone
from borgui.accounts.models import User
from scripts_library.errors import Conflict, Invalid, Refused

from . import schedules, windows
from .models import MaintenanceWindow, ScheduledJob, WindowRun
from .window_rules import LONGEST_NAME, problems

TIMES = {"cron_expression", "timezone", "enabled"}
OPEN = "is open at the moment. Wait until it is closed, or cancel it."


# --- making and changing ----------------------------------------------------------------------------------------------
def create(fields: Mapping[str, Any], user: User | None = None) -> MaintenanceWindow:
    """A new window, without scripts and jobs. Raises Invalid, Conflict (the name is taken)."""
    window = MaintenanceWindow(timezone=time_zone.name())
    apply(window, fields)
    check(window)
    with transaction.atomic():
        save(window)
        windows.set_next(window, timezone.now())
        audit.record("window made", window, after=audited(window))
    return window


def audited(window: MaintenanceWindow) -> dict[str, Any]:
    names = (
        "name",
        "description",
        "cron_expression",
        "timezone",
        "enabled",
        "max_parallel",
        "max_duration",
        "catch_up",
    )
    return {name: getattr(window, name) for name in names}


def change(window: MaintenanceWindow, fields: Mapping[str, Any]) -> MaintenanceWindow:
    """Change the given fields; None sets the default again. What is open goes on as it began. Raises Invalid, Conflict."""
    before = {name: getattr(window, name) for name in fields}
    apply(window, fields)
    check(window)
    changed = {name for name, value in before.items() if getattr(window, name) != value}
    with transaction.atomic():
        save(window, update_fields=sorted(changed))
        audit.record_change("window changed", window, before, {name: getattr(window, name) for name in before})
        if changed & TIMES:
            windows.set_next(window, timezone.now())
    return window


def apply(window: MaintenanceWindow, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        column = cast("Field[Any, Any]", MaintenanceWindow._meta.get_field(name))
        if value is None and name == "timezone":
            value = time_zone.name()
        setattr(window, name, schedules.default_of(column) if value is None else value)
    window.cron_expression = " ".join(window.cron_expression.split())


def check(window: MaintenanceWindow) -> None:
    """Raises Invalid with all that is wrong, else Conflict where the name is taken."""
    if errors := problems(window):
        raise Invalid(errors)
    if MaintenanceWindow.objects.filter(name=window.name).exclude(pk=window.pk).exists():
        raise name_taken(window)


def save(window: MaintenanceWindow, update_fields: list[str] | None = None) -> None:
    """Raises Conflict where somebody else was faster with the name."""
    try:
        with transaction.atomic():
            window.save(update_fields=update_fields)
    except IntegrityError:
        raise name_taken(window) from None


def name_taken(window: MaintenanceWindow) -> Conflict:
    return Conflict(f"There is a window named '{window.name}' already.", field="name")


def free_name(wanted: str) -> str:
    """The name, or the same with a number behind it."""
    wanted = wanted[: LONGEST_NAME - 5]
    taken = set(MaintenanceWindow.objects.filter(name__startswith=wanted).values_list("name", flat=True))
    return next(name for name in [wanted, *(f"{wanted} {number}" for number in range(2, 10_000))] if name not in taken)


# --- what is backed up inside -----------------------------------------------------------------------------------------
def own_schedule(window: MaintenanceWindow) -> ScheduledJob | None:
    """Its scheduled job where it has exactly one; then the window's page shows and changes that as its own part."""
    found = list(window.scheduled_jobs.order_by("id")[:2])
    return found[0] if len(found) == 1 else None


def set_jobs(window: MaintenanceWindow, fields: Mapping[str, Any], *, only_here: bool = False) -> ScheduledJob:
    """What its own scheduled job does: `repositories` in order, and what follows. It is made where there is none.

    `only_here`: they are taken out of the schedules that start by themselves. Raises Invalid, Conflict.
    """
    with transaction.atomic():
        own = own_schedule(window)
        if own is None:
            name = schedules.free_name(window.name)
            own = schedules.create({**fields, "name": name, "maintenance_window_id": window.pk})
        else:
            schedules.change(own, fields)
        if only_here:
            schedules.take_out(fields["repositories"], ScheduledJob.objects.by_themselves())
    return own


# --- pausing and deleting ---------------------------------------------------------------------------------------------
def pause(window: MaintenanceWindow) -> MaintenanceWindow:
    """It does not open by itself until somebody resumes it; what is open goes on."""
    return change(window, {"enabled": False})


def resume(window: MaintenanceWindow) -> MaintenanceWindow:
    """What was due meanwhile is not made up for."""
    return change(window, {"enabled": True})


def delete(window: MaintenanceWindow, *, with_jobs: bool = False) -> None:
    """Its scripts stay in the library, backups and archives where they are. Raises Refused while it is open.

    `with_jobs`: its scheduled jobs are deleted too; without, Refused names them.
    """
    with transaction.atomic():
        row = MaintenanceWindow.objects.select_for_update().get(pk=window.pk)
        if WindowRun.objects.unfinished().filter(window=row).exists():
            raise Refused(f"'{row.name}' {OPEN}")
        inside = list(row.scheduled_jobs.order_by("name"))
        if inside and not with_jobs:
            names = ", ".join(f"'{one.name}'" for one in inside)
            raise Refused(f"'{row.name}' still has scheduled jobs: {names}. Delete them or move them elsewhere first.")
        for one in inside:
            schedules.delete(one)
        audit.record("window deleted", row, before=audited(row))
        row.delete()
