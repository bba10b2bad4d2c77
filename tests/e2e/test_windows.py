"""Maintenance windows in a browser: one made from nothing, opened for real, by keyboard, without script, on a phone."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backups.models import MaintenanceWindow, Repository, WindowRun
from scripts_library import assignments, owners
from scripts_library.models import Script, WindowScript
from tests.backups import window_scenes

STOPS = """# /// borgui
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# interrupts = "Nextcloud"
# ///
test "$WINDOW_NAME" = Night"""
NAMES = ("nextcloud", "photos", "mail")


@pytest.fixture
def three(make_repository: Callable[..., Repository]) -> list[Repository]:
    return [make_repository(name) for name in NAMES]


@pytest.fixture
def stops(make_script: Callable[..., Script]) -> Script:
    return make_script("Nextcloud", STOPS)


def choose(page: Page, names: Sequence[str]) -> None:
    for name in names:
        page.locator("#id_add").select_option(label=name)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".picked")).to_contain_text(name)


@pytest.mark.borg
def test_a_window_with_three_backups_is_made_from_nothing_opened_and_seen_to_close(
    page: Page, make_repository: Callable[..., Repository], stops: Script, installation: Any
) -> None:
    for name in NAMES:
        make_repository(name, real=True)
    page.goto("/windows/")
    page.get_by_role("link", name="New window").click()
    choose(page, NAMES)
    page.get_by_role("button", name="Create window").click()
    for where in ("before", "after"):
        page.get_by_role("link", name="Scripts", exact=True).last.click()
        page.get_by_role("link", name=f"Add a script {where}").click()
        page.get_by_role("link", name="Choose 'Nextcloud'").click()
        page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("link", name="Overview", exact=True).last.click()
    expect(page.locator("#what-stops")).to_have_text("Stops meanwhile: Nextcloud")
    page.get_by_role("button", name="Open now").click()
    expect(page.locator("#run-progress")).to_contain_text("Nothing has been stopped yet.")
    installation.manage("run_window", str(WindowRun.objects.get().pk))
    expect(page.locator(".headline")).to_contain_text("Closed: 3 of 3 backed up, down")
    expect(page.locator("#run-said")).to_contain_text("Everything that was stopped is running again.")
    expect(page.locator(".timeline")).to_contain_text("Down: Nextcloud")
    assert page.title().startswith("Closed: 3 of 3 backed up")
    page.get_by_role("row", name="photos").get_by_role("link", name="photos").click()
    expect(page.locator("main")).to_contain_text("Inside the window Night, which holds Nextcloud.")


def test_everything_is_done_by_keyboard(page: Page, three: Sequence[Repository], stops: Script) -> None:
    page.goto("/windows/new/")
    page.get_by_label("Name").focus()
    page.keyboard.press("Tab")
    for name in NAMES:
        page.locator("#id_add").focus()
        page.keyboard.type(name)
        page.locator("#add-repository").press("Enter")
        expect(page.locator(".picked")).to_contain_text(name)
    expect(page.get_by_role("button", name="Move mail up")).to_be_focused()  # nothing is left to be added
    page.get_by_role("button", name="Move photos up").press("Enter")
    expect(page.locator("#picker-said")).to_have_text("In this order: photos, then nextcloud, then mail.")
    page.get_by_role("button", name="Create window").press("Enter")
    page.get_by_role("link", name="Change what runs before").press("Enter")
    page.get_by_role("link", name="Add a script before").press("Enter")
    page.get_by_role("link", name="Choose 'Nextcloud'").press("Enter")
    page.get_by_role("button", name="Add", exact=True).press("Enter")
    page.get_by_role("button", name="Switch off 'Nextcloud'").press("Enter")
    expect(page.locator("#board-said")).to_contain_text("Saved: 'Nextcloud' is switched off here.")
    assert not WindowScript.objects.get().enabled
    page.get_by_role("link", name="Overview", exact=True).last.press("Enter")
    page.get_by_role("button", name="Open now").press("Enter")
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.locator(".headline")).to_contain_text("before it opened. Nothing was stopped")


def test_everything_works_without_javascript(
    without_javascript: Page, three: Sequence[Repository], stops: Script
) -> None:
    page = without_javascript
    page.goto("/windows/new/")
    page.get_by_label("Name").fill("Weekend")
    choose(page, NAMES)
    page.get_by_role("button", name="Leave out photos").click()
    expect(page.get_by_label("Name")).to_have_value("Weekend")
    page.get_by_role("button", name="Create window").click()
    window = MaintenanceWindow.objects.get()
    for hook in ("pre-backup", "post-backup"):
        assignments.assign(owners.window(window.pk), stops, hook)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("main")).to_contain_text("Paused: it opens only when somebody opens it")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Open now").click()
    expect(page.get_by_role("link", name="Look again")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    page.goto(f"/windows/{window.pk}/delete/")
    page.get_by_role("button", name="Delete Weekend").click()
    expect(page.locator("#messages")).to_contain_text("'Weekend' is deleted.")


def test_the_first_screen_of_a_phone_says_whether_everything_is_back(
    phone: Page, three: Sequence[Repository], look: Callable[[Page, str], None]
) -> None:
    window = window_scenes.make_window(repositories=three)
    for name in ("closed", "broken", "inside"):
        run = window_scenes.STATES[name](window, three)
        phone.goto(f"/windows/runs/{run.pk}/")
        services = phone.locator(".verdicts-told .mark").first
        box = services.bounding_box()
        assert box
        assert box["y"] + box["height"] < phone.evaluate("innerHeight")
        if name == "closed":
            look(phone, "window-run")
        WindowRun.objects.filter(pk=run.pk).update(status="success", phase="")
        run.broken_promises.all().delete()
