"""What stands around every page: set-up, sign-in, themes, menus, the bar of promises; and the overview."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from playwright.sync_api import Page, expect

from backups.models import BackupJob
from borgui.accounts.models import SetupLink, User

from . import world


def test_without_script_the_pages_are_listed_above_the_content_of_a_phone(without_javascript: Page) -> None:
    page = without_javascript
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Scripts").click()
    expect(page).to_have_url(re.compile("/scripts/$"))


def test_set_up_takes_the_zone_of_the_browser_and_signs_in(
    open_page: Callable[..., Page], axe: Callable[[Page], None], look: Callable[[Page, str], None]
) -> None:
    page = open_page(timezone_id="America/Lima")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("This installation has no owner yet")
    look(page, "no-owner")
    page.goto(f"/setup/{SetupLink.make()}/")
    axe(page)
    look(page, "set-up")
    expect(page.get_by_label("Time zone")).to_have_value("America/Lima")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password", exact=False).nth(0).fill("correct horse battery")
    page.get_by_label("Password confirmation").fill("correct horse battery")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is protected yet.")
    axe(page)
    look(page, "first-run")


def test_by_keyboard_the_content_is_one_step_away_and_the_focus_is_seen(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle + document.activeElement.tagName")
    assert outline == "solidA"


def test_the_theme_is_kept_by_a_cookie(page: Page) -> None:
    page.goto("/")
    theme = page.get_by_label("Theme")
    theme.click()
    page.get_by_role("button", name="Dark").click()
    expect(theme).to_be_focused()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_on_a_phone_the_pages_are_behind_a_button(phone: Page) -> None:
    phone.goto("/")
    link = phone.get_by_role("navigation", name="Main").get_by_role("link", name="Scripts")
    expect(link).not_to_be_visible()
    phone.get_by_role("button", name="Pages").click()
    link.click()
    expect(phone).to_have_url(re.compile("/scripts/$"))


def test_the_account_menu_closes_with_escape_and_signs_out(page: Page) -> None:
    page.goto("/")
    account = page.get_by_label("Account: anna")
    account.click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).not_to_be_visible()
    expect(account).to_be_focused()
    account.click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in/"))


def test_a_password_is_changed_and_said_to_be(page: Page, signed_in: User) -> None:
    page.goto("/change-password/")
    page.get_by_label("Old password").fill("wrong")
    page.get_by_label("New password", exact=True).or_(page.locator("#id_new_password1")).first.fill(
        "another horse battery"
    )
    page.locator("#id_new_password2").fill("another horse battery")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator(".invalid-feedback").first).to_be_visible()
    page.get_by_label("Old password").fill("long enough")
    page.locator("#id_new_password1").fill("another horse battery")
    page.locator("#id_new_password2").fill("another horse battery")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    signed_in.refresh_from_db()
    assert signed_in.check_password("another horse battery")


# --- the overview -----------------------------------------------------------------------------------------------------
def test_what_runs_is_shown_until_it_is_over(page: Page, make_repository: Callable[..., Any]) -> None:
    world.make_worker()
    job = BackupJob.objects.create(repository=make_repository(), triggered_by="manual", message="Waiting.")
    page.goto("/")
    piece = page.locator("#overview-running")
    expect(piece).to_contain_text("Waiting.")
    BackupJob.objects.filter(pk=job.pk).update(status="running", phase="pre-backup")
    expect(piece).to_contain_text("scripts before the backup")
    BackupJob.objects.filter(pk=job.pk).update(status="success", phase="", message="")
    expect(piece).to_contain_text("Everything that was running is over.")
    assert piece.get_attribute("hx-trigger") is None


def test_a_piece_for_somebody_who_was_signed_out_leaves_the_page(
    page: Page, watch: Any, make_repository: Callable[..., Any]
) -> None:
    watch.expected.add(401)
    world.make_worker()
    BackupJob.objects.create(repository=make_repository(), triggered_by="manual", message="Waiting.")
    page.goto("/")
    page.context.clear_cookies()
    expect(page.locator("#toasts")).to_contain_text("You are signed out.")
    expect(page.locator("#overview-running")).to_contain_text("Waiting.")


def test_a_form_that_was_written_while_the_session_ended_arrives_after_a_fresh_sign_in(
    page: Page, watch: Any, signed_in: User
) -> None:
    watch.expected.add(401)
    page.goto("/scripts/new/")
    page.get_by_label("Name").fill("written in vain?")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.locator("#script-form").evaluate("form => { form.elements.content.value = 'exit 3'; form.submit() }")
    page.get_by_label("Username").fill(signed_in.username)
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Sign in and go on").click()
    expect(page).to_have_url(re.compile(r"/scripts/\d+/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("written in vain?")


def test_what_was_typed_is_saved_after_a_sign_in_in_another_tab(
    page: Page, watch: Any, signed_in: User, make_script: Callable[..., Any]
) -> None:
    watch.expected.add(401)
    script = make_script("stop", "exit 1")
    with page.expect_response("**/scripts/lint/"):  # on its way while the cookies change, it would be refused
        page.goto(f"/scripts/{script.pk}/")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_label("Description").fill("typed meanwhile")
    page.keyboard.press("Control+s")
    expect(page.locator("#toasts")).to_contain_text("You are signed out.")
    other = page.context.new_page()
    other.goto("/sign-in/")
    other.get_by_label("Username").fill(signed_in.username)
    other.get_by_label("Password").fill("long enough")
    other.get_by_role("button", name="Sign in").click()
    expect(other).not_to_have_url(re.compile("/sign-in/"))
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Unsaved changes")).to_have_count(0)
    script.refresh_from_db()
    assert script.description == "typed meanwhile"


def test_eighty_repositories_fit_on_two_screens(page: Page, make_repository: Callable[..., Any]) -> None:
    world.make_worker()
    for number in range(80):
        world.finished(make_repository(f"repository {number:02d}"))
    page.set_viewport_size({"width": 1440, "height": 1200})
    page.goto("/")
    height = page.locator("table.rows").evaluate("table => table.offsetHeight")
    assert height <= 2 * 1200
