"""Broken promises: an event of their own, closed by a later good run or by a person (behaviour.md, section 1)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from borgui.accounts import audit
from borgui.accounts.models import User
from scripts_library import chain
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from . import verdicts, words
from .models import BackupJob, BrokenPromise, WindowRun, Work


def record(work: Work, failed: Sequence[ScriptExecution]) -> list[ScriptExecution]:
    """Make rows for the promises among the post-backup scripts that did not come to a good end; returns those."""
    broken = [row for row in failed if row.is_promise and chain.matches(row.run_on, work.outcome)]
    for row in broken:
        BrokenPromise.objects.update_or_create(
            **owner_of(work),
            position=row.position,
            closed_at=None,
            defaults={
                "repository_id": row.repository_id,
                "execution_id": row.pk,
                "script_id": row.script_id,
                "script_name": row.script_name,
                "interrupts": row.interrupts,
                "since": row.completed_at or timezone.now(),
                "message": words.promise(row),
            },
        )
    return broken


def owner_of(work: Work) -> dict[str, Any]:
    return {"window_run" if isinstance(work, WindowRun) else "job": work}


def mend(rows: Sequence[ScriptExecution]) -> list[BrokenPromise]:
    """Close the open promises of the repository, or of the window, whose script came to a good end here."""
    closed = []
    for row in rows:
        if row.hook_type != Hook.POST or row.status != ExecutionStatus.SUCCEEDED:
            continue
        for promise in open_for(row):
            if row.pk > promise.execution_id:  # ids, for a clock may be set back
                close(promise, execution_id=row.pk)
                closed.append(promise)
    return closed


def open_for(row: ScriptExecution) -> models.QuerySet[BrokenPromise]:
    """The open promises that a good run of this script keeps after all."""
    found = BrokenPromise.objects.open().filter(interrupts=row.interrupts)
    if row.window_run is not None:
        found = found.filter(window_run__window=row.window_run.window_id or 0)
    else:
        found = found.filter(repository_id=row.repository_id or 0)
    return found.filter(script_id=row.script_id) if row.script_id else found.filter(script_name=row.script_name)


def close(
    promise: BrokenPromise,
    *,
    note: str = "",
    user: User | None = None,
    execution_id: int | None = None,
    now: datetime | None = None,
) -> bool:
    """Close it once; False where somebody was faster. The Services verdict of its job follows."""
    with transaction.atomic():
        still_open = BrokenPromise.objects.open().filter(pk=promise.pk)
        changed = still_open.update(
            closed_at=now or timezone.now(), note=note, closed_by_user=user, closed_by_execution_id=execution_id
        )
        if changed:
            follow(promise.work)
        if changed and user is not None:
            audit.record("broken promise closed", promise, name=promise.script_name, after={"note": note}, user=user)
    return bool(changed)


def follow(work: BackupJob | WindowRun) -> None:
    """Write the Services verdict of finished work anew."""
    is_open = work.broken_promises.open().exists()
    services = verdicts.services_of(work, list(work.executions.all()), has_open_promise=is_open)
    type(work)._default_manager.filter(pk=work.pk).update(services=services)
