"""Passkeys with a real browser, whose device is the one that Chromium has for tests: it makes keys and signs with them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from borgui.accounts.models import Passkey, User
from borgui.accounts.signing_in import STAMP

from .conftest import PHONE

DEVICE = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def device(page: Page) -> Callable[..., None]:
    """Put into the page's browser. device(False): its owner does not confirm."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

    def confirms(whether: bool) -> None:
        session.send("WebAuthn.setUserVerified", {"authenticatorId": made, "isUserVerified": whether})

    return confirms


def test_one_is_stored_signs_in_confirms_and_is_removed(
    page: Page, signed_in: User, device: Callable[..., None], axe: Any, look: Any, settings: Any
) -> None:
    page.goto("/account/")
    page.get_by_role("link", name="Add a passkey").click()
    button = page.get_by_role("button", name="Add a passkey")
    button.click()
    assert page.evaluate("document.activeElement.name") == "name", "a name is asked for first"
    page.get_by_role("textbox", name="Name").fill("This laptop")
    page.get_by_role("textbox", name="Name").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your passkey is stored")
    axe(page)
    page.get_by_role("link", name="I have stored them").click()
    page.goto("/account/passkeys/")
    expect(page.get_by_role("table")).to_contain_text("This laptop")
    axe(page)
    look(page, "passkeys")
    page.get_by_role("textbox", name="Name").fill("The same once more")
    button.click()
    expect(page.get_by_role("alert")).to_have_text("This device has a passkey for this account already.")

    page.context.clear_cookies()
    page.goto("/sign-in/?next=/account/")
    axe(page)
    look(page, "sign-in-passkey")
    device(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was confirmed")
    device(True)
    page.locator("form.other-way").evaluate(
        """form => form.addEventListener("submit", (event) => {
          event.preventDefault(); form.dataset.sent = event.target.elements.passkey.value.slice(0, 1);
        }, { once: true })"""
    )
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("form.other-way")).to_have_attribute("data-sent", "{")
    expect(page.locator("form.other-way [name=passkey]")).to_have_value("")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account")

    settings.FRESH_SIGN_IN = 15
    forget_when(page, settings)
    page.reload()
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.locator("#messages")).to_have_text("Confirmed. Go on where you were.")
    look(page, "account-passkey")
    axe(page)

    page.get_by_role("link", name="1 passkey", exact=True).click()
    page.get_by_role("link", name="Rename or remove This laptop").click()
    page.get_by_role("textbox", name="Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Rename or remove Old laptop").click()
    look(page, "passkey")
    page.get_by_role("button", name="Remove this passkey").click()
    expect(page.locator("#messages")).to_contain_text("'Old laptop' opens nothing here any more")
    assert not Passkey.objects.exists()


def test_after_the_password_and_in_the_middle_of_a_form(
    page: Page, signed_in: User, device: Callable[..., None], axe: Any, look: Any, settings: Any, watch: Any
) -> None:
    watch.expected.add(401)  # the form that waits
    page.goto("/account/passkeys/")
    page.get_by_role("textbox", name="Name").fill("This laptop")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your passkey is stored")

    page.context.clear_cookies()
    page.goto("/sign-in/?next=/settings/tokens/new/")
    page.get_by_label("Username").fill(signed_in.get_username())
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("Now a passkey, or a recovery code.")).to_be_visible()
    axe(page)
    look(page, "sign-in-second-passkey")
    page.get_by_role("button", name="Use a passkey").click()

    page.get_by_role("textbox", name="Name").fill("a backup at night")
    settings.FRESH_SIGN_IN = 15
    forget_when(page, settings)
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in again")
    axe(page)
    look(page, "sign-in-again-passkey")
    page.get_by_role("button", name="Confirm with a passkey").click()
    expect(page.get_by_text("a backup at night").first).to_be_visible()


def test_where_the_browser_has_none_the_page_says_so(
    open_page: Callable[..., Page], signed_in: User, look: Any
) -> None:
    page = open_page(signed_in, viewport=PHONE)
    page.add_init_script("delete window.PublicKeyCredential")
    page.goto("/account/passkeys/")
    expect(page.get_by_text("This browser has no passkeys to offer")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_be_hidden()
    expect(page.get_by_role("textbox", name="Name")).to_be_hidden()


def forget_when(page: Page, settings: Any) -> None:
    """The sign-in of this browser becomes an hour old."""
    name = settings.SESSION_COOKIE_NAME
    key = next(one["value"] for one in page.context.cookies() if one["name"] == name)
    session = SessionStore(key)
    session[STAMP] -= timedelta(hours=1).total_seconds()
    session.save()
    assert Session.objects.filter(pk=key).exists()
