"""What a maintenance window has stopped for all of its backups (behaviour.md, sections 10 and 13).

Links of a job inside it that interrupt the same do not run, in neither hook: the window itself stops and starts that.
"""

from collections.abc import Iterable

from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from .models import BackupJob, Work


def things_of(work: Work) -> set[str]:
    """What the window of this job interrupts; nothing for a job without one, and for a window's run itself."""
    if not isinstance(work, BackupJob) or work.window_run_id is None:
        return set()
    rows = ScriptExecution.objects.filter(window_run=work.window_run_id, hook_type=Hook.PRE)
    return set(rows.exclude(interrupts="").values_list("interrupts", flat=True))


def hold(job: BackupJob, rows: Iterable[ScriptExecution]) -> None:
    """Mark the links of a plan (unsaved) that its window holds."""
    held = things_of(job)
    for row in rows:
        if row.interrupts in held and job.window_run is not None:
            row.status = ExecutionStatus.NOT_RUN
            row.error_message = f"Not needed: {row.interrupts} is stopped by the window '{job.window_run.window_name}'."


def own(rows: Iterable[ScriptExecution]) -> list[ScriptExecution]:
    """The links of a plan that no window holds."""
    return [row for row in rows if row.status != ExecutionStatus.NOT_RUN]
