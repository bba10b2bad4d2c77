"""The five stories of the product, each by mouse, by keyboard alone, by touch at 390 px, and without JavaScript:

create a script; edit and test it; assign it; see its execution in Activity; reorder. Scripts and backups really run.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backups.models import BackupJob, Repository
from borgui.accounts.models import User
from scripts_library.models import RepositoryScript, Script, ScriptExecution

from .conftest import DESK, PHONE
from .hands import Finger, Keyboard, Mouse, Plain

pytestmark = pytest.mark.borg
HANDS: dict[str, tuple[type[Mouse], dict[str, Any]]] = {
    "mouse": (Mouse, {"viewport": {**DESK, "height": 1400}}),
    "keyboard": (Keyboard, {}),
    "touch": (Finger, {"viewport": PHONE, "has_touch": True}),
    "without-javascript": (Plain, {"java_script_enabled": False}),
}


@pytest.fixture(params=HANDS)
def hand(request: pytest.FixtureRequest, open_page: Callable[..., Page], signed_in: User) -> Mouse:
    kind, options = HANDS[request.param]
    return kind(open_page(signed_in, **options))


@pytest.fixture
def photos(make_repository: Callable[..., Repository], attach: Callable[..., Any]) -> Repository:
    repository = make_repository("photos", real=True)
    attach(repository, "pre-backup", "Stop", "echo stopping")
    return repository


def test_a_script_from_its_first_line_to_its_place_around_a_backup(
    hand: Mouse, photos: Repository, installation: Any
) -> None:
    create_a_script(hand)
    edit_and_test_it(hand, installation)
    assign_it(hand, photos)
    see_it_in_activity(hand, photos, installation)
    reorder(hand, photos)


def main(hand: Mouse) -> Locator:
    return hand.page.locator("main")


def link(hand: Mouse, name: str, *, exact: bool = False) -> Locator:
    return main(hand).get_by_role("link", name=name, exact=exact).first


def button(hand: Mouse, name: str, *, exact: bool = False) -> Locator:
    return main(hand).get_by_role("button", name=name, exact=exact).first


def create_a_script(hand: Mouse) -> None:
    hand.page.goto("/scripts/")
    hand.press(link(hand, "New script"))
    hand.write(hand.page.get_by_label("Name").first, "Say hello")
    hand.write_script("#!/bin/sh\necho hello")
    hand.press(button(hand, "Create script"))
    expect(hand.page.locator("h1")).to_have_text("Say hello")


def edit_and_test_it(hand: Mouse, installation: Any) -> None:
    hand.write_script("#!/bin/sh\necho hello again")
    hand.press(button(hand, "Save and try"))
    row = newest_execution(hand)
    installation.manage("run_script", str(row.pk), expect=None)
    if isinstance(hand, Plain):
        hand.page.reload()
    expect(hand.page.locator(".log")).to_contain_text("hello again")
    expect(main(hand)).to_contain_text("succeeded")
    assert Script.objects.get(name="Say hello").revisions.count() == 2


def newest_execution(hand: Mouse) -> ScriptExecution:
    for _ in range(100):
        if row := ScriptExecution.objects.order_by("-pk").first():
            return row
        hand.page.wait_for_timeout(50)
    raise AssertionError("nothing was queued")


def assign_it(hand: Mouse, photos: Repository) -> None:
    hand.page.goto(f"/repositories/{photos.pk}/scripts/")
    hand.press(link(hand, "Add a script before"))
    hand.press(link(hand, "Choose 'Say hello'"))
    hand.press(button(hand, "Add", exact=True))
    expect(hand.page.locator("#messages")).to_contain_text("Added: 'Say hello' runs before the backup.")
    assert order(photos) == ["Stop", "Say hello"]


def see_it_in_activity(hand: Mouse, photos: Repository, installation: Any) -> None:
    hand.page.goto(f"/repositories/{photos.pk}/")
    hand.press(button(hand, "Back up now"))
    expect(hand.page).to_have_url(re.compile(r"/jobs/\d+/$"))
    installation.manage("run_job", str(BackupJob.objects.get().pk), expect=None)
    hand.page.goto("/activity/")
    backup = hand.page.locator(".feed > li", has_text="photos").first
    expect(backup).to_contain_text("backed up")
    hand.press(backup.locator("summary"))
    hand.press(backup.get_by_role("link", name="Say hello"))
    expect(hand.page.locator("h1")).to_contain_text("Say hello")
    expect(hand.page.locator(".log")).to_contain_text("hello again")


def reorder(hand: Mouse, photos: Repository) -> None:
    hand.page.goto(f"/repositories/{photos.pk}/scripts/")
    cards = hand.page.locator("[data-lane=pre-backup] > li")
    hand.first_of_lane(cards.nth(1), cards.nth(0))
    expect(main(hand)).to_contain_text("Saved: 'Say hello' is 1 of 2 before the backup.")
    expect(cards.locator("h3")).to_have_text(["Say hello", "Stop"])
    assert order(photos) == ["Say hello", "Stop"]


def order(repository: Repository) -> list[str]:
    return [entry.script.name for entry in RepositoryScript.objects.chain(repository.pk, "pre-backup")]
