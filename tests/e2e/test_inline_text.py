"""An old inline text on the scripts page of its repository, before and after it was moved; and a click that came late."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from backups.models import BackupJob

Look = Callable[[Page, str], None]
Axe = Callable[[Page], None]


def test_an_inline_text_is_moved_to_the_library(
    page: Page, make_repository: Callable[..., Any], attach: Callable[..., Any], look: Look, axe: Axe
) -> None:
    repository = make_repository(pre_backup_script="systemctl stop app", post_backup_script="systemctl start app")
    attach(repository, "pre-backup", "Stop containers")
    page.goto(f"/repositories/{repository.pk}/scripts/")
    page.get_by_text("Show the text").first.click()
    axe(page)
    look(page, "inline-text")
    page.get_by_role("button", name="Move to library (the text after the backup)").click()
    expect(page.locator("#messages")).to_contain_text("'photos: after the backup' is a script of the library now")
    expect(page.get_by_role("link", name="photos: after the backup", exact=True)).to_be_visible()
    axe(page)
    look(page, "inline-text-moved")


def test_a_click_that_comes_too_late_gets_a_page_with_the_way_back(
    page: Page, make_repository: Callable[..., Any], make_job: Callable[..., Any], look: Look, axe: Axe
) -> None:
    job = make_job(make_repository())
    page.goto(f"/jobs/{job.pk}/")
    page.route("**/progress/**", lambda route: route.fulfill(status=204))
    BackupJob.objects.filter(pk=job.pk).update(status="success", data="good")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("That was not done")
    axe(page)
    look(page, "not-done")
    page.get_by_role("link", name="Back, and look again").click()
    expect(page).to_have_url(f"/jobs/{job.pk}/")


def test_all_inline_texts_are_moved_and_taken_back_by_somebody_who_knows_no_commands(
    page: Page, make_repository: Callable[..., Any], look: Look
) -> None:
    for name in ("photos", "mail with a long name " * 4):
        make_repository(
            name, pre_backup_script="# Stop the app\nsystemctl stop app\n", post_backup_script=f"ping {name}"
        )
    make_repository("blocked", pre_backup_script="# /// borgui\n# nonsense\n# ///\necho a")
    page.goto("/repositories/")
    page.get_by_role("link", name="See what would become of them").click()
    expect(page.get_by_text("4 texts of 2 repositories become 3 scripts, 3 of them new.")).to_be_visible()
    page.get_by_text("Show the text (3 lines)").click()
    expect(page.get_by_text("systemctl stop app")).to_be_visible()
    look(page, "inline-texts")
    page.get_by_role("button", name="Move 4 texts to the library").click()
    expect(page.locator("#messages")).to_contain_text("Moved: 4 texts, now 3 scripts of the library.")
    look(page, "inline-texts-moved")
    page.get_by_role("button", name="Go back to the old texts").click()
    expect(page.locator("#messages")).to_contain_text("Back as before: 4 texts.")
    expect(page.get_by_role("button", name="Move 4 texts to the library")).to_be_visible()
