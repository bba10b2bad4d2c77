"""An authenticator app, as the tests have it: from the secret that a page shows to the code of a moment."""

import html
import re
import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from borgui.accounts import second_factor
from borgui.accounts.models import User


def code(secret: str, ahead: int = 0) -> str:
    """`ahead`: periods of 30 s from now."""
    return str(format_hotp_value(hotp_value(secret.replace(" ", ""), int(time.time()) // 30 + ahead)))


def secret_on(page: str) -> str:
    found = re.search(r'aria-label="Secret for the app">([A-Z2-7 ]+)<', page)
    assert found, page
    return html.unescape(found[1])


def codes_on(page: str) -> list[str]:
    return re.findall(r"^(?:<pre[^>]*>)?(\d{5} \d{5})$", page.replace('Recovery codes">', 'Recovery codes">\n'), re.M)


def give_factor(user: User) -> tuple[str, list[str]]:
    """The secret, and the recovery codes. The code of this moment is used by it."""
    secret = second_factor.fresh_secret()
    return secret, second_factor.switch_on(user, secret, code(secret, -1))


def sign_in_with(client: Client, name: str, password: str, code: str) -> int:
    client.post("/sign-in/", {"username": name, "password": password})
    return client.post("/sign-in/code/", {"code": code}).status_code
