import json
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxMiddleware

from borgui.middleware import is_known, toasts


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "LOCALHOST",
        "borgui.localhost",
        "127.0.0.1:8000",
        "127.5.5.5",
        "192.168.1.20",
        "10.0.0.1:80",
        "172.16.0.9",
        "[::1]:8000",
        "[fd12::1]",
        "localhost.",
    ],
)
def test_this_machine_and_private_addresses_are_known(host: str) -> None:
    assert is_known(host)


@pytest.mark.parametrize(
    "host",
    ["", "backup.example.org", "169.254.169.254", "[fe80::1]", "8.8.8.8", "[2a00::1]", "localhost.example.org", "nas"],
)
def test_other_names_and_public_addresses_are_not(host: str) -> None:
    assert not is_known(host)


def test_a_configured_name_is_known_and_a_pattern_covers_its_subdomains(settings: Any) -> None:
    settings.KNOWN_HOSTS = ["nas", ".example.org"]
    assert is_known("nas:8000")
    assert is_known("NAS")
    assert is_known("backup.example.org")
    assert not is_known("example.com")


def test_an_unknown_host_gets_the_exact_line_to_add(settings: Any) -> None:
    settings.KNOWN_HOSTS = ["nas"]
    response = Client().get("/", headers={"Host": "backup.example.org:8000"})
    assert response.status_code == 400
    assert "BORGUI_ALLOWED_HOSTS=nas,backup.example.org<" in response.content.decode()


@pytest.mark.parametrize("host", ["<script>alert(1)</script>", "a b", "../x", "x\u00e9"])
def test_a_host_that_is_no_name_is_refused_without_being_repeated(host: str) -> None:
    response = Client().get("/", headers={"Host": host})
    assert response.status_code == 400
    assert host not in response.content.decode()


# --- messages with a piece of a page ----------------------------------------------------------------------------------
def answer(response: HttpResponse, **headers: str) -> tuple[HttpResponse, HttpRequest]:
    """What becomes of an answer of a view that left the message `Saved.`"""
    request = RequestFactory().post("/", headers=headers)
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]

    def view(request: HttpRequest) -> HttpResponse:
        messages.success(request, "Saved. <b>")
        return response

    HtmxMiddleware(toasts(view))(request)
    return response, request


def test_a_message_goes_with_the_piece_that_was_asked_for() -> None:
    response, request = answer(HttpResponse(), **{"HX-Request": "true"})

    told = {"toasts": {"messages": [{"level": "success", "text": "Saved. <b>"}]}}
    assert json.loads(response["HX-Trigger"]) == told
    assert get_messages(request).used  # type: ignore[attr-defined]


def test_a_message_that_a_whole_page_has_printed_is_not_told_twice() -> None:
    request = RequestFactory().post("/", headers={"HX-Request": "true"})
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]

    def view(request: HttpRequest) -> HttpResponse:
        messages.success(request, "Saved.")
        return HttpResponse("".join(map(str, get_messages(request))))

    assert "HX-Trigger" not in HtmxMiddleware(toasts(view))(request)


@pytest.mark.parametrize(
    ("response", "headers"),
    [
        (HttpResponse(), {}),
        (HttpResponseRedirect("/"), {"HX-Request": "true"}),
        (HttpResponse(headers={"HX-Redirect": "/"}), {"HX-Request": "true"}),
        (HttpResponse(headers={"HX-Refresh": "true"}), {"HX-Request": "true"}),
    ],
)
def test_a_message_waits_for_the_next_whole_page(response: HttpResponse, headers: dict[str, str]) -> None:
    response, request = answer(response, **headers)

    assert "HX-Trigger" not in response
    assert not get_messages(request).used  # type: ignore[attr-defined]
