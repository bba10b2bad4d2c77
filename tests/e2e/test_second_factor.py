"""The second factor on a phone, from the page of one's account to the next sign-in."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from borgui.accounts.models import User
from tests.borgui.accounts.phone import code


def test_it_is_set_up_on_a_phone_and_asked_for_at_the_next_sign_in(
    phone: Page, signed_in: User, axe: Callable[[Page], None], look: Callable[[Page, str], None]
) -> None:
    phone.goto("/account/")
    phone.get_by_role("link", name="Set up a second factor").click()
    expect(phone.get_by_role("img", name="QR code")).to_be_visible()
    look(phone, "second-factor-new")
    secret = phone.get_by_label("Secret for the app").inner_text()
    phone.get_by_role("textbox", name="Code").fill(code(secret))
    phone.get_by_role("button", name="Switch on").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("The second factor is on")
    axe(phone)
    look(phone, "recovery-codes")
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Save as a file").click()
    saved = Path(download.value.path()).read_text()
    assert phone.get_by_label("Recovery codes").inner_text().split("\n")[0] in saved

    phone.context.clear_cookies()
    phone.goto("/sign-in/?next=/account/second-factor/")
    phone.get_by_label("Username").fill(signed_in.get_username())
    phone.get_by_label("Password").fill("long enough")
    phone.get_by_role("button", name="Sign in").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your second factor")
    expect(phone.get_by_role("textbox", name="Code")).to_be_focused()
    axe(phone)
    look(phone, "sign-in-code")
    phone.get_by_role("textbox", name="Code").fill("000 000 000")
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("This code is not right")).to_be_visible()
    phone.get_by_role("textbox", name="Code").fill(code(secret, 1))
    phone.keyboard.press("Enter")
    expect(phone.get_by_text("10 unused recovery codes")).to_be_visible()
    look(phone, "second-factor")
    axe(phone)
    phone.goto("/account/")
    expect(phone.get_by_text("This browser")).to_be_visible()
    look(phone, "account-sessions")
    axe(phone)
