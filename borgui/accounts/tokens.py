"""What people do with tokens: make one, see which there are, take one back."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from . import audit
from .models import ApiToken, Scope, User

LONGEST_NAME = 100  # characters
LONGEST = timedelta(days=3653)


class Refused(ValueError):
    """What was asked for makes no token; the message says why."""


def make(user: User, name: str, scope: str, expires_at: datetime | None, now: datetime) -> tuple[ApiToken, str]:
    """A new token: the row, and the text that is shown once. Raises Refused."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(f"A token needs a name of 1 to {LONGEST_NAME} printable characters.")
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise Refused("It has to expire in the future, and within ten years.")
    with transaction.atomic():
        row, secret = ApiToken.make(user, name, Scope(scope), expires_at)
        audit.record("token made", row, after={"user": user, "scope": scope, "expires_at": expires_at})
    return row, secret


def visible_to(user: User) -> "QuerySet[ApiToken]":
    """Their own; to an administrator all."""
    rows = ApiToken.objects.select_related("user").order_by("user__username", "name", "id")
    return rows if user.is_superuser else rows.filter(user=user)


def revoke(token: ApiToken) -> None:
    """It opens nothing from now on."""
    with transaction.atomic():
        audit.record("token revoked", token, before={"user": token.user, "scope": token.scope})
        token.delete()


def as_json(token: ApiToken, now: datetime) -> dict[str, Any]:
    """Without anything that opens a door."""
    return {
        "id": token.pk,
        "name": token.name,
        "user": token.user.get_username(),
        "scope": token.scope,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "expired": token.is_expired(now),
        "last_used_at": token.last_used_at,
    }
