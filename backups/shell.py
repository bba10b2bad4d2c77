"""What every page of a signed-in person shows around its content: a context processor (ui.md, rule 1)."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from borgui.accounts import rights
from borgui.accounts.roles import Right

from . import scheduling
from .host import hostname
from .models import BackupJob, BrokenPromise, Channel, Repository


def surroundings(request: HttpRequest) -> dict[str, Any]:
    """Broken promises for the bar on top, running jobs for the chip, the machine's name; nothing for strangers."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith("/admin/"):
        return {}
    return {
        "may": {right.value: right in user.rights for right in Right},
        "lacks": rights.lacking(user),
        "open_promises": list(
            BrokenPromise.objects.open().select_related("repository", "window_run").order_by("-id")[:5]
        ),
        "running_jobs": list(BackupJob.objects.running().select_related("repository").order_by("id")[:5]),
        "pause": scheduling.paused(timezone.now()),
        "nobody_told": nobody_is_told(request),
        "machine": hostname(),
        "version": settings.VERSION,
    }


def nobody_is_told(request: HttpRequest) -> bool:
    """On every page but those that say it themselves, once there is something that can fail."""
    if request.path == "/" or request.path.startswith("/settings/notifications/"):
        return False
    return Repository.objects.kept().exists() and not Channel.objects.filter(enabled=True).exists()
