"""A form that needs a (fresh) sign-in waits behind the question for the password, and then arrives.

Without script, and without leading away: what was sent goes along in hidden fields, and an address that only takes POST
is no dead end. Files are not carried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django_htmx.http import reswap, trigger_client_event

from . import half_way, oidc, passkeys, signing_in
from .forms import CodeForm
from .models import User
from .oidc import identities

PREFIX = "sign-in"  # before the fields of ours, which go back to the same address with those of the form
ASKS_CODE = "Your password is right. Now the code of your second factor."
CONFIRM_FIRST = (
    "This needs your password once more, and was not done. Confirm it on the page of your account, in another tab; what "
    "you typed here stays."
)
NOT_YET = "You were signed out, so this has not been done yet."
ASKS_AGAIN = "This lets commands run on this machine, or shows or changes who may: so it asks again."


class PasswordForm(forms.Form):
    """The password of the person who is signed in, once more."""

    password = forms.CharField(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))

    def __init__(self, request: HttpRequest, user: User, data: Any = None, prefix: str | None = PREFIX) -> None:
        self.request, self.user = request, user
        super().__init__(data, prefix=prefix)
        self.fields["password"].widget.attrs["autofocus"] = prefix is not None  # where nothing else is asked
        self.fields["password"].label = f"Password of {user.get_username()}"

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if authenticate(self.request, username=self.user.get_username(), password=password) is None:
            raise forms.ValidationError("This is not your password.")
        return password


def ask_and_go_on(request: HttpRequest, go_on: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The session has ended: `go_on()` as soon as name and password, and the code where there is a second factor, are
    right; until then the page that asks."""
    waiting = half_way.waits_for(request)
    if said := passkey_answer(request):
        if not (problem := refusal(lambda: half_way.come_in_by_passkey(request, said))):
            return go_on()
        if waiting is not None:
            return ask_code(request, waiting, problem)
        return ask(request, AuthenticationForm(request, prefix=PREFIX), NOT_YET, None, problem)
    if waiting is not None and f"{PREFIX}-code" in request.POST:
        code = CodeForm(request, waiting, request.POST, prefix=PREFIX)
        if code.is_valid():
            half_way.go_in(request, waiting)
            return go_on()
        return page(request, code, ASKS_CODE, 422, by_code(request, waiting))
    form = AuthenticationForm(request, request.POST if has_answered(request) else None, prefix=PREFIX)
    if not form.is_valid():
        return ask(request, form, NOT_YET)
    return go_on() if half_way.come_in(request, form.get_user()) else ask_code(request, form.get_user())


def confirm_and_go_on(request: HttpRequest, user: User, go_on: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The sign-in is too long ago for what is asked: `go_on()` as soon as the password was given once more."""
    if getattr(request, "htmx", False):
        answer = reswap(HttpResponse(status=403), "none")
        return trigger_client_event(answer, "toasts", {"messages": [{"level": "error", "text": CONFIRM_FIRST}]})
    if said := passkey_answer(request):
        if not (problem := refusal(lambda: half_way.confirm_by_passkey(request, user, said))):
            return go_on()
        return ask(request, PasswordForm(request, user), ASKS_AGAIN, user, problem)
    form = PasswordForm(request, user, request.POST if has_answered(request) else None)
    if form.is_valid():
        signing_in.confirmed(request)
        return go_on()
    return ask(request, form, ASKS_AGAIN, user)


def has_answered(request: HttpRequest) -> bool:
    return f"{PREFIX}-password" in request.POST


def passkey_answer(request: HttpRequest) -> str:
    return request.POST.get(f"{PREFIX}-passkey", "")


def refusal(use: Callable[[], None]) -> str:
    """Why a passkey did not open; '' where it did."""
    try:
        use()
    except passkeys.NotAccepted as problem:
        return str(problem)
    return ""


def ask(request: HttpRequest, form: forms.Form, why: str, user: User | None = None, problem: str = "") -> HttpResponse:
    """`user`: who is signed in; `problem`: what is wrong with the answer of a passkey."""
    if has_answered(request) and not problem:
        signing_in.failed(request, request.POST.get(f"{PREFIX}-username", "") or request.user.get_username())
    status = 422 if has_answered(request) or problem else 401
    return page(request, form, why, status, ways(request, user), problem)


@dataclass(frozen=True)
class Ways:
    """How somebody can show who they are. `at`: the provider, '' where it cannot help; `confirms`: as who is signed in."""

    password: bool
    at: str
    passkey: bool
    confirms: bool

    @property
    def others(self) -> bool:
        """Whether there is one besides the passkey."""
        return self.password or bool(self.at)


def ways(request: HttpRequest, user: User | None) -> Ways:
    passkey = passkeys.here(request, user).exists()
    if user is None:
        alone = passkey and signing_in.is_by_passkey_alone()
        return Ways(settings.PASSWORD_SIGN_IN, oidc.label(), alone, False)
    at = oidc.label() if oidc.is_on() and identities.of(user) else ""
    return Ways(signing_in.has_password(user) or not (at or passkey), at, passkey, True)


def ask_code(request: HttpRequest, user: User, problem: str = "") -> HttpResponse:
    form = CodeForm(request, user, prefix=PREFIX)
    return page(request, form, ASKS_CODE, 422 if problem else 401, by_code(request, user), problem)


def by_code(request: HttpRequest, user: User) -> Ways:
    """The second question: a code, or a passkey instead."""
    return Ways(True, "", passkeys.here(request, user).exists(), False)


def page(request: HttpRequest, form: forms.Form, why: str, status: int, by: Ways, problem: str = "") -> HttpResponse:
    context = {"form": form, "sent": sent_fields(request), "why": why, "ways": by, "passkey_problem": problem}
    answer = render(request, "accounts/sign_in_again.html", context, status=status)
    add_never_cache_headers(answer)
    return answer


def sent_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Name and value of what was sent, in its order; without what belongs to signing in."""
    ours = ("csrfmiddlewaretoken", *(f"{PREFIX}-{name}" for name in ("username", "password", "code", "passkey")))
    return [(name, value) for name, values in request.POST.lists() if name not in ours for value in values]
