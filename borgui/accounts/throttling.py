"""How django-axes counts wrong passwords and tokens: by address, and without what else was sent.

A sign-in that interrupts another form carries that form's fields, passphrases and script text among them; axes would
keep them in its table.
"""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.http import HttpRequest, QueryDict

from . import audit
from .origin import counted_for


class CountOnly(AxesDatabaseHandler):
    """AXES_HANDLER."""

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Who signs in has the wrong passwords for their own name forgotten: else somebody with an account could try
        those of others without end, signing in now and then."""
        own = AccessAttempt.objects.filter(
            ip_address=counted_for(request), username=get_client_username(request, credentials)
        )
        gone, _ = own.delete()
        return gone

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if request is None:
            return
        was_refused = is_refused(request)
        sent = request.GET, request.POST
        request.GET, request.POST = QueryDict(), QueryDict()
        try:
            super().user_login_failed(sender, credentials, request, **kwargs)
        finally:
            request.GET, request.POST = sent
        if was_refused:
            request.not_looked_at = True  # type: ignore[attr-defined]  # `was_looked_at` asks
        elif is_refused(request):
            audit.record("address locked out")


def is_refused(request: HttpRequest) -> bool:
    return bool(getattr(request, "axes_locked_out", False))


def was_looked_at(request: HttpRequest) -> bool:
    """Whether the password of this request was tried at all; what was not is no entry of its own in the audit log, which
    somebody could fill with it."""
    return not getattr(request, "not_looked_at", False)
