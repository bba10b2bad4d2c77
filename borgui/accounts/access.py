"""Who sees a page: people who are signed in; while nobody has an account, every page says how to make the first one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from . import setup

View = Callable[..., HttpResponseBase]


def signed_in(view: View) -> View:
    """The view is for people with an account."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_login(request.get_full_path()) if setup.has_owner() else no_owner(request)

    return guarded


def no_owner(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/no_owner.html")
