"""Signing in: the session that begins, when its password was given last, and what was tried in vain.

Throttling is django-axes': after ten wrong passwords from one address nothing from there is looked at for a while.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django_htmx.http import reswap, trigger_client_event

from . import audit, browsers, throttling
from .models import User
from .origin import counted_for

STAMP = "password_given_at"  # in the session: seconds since the epoch
ELSEWHERE = "signed_in_elsewhere"  # in the session: the name of the provider that vouches for this person
PROVIDER = "(provider)"  # and refused answers of an OpenID Connect provider
PASSKEY = "(passkey)"  # and those of passkeys
TOKEN = "(token)"  # the name under which wrong tokens are counted


@dataclass(frozen=True)
class Vouched:
    """Who vouches for a person in the place of a password, and when they last proved there who they are (seconds since the
    epoch; 0 is unknown)."""

    by: str
    at: float


def begin(request: HttpRequest, user: User, vouched: Vouched | None = None, passkey: str = "") -> None:
    """Sign this browser in. The session gets a new key, so that nobody can have prepared it. `passkey`: the name of the
    one that has opened."""
    if request.user.is_authenticated:  # Django keeps the key where the same person comes once more
        browsers.forget(request)
        request.session.flush()
    login(request, user, backend=user.backend if hasattr(user, "backend") else settings.AUTHENTICATION_BACKENDS[-1])
    request.session[STAMP] = vouched.at if vouched else time.time()
    if vouched:
        request.session[ELSEWHERE] = vouched.by
    browsers.note_sign_in(request, user)
    by = {"at": vouched.by if vouched else "", "passkey": passkey}
    audit.record("signed in", user=user, after={name: value for name, value in by.items() if value})


def has_password(user: User) -> bool:
    """Whether a password signs this person in."""
    return settings.PASSWORD_SIGN_IN and user.has_usable_password()


def is_by_passkey_alone() -> bool:
    """Whether a passkey signs in by itself; where people sign in at the provider only, it is a second factor at most."""
    return bool(settings.PASSWORD_SIGN_IN)


def confirmed(request: HttpRequest, passkey: str = "") -> None:
    """The password was given once more, or the passkey of this name."""
    request.session[STAMP] = time.time()
    if passkey:
        audit.record("confirmed by passkey", after={"passkey": passkey})
    else:
        audit.record("password confirmed")


def is_fresh(request: HttpRequest) -> bool:
    """Whether the password was given within BORGUI_FRESH_SIGN_IN minutes; 0 asks never again."""
    limit = settings.FRESH_SIGN_IN * 60
    age = time.time() - request.session.get(STAMP, 0)
    return not limit or -60 <= age <= limit


def failed(request: HttpRequest, username: str) -> None:
    """A wrong password. axes has counted it already."""
    if throttling.was_looked_at(request):
        audit.record("sign-in failed", username=username.strip() or "(nobody)")


def failed_elsewhere(request: HttpRequest, about: Mapping[str, str], *, counts: bool) -> None:
    """An answer of a provider that signed nobody in; `about`: which provider, why, and whom it named. `counts`: as a wrong
    password does."""
    if counts:
        user_login_failed.send(__name__, credentials={"username": PROVIDER}, request=request)
    audit.record("sign-in failed", username=request.user.get_username() or "(nobody)", after=about)


def passkey_failed(request: HttpRequest, why: str, user: User | None = None) -> None:
    """An answer of a passkey that opened nothing: counted like a wrong password. `user`: of whom it was asked."""
    user_login_failed.send(__name__, credentials={"username": PASSKEY}, request=request)
    username = user.get_username() if user else request.user.get_username()
    audit.record("sign-in failed", username=username or "(nobody)", after={"at": "passkey", "why": why})


def is_second_factor_elsewhere(request: HttpRequest) -> bool:
    """Whether the second factor of this session is the provider's matter (BORGUI_OIDC_SECOND_FACTOR)."""
    return settings.OIDC_SECOND_FACTOR == "provider" and ELSEWHERE in request.session


# --- tokens -------------------------------------------------------------------------------------------------------------
def token_failed(request: HttpRequest) -> None:
    """A token that is not known: counted like a wrong password."""
    user_login_failed.send(__name__, credentials={"username": TOKEN}, request=request)
    audit.record("token refused", username=TOKEN)


def token_passed(request: HttpRequest) -> None:
    """A token that is known: wrong ones from this address are counted anew, as wrong passwords are after a right one."""
    wrong = AccessAttempt.objects.filter(username=TOKEN, ip_address=counted_for(request))
    if wrong.exists():  # deleting nothing would wait for whoever writes
        wrong.delete()


def is_locked_out(request: HttpRequest) -> bool:
    """Whether this address has failed too often of late."""
    return not AxesProxyHandler.is_allowed(request, {"username": TOKEN})


# --- who has failed too often -----------------------------------------------------------------------------------------
def wait_for(request: HttpRequest) -> int:
    """Seconds."""
    return round((get_cool_off(request) or timedelta()).total_seconds())


def sentence(request: HttpRequest) -> str:
    minutes = max(round(wait_for(request) / 60), 1)
    return f"Too many wrong passwords or tokens came from your address. Try again in {minutes} minutes."


def locked_out(request: HttpRequest, response: HttpResponse | None = None, credentials: object = None) -> HttpResponse:
    """What axes answers (AXES_LOCKOUT_CALLABLE)."""
    why, until = sentence(request), {"Retry-After": str(wait_for(request))}
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": why, "errors": []}, status=429, headers=until)
    if getattr(request, "htmx", False):
        answer = reswap(HttpResponse(status=429, headers=until), "none")
        return trigger_client_event(answer, "toasts", {"messages": [{"level": "error", "text": why}]})
    page = render(request, "accounts/locked_out.html", {"why": why}, status=429)
    page["Retry-After"] = until["Retry-After"]
    return page
