"""Who sees a page: people who are signed in and have the right it asks for (`rights`).

While nobody has an account, every page says how to make the first one.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from . import rights, second_factor_first, setup, signing_in
from .authentication import caller
from .signing_in_again import ask_and_go_on, confirm_and_go_on

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """The view is for people with an account."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return permitted(request, *args, **kwargs)
        if not setup.has_owner():
            return no_owner(request)
        if getattr(request, "htmx", False):
            return signed_out(request)
        if request.method == "POST":
            return ask_and_go_on(request, lambda: permitted(request, *args, **kwargs))
        return redirect_to_login(request.get_full_path())

    def permitted(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = caller(request)
        if (instead := second_factor_first.instead(request, user)) is not None:
            return instead
        rights.refuse_page(request, user)
        if rights.needs_fresh_sign_in(request) and not signing_in.is_fresh(request):
            return confirm_and_go_on(request, user, lambda: view(request, *args, **kwargs))
        return view(request, *args, **kwargs)

    return guarded


def signed_out(request: HttpRequest) -> HttpResponse:
    """To a page that asked for a piece of itself: the form to sign in must not end up inside it, nor what was typed
    be lost by leading away. The page says what to do (static/src/toasts.js)."""
    return HttpResponse(status=401)


def no_owner(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/no_owner.html")
