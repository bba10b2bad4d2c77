"""Signing in at a provider in a real browser, under the strict policy: there and back, and a confirmation in a second tab."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from borgui.accounts import people
from borgui.accounts.models import User
from tests.e2e.conftest import Watch
from tests.oidc_provider import running, use


def test_there_and_back_and_a_form_that_waits_for_a_confirmation_in_another_tab(
    open_page: Callable[..., Page],
    signed_in: User,
    settings: Any,
    watch: Watch,
    axe: Callable[[Page], None],
    look: Callable[[Page, str], None],
) -> None:
    with running() as provider:
        world = use(provider, settings)
        world.person = {"sub": "u-1", "preferred_username": "berta"}
        world.signed_in_at = time.time() - 3600
        settings.FRESH_SIGN_IN = 15
        watch.others.append(provider.issuer)
        watch.expected |= {401, 403}
        page = open_page()
        page.goto("/sign-in/?next=/account/")
        axe(page)
        look(page, "single-sign-on")
        page.get_by_role("button", name="Sign in with Home").click()
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        expect(page.get_by_text("Connected with berta")).to_be_visible()
        axe(page)
        look(page, "single-sign-on-account")

        people.set_role(User.objects.get(username="berta"), "administrator")
        page.goto("/settings/people/new/")
        page.get_by_label("Name").fill("carl")
        page.get_by_label("Viewer").check()
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
        axe(page)
        look(page, "single-sign-on-again")
        with page.expect_popup() as opened:
            page.get_by_role("button", name="Confirm at Home").click()
        tab = opened.value
        tab.get_by_role("button", name="It is me").click()
        expect(tab.get_by_role("heading", name="It is you")).to_be_visible()
        axe(tab)
        tab.close()
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="carl has an account.")).to_be_visible()

        world.person = {"sub": "u-2", "preferred_username": "anna"}
        page.context.clear_cookies()
        page.goto("/sign-in/")
        page.get_by_role("button", name="Sign in with Home").click()
        expect(page.get_by_text("Somebody here is called anna already")).to_be_visible()
        axe(page)
        look(page, "single-sign-on-refused")
