"""What people ask of a window: open it now, cancel its run, run its post-backup scripts again (sections 7 and 13)."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from backups import queue
from backups.models import MaintenanceWindow, Phase, WindowRun, WindowStatus
from backups.scheduling.openings import WAITING
from borgui.accounts import audit
from borgui.accounts.models import User
from scripts_library.errors import Refused
from scripts_library.models import Outcome, TriggeredBy


def open_now(window: MaintenanceWindow, user: User | None = None, by: str = TriggeredBy.MANUAL) -> WindowRun:
    """A queued run; the caller pokes the worker. Its due times stay as they are.

    Raises Refused while one is open, or waits.
    """
    with transaction.atomic():
        MaintenanceWindow.objects.select_for_update().get(pk=window.pk)
        other = WindowRun.objects.unfinished().filter(window=window).first()
        if other is not None:
            state = "is open already" if other.status == WindowStatus.RUNNING else "is about to open already"
            raise Refused(f"'{window.name}' {state}, so it was not opened again.")
        run = WindowRun.objects.create(
            window=window,
            window_name=window.name,
            triggered_by=by,
            triggered_by_user=user if user is not None and user.pk else None,
            message=WAITING,
        )
        audit.record("window opened", run, name=window.name, user=user)
    return run


def request_cancel(run: WindowRun, user: User | None = None, now: datetime | None = None) -> WindowRun:
    """At once while it is queued; else no further backup begins, those that run are cancelled, and it is closed.

    Raises queue.TooLate.
    """
    now = now or timezone.now()
    asked = {"cancel_requested_at": now, "cancel_requested_by": user}
    rows = WindowRun.objects.filter(pk=run.pk)
    with transaction.atomic():
        open_still = rows.filter(status=WindowStatus.RUNNING, phase__in=(Phase.PRE, Phase.BACKUP), outcome="")
        done = cancel_queued(run, user, now) or open_still.update(**asked)
        if done:
            audit.record("window cancelled", run, name=run.window_name, user=user)
    run.refresh_from_db()
    if done:
        return run
    if run.is_over:
        raise queue.TooLate(f"This window is closed already ({run.status}).")
    raise queue.TooLate(
        "The backups of this window are over and the scripts after them are running; they are not cancelled, because they "
        "bring services back. To stop the one that runs now, stop that script."
    )


def cancel_queued(run: WindowRun, user: User | None, now: datetime) -> int:
    return WindowRun.objects.filter(pk=run.pk, status=WindowStatus.QUEUED).update(
        status=WindowStatus.CANCELLED,
        outcome=Outcome.CANCELLED,
        cancel_requested_at=now,
        cancel_requested_by=user,
        completed_at=now,
        message=f"Stopped by {user.get_username() if user else 'a person'} before it opened. Nothing was stopped.",
    )


def request_post_scripts(run: WindowRun, user: User | None = None) -> WindowRun:
    """Plan the post-backup scripts of a closed window again, those that have not succeeded. Raises queue.TooLate.

    The caller has `tasks.start_window_again` start them.
    """
    return queue.request_post_backup(run, user)
