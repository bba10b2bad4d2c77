"""Small middleware of our own."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.contrib.messages import get_messages
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django_htmx.http import trigger_client_event

View = Callable[[HttpRequest], HttpResponseBase]


def known_host(get_response: View) -> View:
    """Only names by which this installation is meant to be called; another one gets the exact line to add.

    Without this a foreign page could reach a service in the home network by a name of its own (DNS rebinding).
    """

    def checked(request: HttpRequest) -> HttpResponseBase:
        try:
            host = request.get_host()
        except DisallowedHost:
            host = ""
        return get_response(request) if is_known(host) else unknown_host(request, split_domain_port(host)[0])

    return checked


def is_known(host: str) -> bool:
    """`host` as in the request, with or without its port."""
    name, _ = split_domain_port(host)
    name = name.rstrip(".")
    return bool(name) and (is_at_home(name) or validate_host(name, settings.KNOWN_HOSTS))


def is_at_home(name: str) -> bool:
    """This machine, or an address of a private network. Such an address cannot be made to mean another machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return address.is_private and not address.is_link_local


def unknown_host(request: HttpRequest, name: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        why = f"This installation is not called {name!r}: add the name to BORGUI_ALLOWED_HOSTS."
        return JsonResponse({"detail": why, "errors": []}, status=400)
    page = render_to_string("unknown_host.html", {"name": name, "known": settings.KNOWN_HOSTS})
    return HttpResponse(page, status=400)


def toasts(get_response: View) -> View:
    """Messages go with a piece of a page as the event `toasts`; a full page prints them itself.

    An answer that sends the browser elsewhere leaves them for the page it will see.
    """

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if is_piece(request, response):
            waiting = get_messages(request)
            is_printed = getattr(waiting, "used", False)  # by a whole page of which htmx takes parts
            found = [] if is_printed else [{"level": one.level_tag, "text": str(one)} for one in waiting]
            if found:
                trigger_client_event(response, "toasts", {"messages": found})
        return response

    return respond


def is_piece(request: HttpRequest, response: HttpResponseBase) -> bool:
    """The answer is put into the page that the person already sees."""
    leads_elsewhere = any(response.has_header(name) for name in ("HX-Redirect", "HX-Refresh", "HX-Location"))
    return bool(getattr(request, "htmx", False)) and response.status_code < 300 and not leads_elsewhere
