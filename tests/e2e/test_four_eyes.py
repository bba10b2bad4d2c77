"""Four eyes in the browser: one author saves, it waits, another reads what changed and approves it on a phone."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from backups import four_eyes
from borgui.accounts.models import User
from tests.scripts_library.authors import author

from .conftest import PHONE


def test_what_one_author_writes_another_approves(
    page: Page,
    signed_in: User,
    open_page: Callable[..., Page],
    make_repository: Callable[..., Any],
    attach: Callable[..., Any],
    settings: Any,
    axe: Callable[[Page], None],
    look: Callable[[Page, str], None],
) -> None:
    entry = attach(make_repository("photos"), "pre-backup", "Stop <b>Nextcloud</b>", "docker stop nextcloud")
    ben = author("ben")
    settings.FOUR_EYES = True
    four_eyes.settle()

    page.goto(f"/scripts/{entry.script_id}/")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("docker stop redis")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("It waits for the approval of another author.")
    expect(page.get_by_text("The newest version waits for approval.")).to_be_visible()
    look(page, "four-eyes-script")
    axe(page)
    page.get_by_role("link", name="Show what waits").click()
    expect(page.get_by_text("ben can.")).to_be_visible()
    look(page, "four-eyes-writer")
    page.goto("/scripts/")
    look(page, "four-eyes-scripts")
    axe(page)
    page.goto("/")
    look(page, "four-eyes-overview")
    axe(page)

    phone = open_page(ben, viewport=PHONE, has_touch=True)
    phone.goto("/")
    phone.get_by_role("link", name="Look at what waits for approval in Stop <b>Nextcloud</b>").click()
    expect(phone.get_by_role("region", name="From the approved version to the one that waits")).to_contain_text("redis")
    look(phone, "four-eyes-approval")
    axe(phone)
    phone.get_by_role("button", name="Turn it down").click()
    expect(phone.get_by_role("alert")).to_contain_text("say why")
    phone.get_by_role("button", name="Approve this version").click()
    expect(phone.locator("#messages")).to_contain_text("runs from now on")
    phone.get_by_role("link", name="What changed between them").click()
    expect(phone.get_by_text("approved by ben")).to_be_visible()
    look(phone, "four-eyes-versions")
