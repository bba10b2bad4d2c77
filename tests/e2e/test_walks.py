"""Two ways through the whole product: without JavaScript, and by keyboard alone. Backups are real."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backups.models import BackupJob, Repository
from borgui.accounts.models import SetupLink, User
from scripts_library.models import RepositoryScript, Script
from tests.backups import scenes

from .hands import Keyboard

pytestmark = pytest.mark.borg
PASSWORD, NEXT_PASSWORD = "correct horse battery", "another horse battery"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def follow(page: Page, name: str) -> None:
    page.locator("main").get_by_role("link", name=name).first.click()


def said(page: Page, words: str) -> None:
    expect(page.locator("#messages")).to_contain_text(words)


# --- without JavaScript -----------------------------------------------------------------------------------------------
def test_everything_can_be_done_without_javascript(
    open_page: Callable[..., Page], run_queued: Callable[[], BackupJob], source: Path, tmp_path: Path
) -> None:
    page = open_page(java_script_enabled=False)
    set_up_and_sign_in(page)
    first_backup(page, run_queued, source, str(tmp_path / "photos"))
    scripts_around_it(page)
    cancel_a_waiting_backup(page)
    keep_the_kit(page)
    close_a_promise(page)
    choose_dark(page)
    change_password_and_leave(page)


def set_up_and_sign_in(page: Page) -> None:
    page.goto(f"/setup/{SetupLink.make()}/")
    page.get_by_label("Username").fill("anna")
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    press(page, "Create account")
    page.get_by_label("Account: anna").click()
    press(page, "Sign out")
    sign_in(page, PASSWORD)
    expect(page.locator("h1")).to_have_text("Nothing is protected yet.")


def sign_in(page: Page, password: str) -> None:
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(password)
    press(page, "Sign in")


def first_backup(page: Page, run_queued: Callable[[], BackupJob], source: Path, folder: str) -> None:
    follow(page, "Add repository")
    page.locator("#id_name").fill("photos")
    page.locator("#id_folder").fill(folder)
    page.locator("#id_source_paths").fill(str(source))
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".finding")).to_contain_text("a new repository will be made")
    page.get_by_role("button", name="Create and back up now").last.click()
    said(page, "Its first backup is on the way.")
    run_queued()
    page.reload()
    expect(page.locator("main")).to_contain_text("Saved: archive photos-")
    page.goto(f"/repositories/{Repository.objects.get().pk}/archives/")
    follow(page, "Show the list")
    expect(page.locator("main")).to_contain_text("1 archive, the newest first")


def scripts_around_it(page: Page) -> None:
    for name in ("Stop", "Dump"):
        page.goto("/scripts/new/")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Text", exact=True).fill("#!/bin/sh\necho one\n")
        press(page, "Create script")
        page.get_by_label("Text", exact=True).fill(f"#!/bin/sh\necho {name}\n")
        press(page, "Save")
        said(page, "Saved.")
        page.goto(f"/repositories/{Repository.objects.get().pk}/scripts/")
        follow(page, "Add a script before")
        follow(page, f"Choose '{name}'")
        press(page, "Add")
        said(page, f"Added: '{name}' runs before the backup.")
    press(page, "Move 'Dump' up")
    expect(page.locator("li h3").first).to_have_text("Dump")
    assert order() == ["Dump", "Stop"]


def order() -> list[str]:
    repository = Repository.objects.get()
    return [entry.script.name for entry in RepositoryScript.objects.chain(repository.pk, "pre-backup")]


def cancel_a_waiting_backup(page: Page) -> None:
    page.goto(f"/repositories/{Repository.objects.get().pk}/")
    press(page, "Back up now")
    press(page, "Cancel")
    expect(page.locator("main")).to_contain_text("Stopped by anna")
    assert BackupJob.objects.latest("id").status == "cancelled"


def keep_the_kit(page: Page) -> None:
    page.goto(f"/repositories/{Repository.objects.get().pk}/")
    follow(page, "not saved yet")
    press(page, "Show it, to print")
    expect(page.locator(".kit")).to_contain_text("HOW TO GET FILES BACK")
    press(page, "I have stored it elsewhere")
    said(page, "is stored elsewhere")


def close_a_promise(page: Page) -> None:
    scenes.broken_promise(Repository.objects.get())
    page.goto("/")
    page.locator(".promise").get_by_role("link", name="Look and close").click()
    page.get_by_label("Put right by hand?").fill("started it by hand")
    press(page, "Close 'Start Nextcloud'")
    expect(page.locator("#promises")).to_contain_text("started it by hand")
    expect(page.locator(".promise")).to_have_count(0)


def choose_dark(page: Page) -> None:
    page.goto("/scripts/?search=Stop")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_label("Theme").click()
    press(page, "Dark")
    expect(page).to_have_url(re.compile(r"/scripts/\?search=Stop$"))
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def change_password_and_leave(page: Page) -> None:
    page.get_by_label("Account: anna").click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("link", name="Change password").click()
    page.get_by_label("Old password").fill(PASSWORD)
    page.locator("#id_new_password1").fill(NEXT_PASSWORD)
    page.locator("#id_new_password2").fill(NEXT_PASSWORD)
    press(page, "Change password")
    said(page, "Your password is changed.")
    page.get_by_label("Account: anna").click()
    press(page, "Sign out")
    sign_in(page, NEXT_PASSWORD)
    expect(page.get_by_label("Account: anna")).to_be_visible()


# --- by keyboard alone ------------------------------------------------------------------------------------------------
def test_everything_can_be_done_by_keyboard_alone(
    stranger: Page, signed_in: User, make_repository: Any, attach: Any, make_script: Any, run_queued: Any
) -> None:
    page = stranger
    photos = make_repository("photos", real=True)
    attach(photos, "pre-backup", "Stop", "echo stopping")
    make_script("Dump", "echo dumping")
    page.goto("/")
    sign_in_by_keyboard(page)
    open_scripts_of(page, "photos")
    add_a_script(page)
    move_it_up(page)
    edit_it(page)
    back_up(page, run_queued)


def reach(page: Page, target: Locator, back: bool = False) -> None:
    Keyboard(page).reach(target, "Shift+Tab" if back else "Tab")


def enter(page: Page, target: Locator) -> None:
    reach(page, target)
    page.keyboard.press("Enter")


def sign_in_by_keyboard(page: Page) -> None:
    reach(page, page.get_by_label("Username"))
    page.keyboard.type("anna")
    reach(page, page.get_by_label("Password"))
    page.keyboard.type("long enough")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Account: anna")).to_be_visible()


def open_scripts_of(page: Page, name: str) -> None:
    enter(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Repositories"))
    expect(page.locator("h1")).to_have_text("Repositories")
    enter(page, page.locator("main").get_by_role("link", name=name, exact=True))
    expect(page.locator("h1")).to_have_text(name)
    enter(page, page.get_by_role("navigation", name="This repository").get_by_role("link", name="Scripts"))


def add_a_script(page: Page) -> None:
    enter(page, page.get_by_role("link", name="Add a script before"))
    enter(page, page.get_by_role("link", name="Choose 'Dump'"))
    enter(page, page.get_by_role("button", name="Add", exact=True))
    said(page, "Added: 'Dump' runs before the backup.")


def move_it_up(page: Page) -> None:
    button = page.get_by_role("button", name="Move 'Dump' up")
    enter(page, button)
    expect(page.locator("li h3").first).to_have_text("Dump")
    expect(button).to_be_focused()
    page.locator("#script-lanes").evaluate("lanes => lanes.dataset.old = ''")
    page.keyboard.press("Enter")  # it is the first: nothing happens, and the focus stays
    expect(page.locator("#script-lanes[data-old]")).to_have_count(0)
    expect(button).to_be_focused()
    assert order() == ["Dump", "Stop"]


def edit_it(page: Page) -> None:
    link = page.locator("main").get_by_role("link", name="Dump", exact=True)
    reach(page, link, back=True)
    page.keyboard.press("Enter")
    editor = page.locator(".cm-content")
    reach(page, editor)
    page.keyboard.press("Control+End")
    page.keyboard.type("if true; then")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # inside the editor it indents
    page.keyboard.type("echo again; fi")
    expect(editor).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(editor).not_to_be_focused()
    page.keyboard.press("Control+s")
    said(page, "Saved.")
    assert Script.objects.get(name="Dump").revisions.count() == 2


def back_up(page: Page, run_queued: Callable[[], BackupJob]) -> None:
    enter(page, page.get_by_role("region", name="Used by").get_by_role("link", name="photos"))
    enter(page, page.get_by_role("navigation", name="This repository").get_by_role("link", name="Overview"))
    enter(page, page.get_by_role("button", name="Back up now"))
    expect(page.locator("#job-progress")).to_be_visible()
    assert run_queued().data == "good"
    expect(page.locator("#job-progress")).to_contain_text("Saved: archive photos-")
