"""Nothing grows without bound: run directories go with their jobs, logs and rows when they are old enough.

The last twenty jobs of each repository stay whatever their age, and so does what an open broken promise needs.
"""

import logging
import time
from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from borgui.rundir import Busy, RunDirectory
from scripts_library import library, uploads
from scripts_library.models import ScriptContent, ScriptExecution, ScriptRevision
from scripts_library.new_files import remove_drafts

from .borg_ui_import import received
from .models import UNFINISHED, BackupJob, BrokenPromise, Notification, ScheduleRun, WindowRun

log = logging.getLogger(__name__)
ALWAYS_KEPT = 20  # the newest jobs of a repository, test runs of a script, revisions of a script
DRAFTS_KEPT = 3600.0  # seconds; nobody writes a script for so long
AT_ONCE = 500  # rows of one transaction: others write too


# --- run directories --------------------------------------------------------------------------------------------------
def sweep_run_directories() -> list[Path]:
    """Remove the directories of runs that are over, unless one has an owner or a broken promise; returns those."""
    testing = set(
        ScriptExecution.objects.filter(test_run_id__isnull=False).unfinished().values_list("test_run_id", flat=True)
    )
    works = [(settings.RUN_DIR / model.folder, needed(model)) for model in (BackupJob, WindowRun)]
    left = [one for folder, ids in [*works, (settings.RUN_DIR / "tests", testing)] for one in left_over(folder, ids)]
    return [directory.path for directory in left if remove(directory)]


def needed(model: type[BackupJob] | type[WindowRun]) -> set[int | None]:
    """In this order: what ends between two of these queries is in the first, or its broken promise in the last."""
    ids: set[int | None] = set(model.objects.unfinished().values_list("pk", flat=True))
    ids |= set(model.objects.unfinished_again().values_list("pk", flat=True))
    return ids | set(of_open_promises(model))


def of_open_promises(model: type[BackupJob] | type[WindowRun]) -> "QuerySet[Any, Any]":
    """Ids of those that broke a promise which is still open."""
    column = "job_id" if model is BackupJob else "window_run_id"
    found = BrokenPromise.objects.open().exclude(**{column: None})
    return found.values_list(column, flat=True)


def left_over(folder: Path, needed: Container[int | None]) -> Iterator[RunDirectory]:
    for path in folder.glob("*"):
        if path.name.isdecimal() and int(path.name) not in needed and path.is_dir():
            yield RunDirectory(path)


def remove(directory: RunDirectory) -> bool:
    """With its lock, so that nobody begins in it meanwhile."""
    if directory.is_owned():
        return False
    try:
        directory.acquire(patience=0)
    except (Busy, OSError):
        return False
    directory.remove()
    directory.release()
    return True


# --- ageing -----------------------------------------------------------------------------------------------------------
def age_out(now: datetime) -> dict[str, int]:
    """Remove what is older than the settings allow; how many of each were removed."""
    rows_before = now - timedelta(days=settings.KEEP_ROWS_DAYS)
    logs_before = now - timedelta(days=settings.KEEP_LOGS_DAYS)
    return {
        "logs": age_logs(logs_before),
        "jobs": delete(old_jobs(rows_before)),
        "window runs": delete(old_window_runs(rows_before)),
        "schedule runs": delete(ScheduleRun.objects.filter(due_at__lt=rows_before)),
        "test runs": delete(old_test_runs(rows_before)),
        "notifications": delete(Notification.objects.filter(created_at__lt=rows_before)),  # old news, sent or not
        "revisions": delete(old_revisions(rows_before)),
        "packages": uploads.age_out(),
        "imports": received.age_out(),
        "drafts": remove_drafts(library.store(), DRAFTS_KEPT),
        "contents": delete(ScriptContent.objects.filter(scriptrevision=None, script=None), key="sha256"),
    }


def old_jobs(before: datetime) -> QuerySet[BackupJob]:
    """Those that are not among the newest of their repository, nor needed by a broken promise."""
    over = BackupJob.objects.filter(completed_at__lt=before, phase="")
    kept = newest(BackupJob.objects.all(), "repository_id")
    return over.exclude(pk__in=kept).exclude(pk__in=of_open_promises(BackupJob))


def old_window_runs(before: datetime) -> QuerySet[WindowRun]:
    """The same of windows; what is missed was created and over at once."""
    over = WindowRun.objects.filter(created_at__lt=before, phase="").exclude(status__in=UNFINISHED)
    kept = newest(WindowRun.objects.all(), "window_id")
    return over.exclude(pk__in=kept).exclude(pk__in=of_open_promises(WindowRun))


def old_test_runs(before: datetime) -> QuerySet[ScriptExecution]:
    tests = ScriptExecution.objects.filter(test_run_id__isnull=False)
    return tests.filter(completed_at__lt=before).exclude(pk__in=newest(tests, "script_id"))


def old_revisions(before: datetime) -> QuerySet[ScriptRevision]:
    """Revisions that no execution names any more; the newest of each script stay, and those that were approved."""
    old = ScriptRevision.objects.filter(created_at__lt=before, scriptexecution=None)
    old = old.exclude(decision=ScriptRevision.Decision.APPROVED)
    return old.exclude(pk__in=newest(ScriptRevision.objects.all(), "script_id"))


def newest(rows: "QuerySet[Any]", owner: str) -> list[int]:
    """The ids of the newest rows of each owner."""
    ranked = rows.annotate(rank=Window(RowNumber(), partition_by=F(owner), order_by=F("pk").desc()))
    return list(ranked.filter(rank__lte=ALWAYS_KEPT).values_list("pk", flat=True))


def delete(rows: "QuerySet[Any]", key: str = "pk") -> int:
    """In portions, so that no transaction holds the database for long."""
    count = 0
    while ids := list(rows.order_by().values_list(key, flat=True)[:AT_ONCE]):
        rows.model.objects.filter(pk__in=ids).delete()
        count += len(ids)
    return count


def age_logs(before: datetime) -> int:
    """Log files that are old; those of a broken promise's job or window stay."""
    kept = {*newest(BackupJob.objects.all(), "repository_id"), *of_open_promises(BackupJob)}
    runs = {*newest(WindowRun.objects.all(), "window_id"), *of_open_promises(WindowRun)}
    rows = ScriptExecution.objects.filter(Q(backup_job_id__in=kept) | Q(window_run_id__in=runs))
    kept_rows = set(rows.values_list("pk", flat=True))
    old = [
        *old_logs(settings.LOGS_DIR / "jobs", before, kept),
        *old_logs(settings.LOGS_DIR / "executions", before, kept_rows),
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def old_logs(folder: Path, before: datetime, kept: Iterable[int]) -> Iterator[Path]:
    names = set(kept)
    for path in folder.glob("*.log"):
        number = path.stem.partition("-")[0]
        is_kept = number.isdecimal() and int(number) in names
        if not is_kept and written_at(path) < before.timestamp():
            yield path


def written_at(path: Path) -> float:
    """Another worker may be keeping house as well: a file that is gone is as good as new."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
