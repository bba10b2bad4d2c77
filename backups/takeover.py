"""Taking over what lost its process, a job or a window's run, and what every claim has in common (section 6).

One transaction after which the rows say all there is to know. The caller holds the lock of the run directory.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from borgui import process
from borgui.process import Identity
from borgui.rundir import RunDirectory
from scripts_library import chain
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from . import attempts
from .host import host_id
from .models import BackupJob, Phase, WindowRun, Work
from .note import Note

log = logging.getLogger(__name__)
MOST_TAKEOVERS = 5
Left = tuple[Identity | None, str]
W = TypeVar("W", BackupJob, WindowRun)


@dataclass(frozen=True)
class Claimed(Generic[W]):
    """Work that is this process's now, and the rows of its plan, as they are in the database."""

    work: W
    rows: list[ScriptExecution]
    note: Note


# --- what every claim has in common -----------------------------------------------------------------------------------
def ownership(claim: int) -> dict[str, object]:
    return {"host_id": host_id(), "owner": str(Identity.current()), "claim": claim}


def set_fields(work: Work, fields: dict[str, object]) -> None:
    for name, value in fields.items():
        setattr(work, name, value)


def no_room() -> str:
    """Why nothing should begin on this disk; '' where there is room."""
    free = shutil.disk_usage(settings.DATA_DIR).free
    if free >= settings.MIN_FREE:
        return ""
    return (
        f"Not started: only {free // 2**20} MiB are free in {settings.DATA_DIR}, less than "
        f"{settings.MIN_FREE // 2**20} MiB (BORGUI_MIN_FREE). Nothing was stopped. Make room there and back up again."
    )


# --- what was lost ----------------------------------------------------------------------------------------------------
def take_over(work: W, note: Note, outcome_of_lost: Callable[[W], dict[str, Any]]) -> Claimed[W] | None:
    """Claim what has nothing running any more, and put its rows in order in one transaction.

    Finished work whose post-backup scripts are to run again comes the same way: it has a phase and planned rows.
    `outcome_of_lost`: what its row is to say after the loss.
    """
    prepare_again(note)
    rows = list(work.executions.select_related("revision__content", "window_run").in_order())
    with transaction.atomic():
        fields = ownership(work.claim + 1) | loss_of(work) | outcome_of_lost(work)
        unchanged = {"status": work.status, "phase": work.phase, "claim": work.claim}
        if not type(work)._default_manager.filter(pk=work.pk, **unchanged).update(**fields):
            return None
        settle(rows, work)
        set_fields(work, fields)
        if is_given_up(work) and work.outcome:
            give_up(work, rows)
        elif not is_given_up(work):
            rows += ScriptExecution.objects.bulk_create(attempts.after_interruption(rows, timezone.now()))
    log.warning("%s %s is resumed in phase %s (claim %s)", work.word, work.pk, work.phase, work.claim)
    return Claimed(work, rows, note)


def prepare_again(note: Note) -> None:
    """A recovery goes on without paper, if the disk gives none: services are to come back."""
    try:
        note.prepare()
    except OSError as error:
        log.error("no note for the recovery: %s", error)


def is_given_up(work: Work) -> bool:
    """Taken over more than five times; the first claim was no takeover. A person may ask as often as they like."""
    return not work.is_over and work.claim - 1 > MOST_TAKEOVERS


def end_leftovers(work: BackupJob | WindowRun, directory: RunDirectory, left: Left) -> None:
    """Every process that carries the token of what was running, and the recorded session; never anything else.

    The jobs of a window are processes of their own, which nobody ends.
    """
    session, recorded = left
    if session and session.boot_id == process.boot_id():
        directory.name_child(recorded, session)  # this process may be lost as well, before it is done with them
    running = work.executions.filter(status=ExecutionStatus.RUNNING).values_list("token", flat=True)
    own = work.token if isinstance(work, BackupJob) and work.phase != Phase.POST else ""
    tokens = {token for token in [recorded, *running, own] if token}
    ended = process.end(lambda: [one for token in tokens for one in process.leftovers(token, session)])
    if ended:
        log.warning("%s %s: %s processes of the lost one were ended", work.word, work.pk, ended)
    directory.clear_child()


def loss_of(work: Work) -> dict[str, object]:
    """That it was lost, when that was noticed first, and whether the machine was started anew meanwhile; nothing for
    what is finished, whose scripts run again because somebody wants it."""
    if work.is_over:
        return {}
    restarted = bool(work.owner) and Identity.parse(work.owner).boot_id != process.boot_id()
    return {
        "losses": work.losses + 1,
        "lost_at": work.lost_at or timezone.now(),
        "restarted": work.restarted or restarted,
    }


def settle(rows: list[ScriptExecution], work: Work) -> None:
    """The script that was running was cut off; a pre-backup script that was still to come does not run any more."""
    now = timezone.now()
    for row in rows:
        if row.status == ExecutionStatus.RUNNING:
            row.status, row.completed_at = ExecutionStatus.INTERRUPTED, max(now, row.started_at or now)
            row.error_message = "Cut off: the process that ran it was lost."
        elif row.status == ExecutionStatus.PLANNED and row.hook_type == Hook.PRE:
            row.status, row.error_message = (
                ExecutionStatus.NOT_RUN,
                f"Did not run: the {work.noun} was cut off before it.",
            )
        else:
            continue
        ScriptExecution.objects.filter(pk=row.pk).update(
            status=row.status, completed_at=row.completed_at, error_message=row.error_message
        )


def give_up(work: Work, rows: list[ScriptExecution]) -> None:
    """Taken over too often: what has not come to an end is not tried again, and told as broken."""
    planned = [row for row in rows if row.status == ExecutionStatus.PLANNED]
    left = [row for row in planned if chain.matches(row.run_on, work.outcome)]
    for row in left:
        row.status = ExecutionStatus.FAILED
        row.error_message = f"Given up: the {work.noun} was lost more than {MOST_TAKEOVERS} times."
    ScriptExecution.objects.bulk_update(left, ["status", "error_message"])
