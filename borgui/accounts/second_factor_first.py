"""Who must have a second factor and has none does nothing but set it up: the same on pages, in pieces and in the API.

Programs with a token go on. A middleware, and one question more where a sign-in carries a form on (`access`).
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from . import second_factor, signing_in
from .models import User

# What is needed to set it up, and what is for everybody.
LEFT_OPEN = (
    "second-factor", "second-factor-codes-file", "passkeys", "passkey-offer", "sign-out", "theme", "health",
    "setup-without-link", "oidc-sign-in", "oidc-back", "oidc-confirm", "oidc-done",
)  # fmt: skip


class SecondFactorFirst:
    """Middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        if is_program(request) or not isinstance(request.user, User):
            return None
        return instead(request, request.user)


def is_program(request: HttpRequest) -> bool:
    """A token decides by itself who calls; its account's browser has no say."""
    return request.path.startswith("/api/") and request.headers.get("Authorization", "")[:7].lower() == "bearer "


def instead(request: HttpRequest, user: User) -> HttpResponseBase | None:
    """What this person gets instead of what was asked for; None where nothing is missing."""
    match = request.resolver_match
    if (match is not None and match.url_name in LEFT_OPEN) or not is_missing(request, user):
        return None
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": second_factor.FIRST_MUST, "errors": []}, status=403)
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(reverse("second-factor"))
    if request.method in ("GET", "HEAD"):
        return redirect("second-factor")
    return not_done(request)


def is_missing(request: HttpRequest, user: User) -> bool:
    """Not where the provider sees to it."""
    return second_factor.is_missing(user) and not signing_in.is_second_factor_elsewhere(request)


def not_done(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/second_factor_first.html", {"why": second_factor.FIRST_MUST}, status=403)
