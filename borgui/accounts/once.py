"""A call that starts something, sent twice by a program that lost the answer, starts it once.

The program sends an `Idempotency-Key` of its own. The key and the answer are written in the same transaction as what was
started, so there is never one without the other; of two such calls at once the second waits for the first, and answers
the same. A call that failed is forgotten and may be sent again. The same key with another call is refused.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from ninja.responses import Status
from pydantic import BaseModel

from .authentication import caller
from .models import StartedCall, digest

KEPT = timedelta(hours=24)
HEADER = "Idempotency-Key"
GOOD_KEY = re.compile(r"[!-~]([ -~]{0,198}[!-~])?")
Endpoint = Callable[..., Status]
BAD_KEY = "It is a text of 1 to 200 printable ASCII characters."
OTHER_CALL = "It was used for another call within the last 24 hours: use a new one for every thing you start."


class KeyRefused(Exception):
    """The Idempotency-Key cannot be used; the message says why."""


def once(endpoint: Endpoint) -> Endpoint:
    """For an endpoint that answers `Status`, and whose work is rows (with pokes on commit), nothing outside."""

    @wraps(endpoint)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Status:
        if HEADER not in request.headers:
            return endpoint(request, *args, **kwargs)
        key, call = digest(checked_key(request.headers[HEADER])), fingerprint(request)
        with transaction.atomic():
            forget_old(timezone.now())
            row, is_first = StartedCall.objects.get_or_create(user=caller(request), key=key, defaults={"call": call})
            if not is_first:
                return earlier(row, call)
            found = endpoint(request, *args, **kwargs)
            StartedCall.objects.filter(pk=row.pk).update(status=found.status_code, answer=plain(found.value))
            return found

    answer.is_once = True  # type: ignore[attr-defined]  # `is_once` asks for it
    return answer


def is_once(endpoint: Any) -> bool:
    """Whether the document should tell of the header."""
    return bool(getattr(endpoint, "is_once", False))


def checked_key(key: str) -> str:
    """Raises KeyRefused."""
    if not GOOD_KEY.fullmatch(key):
        raise KeyRefused(BAD_KEY)
    return key


def fingerprint(request: HttpRequest) -> str:
    """Which call it is: another path, query or body is another one."""
    said = f"{request.method} {request.get_full_path()}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(said + request.body).hexdigest()


def earlier(row: StartedCall, call: str) -> Status:
    """What the first call with this key was answered. Raises KeyRefused."""
    if row.call != call:
        raise KeyRefused(OTHER_CALL)
    return Status(row.status, row.answer)


def plain(value: Any) -> Any:
    """An answer as JSON keeps it."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def forget_old(now: datetime) -> None:
    StartedCall.objects.filter(created_at__lt=now - KEPT).delete()
