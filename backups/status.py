"""Am I safe? The answer for all repositories at once (interfaces.md, `GET /api/status`)."""

import shutil
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, QuerySet, Subquery

from . import library_figures, next_due
from .models import BackupJob, BrokenPromise, Channel, Data, Repository, Services, Worker

GOOD = (Data.GOOD, Data.GOOD_WITH_WARNINGS)
TOLD = ("id", "name", "last_good_at", "overdue_since", "last_data", "last_services")


def overview(now: datetime) -> dict[str, Any]:
    """Everything that can be wrong, and `ok` where nothing is."""
    promises = [promise_as_json(one) for one in BrokenPromise.objects.open().order_by("id")]
    broken = {one["repository_id"] for one in promises}
    rows = list(with_last_job().values(*TOLD))
    due = next_due.of_repositories([row["id"] for row in rows], now)
    repositories = [repository_as_json(row, row["id"] in broken, due[row["id"]].at) for row in rows]
    worker = worker_as_json(now)
    return {
        "ok": worker["alive"] and not broken and all(is_fine(one) for one in repositories),
        "repositories": repositories,
        "broken_promises": promises,
        "worker": worker,
        "disk": {"free": shutil.disk_usage(settings.DATA_DIR).free},
        "channels": {"count": Channel.objects.filter(enabled=True).count()},
        "library": library_figures.figures().as_json(),
    }


def with_last_job() -> QuerySet[Repository]:
    """The repositories by name, with the verdicts of their last finished job: `last_data` and `last_services`."""
    over = BackupJob.objects.filter(repository=OuterRef("pk"), completed_at__isnull=False).order_by("-id")
    made = over.exclude(status__in=("skipped", "cancelled"))
    return (
        Repository.objects.kept()
        .annotate(last_data=Subquery(made.values("data")[:1]), last_services=Subquery(over.values("services")[:1]))
        .order_by("name")
    )


def repository_as_json(row: Mapping[str, Any], is_broken: bool, next_due_at: datetime | None) -> dict[str, Any]:
    """`row`: the columns TOLD. `is_broken`: a promise of it is open."""
    return {
        "id": row["id"],
        "name": row["name"],
        "data": row["last_data"],
        "services": Services.BROKEN_PROMISE if is_broken else row["last_services"] or Services.UNTOUCHED,
        "last_good_at": row["last_good_at"],
        "next_due_at": next_due_at,
        "overdue": row["overdue_since"] is not None,
    }


def is_fine(entry: dict[str, Any]) -> bool:
    return entry["data"] in GOOD and entry["services"] in (Services.UP, Services.UNTOUCHED) and not entry["overdue"]


def promise_as_json(promise: BrokenPromise) -> dict[str, Any]:
    return {
        "id": promise.pk,
        "job_id": promise.job_id,
        "window_run_id": promise.window_run_id,
        "execution_id": promise.execution_id,
        "script_name": promise.script_name,
        "repository_id": promise.repository_id,
        "since": promise.since,
        "message": promise.message,
    }


def worker_as_json(now: datetime) -> dict[str, Any]:
    """The worker that reported last; alive while it is not silent."""
    newest = Worker.objects.order_by("-last_seen").first()
    if newest is None:
        return {"alive": False, "last_seen": None}
    return {"alive": not newest.is_silent(now), "last_seen": newest.last_seen}
