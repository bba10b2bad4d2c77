"""The board of a repository: by mouse, by touch, by keyboard, by two people at once, and without JavaScript."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backups.models import Repository
from borgui.accounts.models import User
from scripts_library import assignments, library
from scripts_library.models import RepositoryScript, Script, ScriptExecution

from .hands import drag_by_touch, middle, top

CONTAINERS = """#!/bin/sh
# /// borgui
# name = "Containers"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# interrupts = "${NAMES}"
#
# [[parameters]]
# name = "NAMES"
# label = "Containers"
# required = true
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
echo "$NAMES"
"""
ABC = ["Apples", "Bees", "Cats"]
PRE, POST = "pre-backup", "post-backup"


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


@pytest.fixture
def abc(photos: Repository, attach: Callable[..., RepositoryScript]) -> list[RepositoryScript]:
    return [attach(photos, PRE, name) for name in ABC]


def names(hook: str = PRE) -> list[str]:
    return [entry.script.name for entry in RepositoryScript.objects.chain(Repository.objects.earliest("pk").pk, hook)]


def board(page: Page, repository: Repository) -> Page:
    page.goto(f"/repositories/{repository.pk}/scripts/")
    return page


def lane(page: Page, hook: str = PRE) -> Locator:
    return page.locator(f"[data-lane={hook}]")


def said(page: Page, words: str) -> None:
    expect(page.locator("#board-said")).to_contain_text(words)


def card(page: Page, entry: RepositoryScript) -> Locator:
    return page.locator(f"#assignment-{entry.pk}")


def unfold(page: Page, entry: RepositoryScript, what: str = "settings") -> Locator:
    place = page.locator(f"#{what}-{entry.pk}")
    place.locator("summary").click()
    return place


def drag(page: Page, what: Locator, to: tuple[float, float]) -> None:
    x, y = middle(what)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 2, y + 8, steps=4)
    page.mouse.move(*to, steps=12)
    page.mouse.move(to[0], to[1] + 2, steps=2)
    page.mouse.up()


def grip(page: Page, entry: RepositoryScript) -> Locator:
    place = card(page, entry).locator(".grip")
    place.scroll_into_view_if_needed()
    return place


def below(page: Page, entry: RepositoryScript) -> tuple[float, float]:
    box = card(page, entry).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] - 12


def above(page: Page, entry: RepositoryScript) -> tuple[float, float]:
    return top(card(page, entry))


# --- order ------------------------------------------------------------------------------------------------------------
def test_scripts_are_ordered_by_mouse_and_the_order_is_saved_at_once(
    page: Page, photos: Repository, abc: list[RepositoryScript]
) -> None:
    page.set_viewport_size({"width": 1280, "height": 1600})
    board(page, photos)
    drag(page, grip(page, abc[2]), above(page, abc[0]))
    said(page, "Saved: 'Cats' is 1 of 3 before the backup.")
    assert names() == ["Cats", "Apples", "Bees"]
    expect(lane(page).locator("h3")).to_have_text(["Cats", "Apples", "Bees"])
    drag(page, grip(page, abc[2]), below(page, abc[0]))
    said(page, "Saved: 'Cats' is 2 of 3 before the backup.")
    assert names() == ["Apples", "Cats", "Bees"]


def test_scripts_are_ordered_by_keyboard_and_the_focus_stays(
    page: Page, photos: Repository, abc: list[RepositoryScript]
) -> None:
    board(page, photos)
    button = page.get_by_role("button", name="Move 'Cats' up")
    button.focus()
    page.keyboard.press("Enter")
    said(page, "Saved: 'Cats' is 2 of 3 before the backup.")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    said(page, "Saved: 'Cats' is 1 of 3 before the backup.")
    expect(button).to_be_focused()
    assert names() == ["Cats", "Apples", "Bees"]


def test_scripts_are_ordered_by_touch_on_a_phone(phone: Page, photos: Repository, abc: list[RepositoryScript]) -> None:
    board(phone, photos)
    drag_by_touch(phone, middle(grip(phone, abc[1])), above(phone, abc[0]))
    said(phone, "Saved: 'Bees' is 1 of 3 before the backup.")
    assert names() == ["Bees", "Apples", "Cats"]
    phone.get_by_role("button", name="Move 'Cats' up").tap()
    said(phone, "Saved: 'Cats' is 2 of 3 before the backup.")


def test_of_two_people_who_order_the_second_sees_what_the_first_did(
    page: Page, open_page: Callable[..., Page], photos: Repository, abc: list[RepositoryScript]
) -> None:
    ben = open_page(User.objects.create_superuser(username="ben", password="long enough"))
    for one in (page, ben):
        one.set_viewport_size({"width": 1280, "height": 1600})
        board(one, photos)
    drag(ben, grip(ben, abc[2]), above(ben, abc[0]))
    said(ben, "Saved")
    drag(page, grip(page, abc[1]), above(page, abc[0]))
    said(page, "Somebody else has changed the order here meanwhile, so yours was not saved.")
    expect(lane(page).locator("h3")).to_have_text(["Cats", "Apples", "Bees"])
    assert names() == ["Cats", "Apples", "Bees"]
    drag(page, grip(page, abc[1]), above(page, abc[2]))
    said(page, "Saved: 'Bees' is 1 of 3 before the backup.")

    ben.get_by_role("button", name="Move 'Apples' up").click()
    said(ben, "Somebody else has changed the order")
    expect(lane(ben).locator("h3")).to_have_text(["Bees", "Cats", "Apples"])


def test_an_order_that_did_not_arrive_is_not_shown(
    page: Page, photos: Repository, abc: list[RepositoryScript], watch: Any
) -> None:
    watch.expected.add(500)
    page.set_viewport_size({"width": 1280, "height": 1600})
    board(page, photos)
    page.route("**/scripts/order/", lambda route: route.fulfill(status=500, body="no"))
    drag(page, grip(page, abc[2]), above(page, abc[0]))
    expect(page.locator("#toasts")).to_contain_text("the server answered 500")
    expect(lane(page).locator("h3")).to_have_text(ABC)


# --- adding -----------------------------------------------------------------------------------------------------------
def test_a_script_is_dragged_from_the_picker_to_its_place(
    page: Page, photos: Repository, abc: list[RepositoryScript], make_script: Callable[..., Script]
) -> None:
    make_script("Dump PostgreSQL")
    page.set_viewport_size({"width": 1280, "height": 1600})
    board(page, photos)
    drag(page, page.locator("#script-picker li", has_text="Dump"), above(page, abc[1]))
    said(page, "Added: 'Dump PostgreSQL' is 2 of 4 before the backup.")
    assert names() == ["Apples", "Dump PostgreSQL", "Bees", "Cats"]


def test_what_needs_an_answer_is_asked_for_and_keeps_its_place(
    page: Page, photos: Repository, attach: Callable[..., Any], make_script: Callable[..., Script]
) -> None:
    make_script("Start")
    tell = attach(photos, POST, "Tell", run_on="always")
    page.set_viewport_size({"width": 1280, "height": 1600})
    board(page, photos)
    page.get_by_label("Search scripts by name").fill("star")
    expect(page.locator("#script-picker li")).to_have_text(["Start"])
    drag(page, page.locator("#script-picker li", has_text="Start"), above(page, tell))
    expect(page.get_by_role("heading", name="Add 'Start' after the backup")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("main")).to_contain_text("Choose after which backups it runs")
    page.get_by_label("every backup, also failed").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("Added: 'Start' runs after the backup.")
    assert names(POST) == ["Start", "Tell"]


def test_a_script_made_for_after_the_backup_cannot_be_dragged_before_it(
    page: Page, photos: Repository, abc: list[RepositoryScript], make_script: Callable[..., Script]
) -> None:
    make_script("Only after", "# /// borgui\n# hooks = ['post-backup']\n# run_on = 'always'\n# ///")
    page.set_viewport_size({"width": 1280, "height": 1600})
    board(page, photos)
    drag(page, page.locator("#script-picker li", has_text="Only after"), above(page, abc[1]))
    expect(lane(page).locator("h3")).to_have_text(ABC)
    drag(page, page.locator("#script-picker li", has_text="Only after"), middle(lane(page, POST)))
    said(page, "Added: 'Only after' is 1 of 1 after the backup.")


# --- settings ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def containers(photos: Repository) -> RepositoryScript:
    script = library.create(None, CONTAINERS, source="editor")
    return assignments.assign(photos.pk, script, POST, parameters={"NAMES": "web"})


def test_each_setting_is_saved_at_once_and_shown_as_saved(
    page: Page, photos: Repository, containers: RepositoryScript
) -> None:
    board(page, photos)
    head, mine = card(page, containers).locator(".card-head"), unfold(page, containers)
    mine.get_by_label("Time limit, in seconds").fill("90")
    page.keyboard.press("Tab")
    expect(mine.locator(".saved-words")).to_contain_text("Saved at")
    expect(head).to_contain_text("Time limit 1 min 30 s (set here)")
    mine.get_by_label("failed or cancelled ones").last.check()
    expect(head).to_contain_text("Does not run: it runs only after a failed or cancelled backup.")
    mine.get_by_label("Containers").fill("web db")
    mine.get_by_label("TOKEN").fill("swordfish")
    expect(head).to_contain_text("Interrupts web db")
    page.keyboard.press("Tab")
    expect(mine.get_by_label("TOKEN", exact=True)).to_have_value("")
    expect(mine).to_contain_text("Set; leave it empty to keep it.")
    mine.get_by_label("Containers").fill("")
    page.keyboard.press("Tab")
    expect(page.locator("#foreseen")).to_contain_text("The required parameter NAMES has no value.")
    mine.get_by_label("Time limit, in seconds").fill("0")
    page.keyboard.press("Tab")
    expect(mine.locator(".saved-words")).to_contain_text("Not saved")
    containers.refresh_from_db()
    assert (containers.custom_timeout, containers.custom_run_on) == (90, "failure")
    assert containers.parameters == {"TOKEN": {"secret": "swordfish"}}


def test_settings_that_somebody_else_changed_are_a_conflict(
    page: Page, photos: Repository, containers: RepositoryScript
) -> None:
    board(page, photos)
    mine = unfold(page, containers)
    expect(mine.get_by_label("Time limit, in seconds")).to_be_visible()
    assignments.change(containers, {"custom_timeout": 77})
    mine.get_by_label("Containers").fill("mail")
    page.keyboard.press("Tab")
    expect(mine.get_by_role("alert")).to_contain_text("Somebody else has changed these settings meanwhile")
    expect(mine.get_by_label("Time limit, in seconds")).to_have_value("77")
    expect(mine.get_by_label("Containers")).to_have_value("web")
    mine.get_by_label("Containers").fill("mail")
    page.keyboard.press("Tab")
    expect(mine.locator(".saved-words")).to_contain_text("Saved at")


def test_what_was_unfolded_stays_so_and_a_script_is_switched_off(
    page: Page, photos: Repository, containers: RepositoryScript
) -> None:
    board(page, photos)
    mine = unfold(page, containers)
    expect(mine.get_by_label("Containers")).to_be_visible()
    page.get_by_role("button", name="Switch off 'Containers'").click()
    said(page, "Saved: 'Containers' is switched off here.")
    expect(mine.get_by_label("Containers")).to_be_visible()
    expect(page.get_by_role("button", name="Switch on 'Containers'")).to_be_focused()


# --- run it now, copy, and everything without JavaScript --------------------------------------------------------------
def test_a_script_is_run_alone_and_what_it_interrupts_is_said_before(
    page: Page, photos: Repository, containers: RepositoryScript
) -> None:
    stop = assignments.assign(photos.pk, containers.script, PRE, parameters={"NAMES": "web"}, custom_timeout=33)
    board(page, photos)
    expect(unfold(page, stop, "run")).to_contain_text("It stops web, and nothing starts it again by itself.")
    card(page, stop).get_by_role("button", name="Run 'Containers' now").click()
    expect(page.locator("h1")).to_contain_text("Containers")
    row = ScriptExecution.objects.get()
    assert (row.repository_id, row.timeout, row.parameters["NAMES"], row.triggered_by) == (photos.pk, 33, "web", "test")


def test_the_board_works_without_javascript(
    without_javascript: Page, photos: Repository, abc: list[RepositoryScript], make_repository: Callable[..., Any]
) -> None:
    page, other = without_javascript, make_repository("music")
    board(page, photos)
    expect(page.locator("#script-picker")).to_be_hidden()
    page.get_by_role("button", name="Move 'Cats' up").click()
    expect(page.locator("#messages")).to_have_text("Saved: 'Cats' is 2 of 3 before the backup.")
    assignments.reorder(photos.pk, PRE, [one.pk for one in abc])
    page.get_by_role("button", name="Move 'Cats' up").click()
    said(page, "Somebody else has changed the order")
    unfold(page, abc[0]).get_by_role("link", name="On a page of their own").click()
    page.get_by_label("Time limit, in seconds").fill("44")
    page.get_by_role("button", name="Save").click()
    expect(card(page, abc[0])).to_contain_text("Time limit 44 s (set here)")
    page.get_by_role("link", name="failed", exact=True).click()
    expect(page.locator("#outcome-failure")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="Copy to other repositories").click()
    page.get_by_label("music").check()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#messages")).to_have_text("Copied to 'music': Apples, Bees, Cats.")
    assert [entry.script.name for entry in RepositoryScript.objects.chain(other.pk, PRE)] == ABC


# --- how it looks -----------------------------------------------------------------------------------------------------
def test_how_the_board_looks(
    page: Page,
    photos: Repository,
    abc: list[RepositoryScript],
    containers: RepositoryScript,
    attach: Callable[..., Any],
    make_script: Callable[..., Script],
    make_repository: Callable[..., Repository],
    look: Callable[[Page, str], None],
    axe: Callable[[Page], None],
) -> None:
    for name in ("Dump PostgreSQL", "Ping monitor", "Snapshot volumes"):
        make_script(name)
    attach(photos, POST, "Undeclared")
    assignments.change(containers, {"parameters": {"NAMES": "", "TOKEN": "swordfish"}})
    board(page, photos)
    unfold(page, abc[0], "run")
    expect(unfold(page, containers).get_by_label("Containers")).to_be_visible()
    look(page, "board")
    axe(page)
    make_repository("music", pre_backup_script="echo old")
    page.goto(f"/repositories/{photos.pk}/scripts/copy/")
    look(page, "board-copy")
    axe(page)
