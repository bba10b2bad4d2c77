"""A form that was sent after its session had ended waits behind the question for the password, and then arrives."""

from collections.abc import Callable

from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

PREFIX = "sign-in"  # before the fields of ours, which go back to the same address with those of the form


def ask_and_go_on(request: HttpRequest, go_on: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """`go_on()` as soon as name and password are right; until then the page that asks, which carries what was sent.

    Without script, and without leading away: an address that only takes POST is no dead end. Files are not carried.
    """
    has_answered = f"{PREFIX}-password" in request.POST
    form = AuthenticationForm(request, request.POST if has_answered else None, prefix=PREFIX)
    if form.is_valid():
        login(request, form.get_user())
        return go_on()
    context = {"form": form, "sent": sent_fields(request)}
    answer = render(request, "accounts/sign_in_again.html", context, status=422 if has_answered else 401)
    add_never_cache_headers(answer)
    return answer


def sent_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Name and value of what was sent, in its order; without what belongs to signing in."""
    ours = ("csrfmiddlewaretoken", f"{PREFIX}-username", f"{PREFIX}-password")
    return [(name, value) for name, values in request.POST.lists() if name not in ours for value in values]
