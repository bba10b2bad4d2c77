"""Taking a window's run: the queued one with its whole plan and its jobs, or the one whose process was lost.

Each is one transaction after which the rows say all there is to know. The caller holds the lock of the run directory.
"""

import logging
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from backups import queue, secrets_used, silence
from backups.host import host_id
from backups.models import Phase, WindowRun, WindowStatus
from backups.note import Note
from backups.replaying import replay
from backups.takeover import Claimed, Left, end_leftovers, no_room, ownership, set_fields, take_over
from backups.watch import StopRequest
from borgui.rundir import RunDirectory
from scripts_library import chain, links, running
from scripts_library.models import Outcome, ScriptExecution

from . import members, notices

log = logging.getLogger(__name__)
NOTHING_INSIDE = "Not opened: no backup belongs to this window. Nothing was stopped."


def claim(run_id: int, directory: RunDirectory, stop: StopRequest, left: Left) -> Claimed[WindowRun] | None:
    """The run, claimed by this process; None where it is over, has to wait, or belongs to another host."""
    note = Note(directory.path)
    replay(WindowRun, run_id, note)
    run = WindowRun.objects.select_related("window").get(pk=run_id)
    if run.status == WindowStatus.QUEUED:
        return None if stop else fresh_or_refused(run, directory, note)
    if run.host_id == host_id() and (run.status == WindowStatus.RUNNING or run.phase):
        run.message = silence.without_alarm(run.message)
        end_leftovers(run, directory, left)
        return take_over(run, note, lambda lost: {})
    return None


def fresh_or_refused(run: WindowRun, directory: RunDirectory, note: Note) -> Claimed[WindowRun] | None:
    """A fault of our own before the claim is a failure with a trace; else the window would be tried for ever."""
    try:
        return fresh(run, directory, note)
    except DatabaseError:
        raise
    except Exception as fault:
        log.exception("fault before window run %s began", run.pk)
        refuse(run, f"Not opened: an internal fault ({fault!r}). Nothing was stopped.")
        return None


def fresh(run: WindowRun, directory: RunDirectory, note: Note) -> Claimed[WindowRun] | None:
    """Move `queued -> running`, with plan and jobs; what speaks against it is asked again inside."""
    if reason := why_not(run):
        refuse(run, reason)
        return None
    now = timezone.now()
    inside = members.repositories_of(run, now)
    if run.due_at is not None and not inside:  # opened by hand, its scripts may be tried alone
        end(run, WindowStatus.SKIPPED, NOTHING_INSIDE)
        return None
    rows = plan(run)
    own = links.things_of_windows([run.window_id or 0])[run.window_id or 0]
    run.interrupts = links.with_names((row.interrupts for row in rows if row.interrupts), own)
    things = (thing for found in links.things_of(inside).values() for thing in links.with_names(found, found))
    run.reserved = [thing for thing in dict.fromkeys(things) if thing not in run.interrupts]
    try:
        note.prepare()
        running.copy_all(rows, directory)
    except OSError as error:
        note.free_reserve()  # the refusal has to be written too
        refuse(run, f"Not opened: {directory.path} could not be prepared ({error}). Nothing was stopped.")
        return None
    with transaction.atomic():
        return Claimed(run, rows, note) if begin(run, rows) else None


def why_not(run: WindowRun) -> str:
    if run.window is None:
        return "Not opened: the window was deleted. Nothing was stopped."
    return no_room().replace("Not started", "Not opened", 1).replace("back up again", "open it again", 1)


def plan(run: WindowRun) -> list[ScriptExecution]:
    return chain.plan_window(
        run.window_id or 0,
        window_run=run,
        triggered_by=run.triggered_by,
        triggered_by_user_id=run.triggered_by_user_id,
    )


def begin(run: WindowRun, rows: list[ScriptExecution]) -> bool:
    """The claim itself, in the caller's transaction: one UPDATE that must change one row, the plan and the jobs."""
    if not queue.may_open([*run.interrupts, *run.reserved]):
        return False
    assert run.window is not None  # refused before
    now = timezone.now()
    fields: dict[str, Any] = {
        "status": WindowStatus.RUNNING,
        "phase": Phase.PRE,
        "phases": run.phases_with(Phase.PRE, now),
        "message": "",
        "started_at": now,
        "interrupts": run.interrupts,
        "reserved": run.reserved,
        "max_parallel": run.window.max_parallel,
        "max_duration": run.window.max_duration,
        **ownership(run.claim + 1),
    }
    if not WindowRun.objects.filter(pk=run.pk, status=WindowStatus.QUEUED, claim=run.claim).update(**fields):
        return False
    set_fields(run, fields)
    ScriptExecution.objects.bulk_create(rows)
    secrets_used.record(run, run.window_name, rows)
    members.create(run, now)
    return True


def refuse(run: WindowRun, reason: str) -> bool:
    """A queued run that cannot begin ends as a failure with a trace; no script has run. False: it was not queued."""
    with transaction.atomic():
        if not end(run, WindowStatus.FAILURE, reason):
            return False
        notices.of_finished(run, [], [], [])
    return True


def end(run: WindowRun, status: str, message: str) -> bool:
    fields: dict[str, Any] = {
        "status": status,
        "outcome": Outcome(status),
        "completed_at": timezone.now(),
        "message": message,
    }
    if not WindowRun.objects.filter(pk=run.pk, status=WindowStatus.QUEUED, claim=run.claim).update(**fields):
        return False
    set_fields(run, fields)
    return True
