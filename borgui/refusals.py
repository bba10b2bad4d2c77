"""What could not be done as things stand, as a page: what, why, and the way on (pages.md, its last line).

The API answers the same refusals in JSON.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import reswap, trigger_client_event

from backups.borg import BorgUnavailable
from backups.queue import TooLate
from backups.target import PassphraseSealed
from borgui.accounts.rights import Missing
from scripts_library.errors import Refused

REFUSALS = (Refused, TooLate, BorgUnavailable, PassphraseSealed)


class Refusals:
    """Middleware: a view lets such an exception pass where no page of its own could say it better."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if isinstance(problem, Missing) and getattr(request, "htmx", False):
            return toast(str(problem), 403)
        if not isinstance(problem, REFUSALS):
            return None
        return toast(str(problem)) if getattr(request, "htmx", False) else page(request, str(problem))


def page(request: HttpRequest, why: str) -> HttpResponse:
    return render(request, "409.html", {"why": why, "back": came_from(request)}, status=409)


def toast(why: str, status: int = 409) -> HttpResponse:
    """To a page that asked for a piece of itself: it stays as it is, and says why."""
    answer = reswap(HttpResponse(status=status), "none")
    return trigger_client_event(answer, "toasts", {"messages": [{"level": "error", "text": why}]})


def came_from(request: HttpRequest) -> str:
    """The page of ours with the button that was pressed; else the overview."""
    page = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if is_ours else "/"
