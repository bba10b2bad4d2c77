"""The way to the OpenID Connect provider of the tests and back, as a browser goes it; and what came of it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.test import Client

from borgui.accounts.models import AuditEntry, User
from tests.oidc_provider import Claims


def there(browser: Client, path: str = "/sign-in/oidc/", **fields: str) -> str:
    """Begin, go to the provider as a browser does, sign in there; the path that it leads back to."""
    answer = browser.post(path, fields)
    assert answer.status_code == 200, answer.content.decode()
    address = answer["Refresh"].removeprefix("0; url=")
    assert f'href="{address.replace("&", "&amp;")}"' in answer.content.decode()
    led = requests.get(address, allow_redirects=False, timeout=10)
    if led.status_code == 200:  # asks to sign in there once more
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        led = requests.post(f"{address.partition('/authorize')[0]}/signed-in", asked, allow_redirects=False, timeout=10)
    back = urlsplit(led.headers["Location"])
    return f"{back.path}?{back.query}"


def come(browser: Client, path: str = "/sign-in/oidc/", **fields: str) -> Any:
    return browser.get(there(browser, path, **fields))


def name_of(browser: Client) -> str:
    """Who is signed in; '' is nobody."""
    answer = browser.get("/account/")
    return answer.context["user"].get_username() if answer.status_code == 200 else ""


def deeds() -> list[tuple[str, str]]:
    return [(entry.action, entry.username) for entry in AuditEntry.objects.order_by("id")]


def with_claims(**changed: Any) -> Any:
    """What changes claims so; None takes one away."""

    def change(claims: Claims) -> Claims:
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    return change


def role(name: str = "anna") -> str:
    return User.objects.get(username=name).role
