"""The end of a job: final status, verdicts, broken promises and what people are told, in one transaction."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from borgui.rundir import RunDirectory
from scripts_library.models import ExecutionStatus, Hook, Outcome, Script, ScriptExecution

from . import borgcall, notices, promises, schedule_runs, verdicts, words
from .ledger import Ledger
from .models import BackupJob, Data, JobStatus, Repository, WindowRun, Work

log = logging.getLogger(__name__)
GOOD_ENDS = (ExecutionStatus.SUCCEEDED, ExecutionStatus.NOT_RUN)


class NotFinished(Exception):
    """Everything that had to run has run; the final status waits for a database that can be written."""

    def __init__(self, work: Work) -> None:
        super().__init__(
            f"{work.word} {work.pk} is over, but the database does not take its end; recovery brings it in"
        )


def finish(job: BackupJob, ledger: Ledger, directory: RunDirectory) -> None:
    """Write the final status, computed from the rows. The run directory goes, unless a promise of it is broken."""
    if not ledger.settle():
        raise NotFinished(job)
    if not ledger.vanished:
        look_for_archive(job)
    said = job.message
    broken = at_once(job, ledger, lambda: conclude(job, ledger, said))
    if not broken:
        directory.remove()


def conclude(job: BackupJob, ledger: Ledger, said: str) -> list[ScriptExecution]:
    """Everything that is written with the final status; the promises that were broken. Can be done again."""
    job.message = said
    close_rows(job)
    rows = list(job.executions.select_related("script").order_by("position", "attempt"))
    failed = [row for row in verdicts.last_attempts(rows, Hook.POST) if row.status not in GOOD_ENDS]
    ledger.set(**final_fields(job, rows, failed))
    promises.mend(rows)
    broken = promises.record(job, failed)
    ledger.set(services=verdicts.services_of(job, rows, has_open_promise=bool(broken)))
    notices.of_finished(job, rows, broken)
    schedule_runs.ended(job)
    count_usage(rows)
    remember_on_repository(job)
    return broken


def finish_bare(work: Work, ledger: Ledger) -> None:
    """Only the status, where everything more has failed time and again; the log of the worker says why."""
    said = f"The end of this {work.noun} could not be recorded in full: see the log of the worker."
    message = "\n".join([work.message, said]).strip()
    ledger.own(status=work.outcome, phase="", completed_at=timezone.now(), message=message)


def finish_again(job: BackupJob, ledger: Ledger, directory: RunDirectory) -> None:
    """The end of post-backup scripts that were run again: the status stays, promises and the Services verdict follow."""
    if not ledger.settle():
        raise NotFinished(job)
    broken = at_once(job, ledger, lambda: conclude_again(job, ledger))
    if not broken:
        directory.remove()


def conclude_again(job: BackupJob, ledger: Ledger) -> list[ScriptExecution]:
    close_rows(job)
    rows = list(job.executions.order_by("position", "attempt"))
    ledger.set(phase="", phases=job.phases_with("", timezone.now()))
    promises.mend(rows)
    failed = [row for row in verdicts.last_attempts(rows, Hook.POST) if row.status not in GOOD_ENDS]
    broken = promises.record(job, failed)
    ledger.set(services=verdicts.services_of(job, rows, has_open_promise=bool(broken)))
    notices.of_run_again(job, rows, broken)
    return broken


def at_once(job: Work, ledger: Ledger, work: Callable[[], list[ScriptExecution]]) -> list[ScriptExecution]:
    """Do `work` in one transaction, and nothing where somebody removed the job's row. Raises NotFinished."""
    if ledger.vanished:
        return []
    try:
        return ledger.whole(work)
    except OperationalError as problem:
        raise NotFinished(job) from problem


def look_for_archive(job: BackupJob) -> None:
    """After a loss or a fault during the backup, the Data verdict follows what is really in the repository."""
    if job.data is not None:
        return
    there = borgcall.archive_is_there(job)
    if there is not None:
        job.data = Data.GOOD if there else Data.NONE


def close_rows(job: BackupJob | WindowRun) -> None:
    """Neither `planned` nor `running` outlives its job, or window: a fault of our own has cut a script off."""
    job.executions.filter(status=ExecutionStatus.RUNNING).update(
        status=ExecutionStatus.INTERRUPTED,
        error_message="Cut off: an internal fault while it ran.",
        completed_at=timezone.now(),
    )
    job.executions.filter(status=ExecutionStatus.PLANNED).update(
        status=ExecutionStatus.NOT_RUN, error_message=f"Did not run: the {job.noun} was over before it was its turn."
    )


def final_fields(job: BackupJob, rows: Sequence[ScriptExecution], failed: Sequence[ScriptExecution]) -> dict[str, Any]:
    now = timezone.now()
    status = job.outcome
    if status == Outcome.SUCCESS and (failed or job.maintenance_message):
        status = JobStatus.WARNING
    said = [job.message, words.afterwards(job, failed), job.maintenance_message, job.maintenance.get("remark", "")]
    return {
        "status": status,
        "phase": "",
        "phases": job.phases_with("", now),
        "completed_at": max(now, job.started_at or now),
        "message": "\n".join(filter(None, said)),
        "data": job.data,
        "progress": {},
    }


def count_usage(rows: Sequence[ScriptExecution]) -> None:
    """`usage_count` counts the jobs' runs of a script; a run is whatever was started."""
    now = timezone.now()
    used = [row.script_id for row in rows if row.script_id and row.started_at]
    for script_id in set(used):
        Script.objects.filter(pk=script_id).update(
            usage_count=F("usage_count") + used.count(script_id), last_used_at=now
        )


def remember_on_repository(job: BackupJob) -> None:
    if job.data not in (Data.GOOD, Data.GOOD_WITH_WARNINGS):
        return
    repository = Repository.objects.filter(pk=job.repository_id)
    repository.update(last_good_at=job.completed_at, overdue_since=None)
    if job.stats:
        repository.update(stats=job.stats)


def refuse(job: BackupJob, reason: str) -> bool:
    """A queued job that cannot begin ends as a failure with a trace; no script has run. False: it was not queued."""
    now = timezone.now()
    with transaction.atomic():
        claimed = BackupJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED, claim=job.claim)
        fields = {
            "status": JobStatus.FAILURE,
            "outcome": Outcome.FAILURE,
            "data": Data.NONE,
            "completed_at": now,
            "message": reason,
        }
        if not claimed.update(**fields):
            return False
        for name, value in fields.items():
            setattr(job, name, value)
        notices.of_finished(job, [], [])
        schedule_runs.ended(job)
    return True
