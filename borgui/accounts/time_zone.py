"""The zone in which times are said: BORGUI_TIME_ZONE, else what was answered at set-up, else the machine's."""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from .models import Installation

KEPT = 30.0  # seconds that an answer of the database is used
_known: tuple[float, str] = (float("-inf"), "")


def activate() -> None:
    """For this thread. A database that cannot be read leaves the machine's zone."""
    timezone.activate(ZoneInfo(name()))


def name() -> str:
    """The zone of this installation."""
    return ("" if settings.TIME_ZONE_IS_SET else answered()) or settings.TIME_ZONE


def answered() -> str:
    """What set-up was told, '' where nobody was asked."""
    global _known
    if time.monotonic() - _known[0] >= KEPT:
        try:
            found = Installation.objects.filter(pk=1).values_list("time_zone", flat=True).first() or ""
        except DatabaseError:
            found = ""
        _known = (time.monotonic(), found)
    return _known[1]


def of_this_installation(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware."""

    def respond(request: HttpRequest) -> HttpResponse:
        activate()
        try:
            return get_response(request)
        finally:
            timezone.deactivate()

    return respond
