"""Am I safe? The answer for all repositories at once (interfaces.md, `GET /api/status`)."""

import shutil
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from .models import BackupJob, BrokenPromise, Data, Repository, Services, Worker

GOOD = (Data.GOOD, Data.GOOD_WITH_WARNINGS)


def overview(now: datetime) -> dict[str, Any]:
    """Everything that can be wrong, and `ok` where nothing is."""
    promises = [promise_as_json(one) for one in BrokenPromise.objects.open().order_by("id")]
    repositories = [repository_as_json(one, promises) for one in with_last_job()]
    worker = worker_as_json(now)
    broken = {one["repository_id"] for one in promises}
    return {
        "ok": worker["alive"] and not broken and all(is_fine(one) for one in repositories),
        "repositories": repositories,
        "broken_promises": promises,
        "worker": worker,
        "disk": {"free": shutil.disk_usage(settings.DATA_DIR).free},
        "channels": {"count": 0},
    }


def with_last_job() -> list[Repository]:
    """The repositories with the verdicts of their last finished job."""
    over = BackupJob.objects.filter(repository=OuterRef("pk"), completed_at__isnull=False).order_by("-id")
    made = over.exclude(status__in=("skipped", "cancelled"))
    return list(
        Repository.objects.kept()
        .annotate(last_data=Subquery(made.values("data")[:1]), last_services=Subquery(over.values("services")[:1]))
        .only("name", "path", "encryption", "kit_saved_at", "last_good_at", "stats")
        .order_by("name")
    )


def repository_as_json(repository: Repository, promises: list[dict[str, Any]]) -> dict[str, Any]:
    broken = any(one["repository_id"] == repository.pk for one in promises)
    return {
        "id": repository.pk,
        "name": repository.name,
        "data": repository.last_data,  # type: ignore[attr-defined]
        "services": Services.BROKEN_PROMISE if broken else repository.last_services or Services.UNTOUCHED,  # type: ignore[attr-defined]
        "last_good_at": repository.last_good_at,
        "next_due_at": None,
        "overdue": False,
    }


def is_fine(entry: dict[str, Any]) -> bool:
    return entry["data"] in GOOD and entry["services"] in (Services.UP, Services.UNTOUCHED) and not entry["overdue"]


def promise_as_json(promise: BrokenPromise) -> dict[str, Any]:
    return {
        "id": promise.pk,
        "job_id": promise.job_id,
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
