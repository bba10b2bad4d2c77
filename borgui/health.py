"""Is this installation well? What `/health/` answers, for a container's health check or an outside monitor."""

import os
import shutil
import time
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from backups.host import host_id
from backups.models import Worker
from borgui.identity import start_time

STARTING = 60.0  # seconds in which a worker that was started together with this process may still be on its way


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    failing = failing_parts(timezone.now(), starting=age_of_this_process() < STARTING)
    if failing:
        return JsonResponse({"status": "error", "failing": failing}, status=503)
    return JsonResponse({"status": "ok"})


def failing_parts(now: datetime, *, starting: bool = False) -> list[str]:
    """Of `database`, `worker` and `disk` those that need somebody. `starting`: a silent worker is given time."""
    failing = []
    try:
        if not starting and not worker_reports(now):
            failing.append("worker")
        else:
            Worker.objects.exists()
    except DatabaseError:
        failing.append("database")
    if not has_room():
        failing.append("disk")
    return failing


def worker_reports(now: datetime) -> bool:
    """Whether the worker of this host has reported in the last three minutes. Raises DatabaseError."""
    worker = Worker.objects.filter(host_id=host_id()).first()
    return worker is not None and not worker.is_silent(now)


def has_room() -> bool:
    """Whether a job could begin: it does not with less than BORGUI_MIN_FREE (behaviour.md, section 6)."""
    try:
        return shutil.disk_usage(settings.DATA_DIR).free >= settings.MIN_FREE
    except OSError:
        return False


def age_of_this_process() -> float:
    """Seconds since this process was started."""
    ticks = start_time(os.getpid()) or 0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
