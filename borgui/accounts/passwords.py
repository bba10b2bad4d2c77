"""Whether passwords sign in here at all (BORGUI_PASSWORD_SIGN_IN); else a provider alone does."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

NOT_HERE = "Passwords do not sign in here."


class OnlyWhereTheyCount:
    """Before the backend that checks passwords: where they do not count, none is looked at, by whatever door it comes.

    It knows no people, so no session is its own."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        if not settings.PASSWORD_SIGN_IN:
            raise PermissionDenied(NOT_HERE)
