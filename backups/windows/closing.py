"""The end of a window's run: final status, verdict, broken promises and what people are told, in one transaction."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.utils import timezone

from backups import finishing, promises, verdicts, words
from backups.finishing import GOOD_ENDS, NotFinished
from backups.ledger import Ledger
from backups.models import BackupJob, JobStatus, WindowRun, WindowStatus
from borgui.rundir import RunDirectory
from scripts_library.models import Hook, Outcome, ScriptExecution

from . import members, notices

log = logging.getLogger(__name__)
NOT_BEGUN = "Not begun: the window '{}' was closed before."


def finish(run: WindowRun, ledger: Ledger, directory: RunDirectory) -> None:
    """Write the final status, computed from the rows. The run directory goes, unless a promise of it is broken."""
    if not ledger.settle():
        raise NotFinished(run)
    said = run.message
    if not finishing.at_once(run, ledger, lambda: conclude(run, ledger, said)):
        directory.remove()


def conclude(run: WindowRun, ledger: Ledger, said: str) -> list[ScriptExecution]:
    """Everything that is written with the final status; the promises that were broken. Can be done again."""
    run.message = said
    left = BackupJob.objects.queued().filter(window_run=run)  # where a database that failed has kept them
    members.leave_out(left, JobStatus.SKIPPED, NOT_BEGUN.format(run.window_name), timezone.now())
    finishing.close_rows(run)
    rows, failed = rows_of(run), failed_of(run)
    jobs = list(run.jobs.select_related("repository").order_by("window_position", "id"))
    ledger.set(**final_fields(run, failed, jobs))
    broken = keep_promises(run, ledger, rows, failed)
    notices.of_finished(run, rows, jobs, broken)
    finishing.count_usage(rows)
    return broken


def finish_again(run: WindowRun, ledger: Ledger, directory: RunDirectory) -> None:
    """The end of post-backup scripts that were run again: the status stays, promises and the Services verdict follow."""
    if not ledger.settle():
        raise NotFinished(run)
    if not finishing.at_once(run, ledger, lambda: conclude_again(run, ledger)):
        directory.remove()


def conclude_again(run: WindowRun, ledger: Ledger) -> list[ScriptExecution]:
    finishing.close_rows(run)
    ledger.set(phase="", phases=run.phases_with("", timezone.now()))
    rows = rows_of(run)
    broken = keep_promises(run, ledger, rows, failed_of(run))
    notices.of_run_again(run, rows, broken)
    return broken


def keep_promises(
    run: WindowRun, ledger: Ledger, rows: list[ScriptExecution], failed: Sequence[ScriptExecution]
) -> list[ScriptExecution]:
    """Those that were broken; others are kept after all. The Services verdict says so."""
    promises.mend(rows)
    broken = promises.record(run, failed)
    ledger.set(services=verdicts.services_of(run, rows, has_open_promise=bool(broken)))
    return broken


def rows_of(run: WindowRun) -> list[ScriptExecution]:
    return list(run.executions.select_related("script", "window_run").order_by("position", "attempt"))


def failed_of(run: WindowRun) -> list[ScriptExecution]:
    """The scripts after the backups that did not come to a good end."""
    return [row for row in verdicts.last_attempts(rows_of(run), Hook.POST) if row.status not in GOOD_ENDS]


def final_fields(run: WindowRun, failed: Sequence[ScriptExecution], jobs: Sequence[BackupJob]) -> dict[str, Any]:
    now = timezone.now()
    status = run.outcome
    if status == Outcome.SUCCESS and (failed or any(job.status == JobStatus.WARNING for job in jobs)):
        status = WindowStatus.WARNING
    said = [run.message, *(words.failed_afterwards(row) for row in failed)]
    return {
        "status": status,
        "phase": "",
        "phases": run.phases_with("", now),
        "completed_at": max(now, run.started_at or now),
        "message": "\n".join(filter(None, said)),
    }


def write_stats(run: WindowRun, directory: RunDirectory) -> Path:
    """What the backups came to, for the post-backup scripts (BACKUP_STATS)."""
    path = directory.path / "stats.json"
    try:
        jobs = run.jobs.select_related("repository").order_by("window_position", "id")
        facts = {"window": run.window_name, "backups": [facts_of(job) for job in jobs]}
        path.write_text(json.dumps(facts), encoding="utf-8")
    except Exception as error:  # neither the disk nor the database keeps services down
        log.warning("BACKUP_STATS could not be written: %s", error)
    return path


def facts_of(job: BackupJob) -> dict[str, Any]:
    return {
        "repository": job.repository.name,
        "outcome": job.outcome,
        "archive": job.archive_name,
        "files": job.archive_files,
        "exit_code": job.borg_exit_code,
        **job.stats,
    }
