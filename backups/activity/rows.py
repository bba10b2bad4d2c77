"""The four kinds of rows of the feed, each in a query of its own, and how they stand among each other."""

from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet

from backups.models import BackupJob, ScheduleRun, WindowRun
from scripts_library.models import ScriptExecution

from .filters import Filters

JOB, TEST, MISSED, WINDOW = KINDS = ("j", "t", "m", "w")
LIVE = (JOB, TEST, WINDOW)  # the kinds that wait and run
Row = BackupJob | ScriptExecution | ScheduleRun | WindowRun
FIELDS_OF_JOBS = (
    *("status", "phase", "message", "services", "created_at", "started_at", "completed_at", "repository__name"),
    *("triggered_by", "triggered_by_user__username", "schedule_run__scheduled_job__name"),
    "window_run__window_name",
)
FIELDS_OF_TESTS = (
    *("script_name", "hook_type", "status", "error_message", "created_at", "started_at", "completed_at", "test_run_id"),
    *("triggered_by", "triggered_by_user__username", "repository__name"),
)


def sources(filters: Filters) -> dict[str, QuerySet[Any]]:
    """All rows that match, with the names that are shown of them."""
    return {
        JOB: filters.jobs()
        .select_related("repository", "triggered_by_user", "schedule_run__scheduled_job", "window_run")
        .only(*FIELDS_OF_JOBS),
        TEST: filters.test_runs().select_related("repository", "triggered_by_user").only(*FIELDS_OF_TESTS),
        MISSED: filters.missed().select_related("scheduled_job"),
        WINDOW: filters.window_runs().select_related("triggered_by_user"),
    }


def kind_of(row: Row) -> str:
    if isinstance(row, BackupJob):
        return JOB
    if isinstance(row, WindowRun):
        return WINDOW
    return TEST if isinstance(row, ScriptExecution) else MISSED


def order_of(row: Row) -> tuple[datetime, str, int]:
    """The newest is the greatest."""
    return row.created_at, kind_of(row), row.pk


def newest_ids() -> dict[str, int]:
    models = {JOB: BackupJob, TEST: ScriptExecution, MISSED: ScheduleRun, WINDOW: WindowRun}
    return {kind: model._default_manager.aggregate(newest=Max("pk"))["newest"] or 0 for kind, model in models.items()}


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
