"""Every way in which somebody may write, hide or forward an address of the machine itself: no message goes there."""

import socket
from typing import Any

import pytest

from backups.notifications import apprise_call, door, pings
from backups.notifications.wording import Message

from .receivers import WebHook

MESSAGE = Message("borgui: a test", "nothing", "idle")
NOWHERE = "It leads to an address that no message is sent to."
FORMS = [
    "169.254.169.254",
    "2852039166",  # one number
    "0xA9FEA9FE",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",  # octal
    "169.16689662",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::a9fe:a9fe]",
    "[::169.254.169.254]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "0",
]


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """`harmless.example.org` stands for the address of the credentials."""
    with door.guarded():
        guard: Any = socket.getaddrinfo
    whole = guard.original

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        return whole("169.254.169.254" if host == "harmless.example.org" else host, *args, **kwargs)

    monkeypatch.setattr(guard, "original", look_up)


@pytest.mark.parametrize("host", FORMS)
def test_no_spelling_of_a_forbidden_address_is_sent_to(host: str) -> None:
    is_seen = bool(pings.problem(f"http://{host}/x"))
    sent = pings.post(f"http://{host}:9/x", "x")

    assert is_seen or sent.error == NOWHERE


def test_teredo_hides_nothing() -> None:
    assert door.is_forbidden("2001:0:4136:e378:8000:63bf:5601:5601")


@pytest.mark.usefixtures("inside")
def test_a_name_that_resolves_inside_is_refused_for_messages_and_pings() -> None:
    assert pings.problem("http://harmless.example.org/") == ""
    assert pings.post("http://harmless.example.org:9/", "x").error == NOWHERE
    assert apprise_call.send("json://harmless.example.org:9/", MESSAGE).error == NOWHERE
    assert apprise_call.send("mailto://u:p@harmless.example.org:9/?to=a@example.org", MESSAGE).error == NOWHERE


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_no_way_around(
    variable: str, hook: WebHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy would look the name up by itself. `.invalid` is a name for nobody, so what arrived came by the proxy."""
    monkeypatch.setenv(variable, hook.web)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert pings.post("http://169.254.169.254/latest/", "x").error == NOWHERE
    assert not pings.post("http://somewhere.invalid/", "x").ok
    assert not apprise_call.send("json://somewhere.invalid/", MESSAGE).ok
    assert hook.tried == 0


def test_outside_the_door_requests_are_as_they_were(hook: WebHook, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    with door.guarded():
        pass
    monkeypatch.setenv("http_proxy", hook.web)
    requests.post("http://somewhere.invalid/", data=b"{}", timeout=10)

    assert hook.tried == 1


def test_what_was_entered_before_is_refused_as_well() -> None:
    """An address that was let in by an older version, or by a hand in the database."""
    assert apprise_call.send("json://169.254.169.254/", MESSAGE).error == NOWHERE
