"""The feed in a real browser: followed live, filtered, and read on, with and without JavaScript."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from playwright.sync_api import Page, expect

from backups import queue
from backups.models import BackupJob, ScheduledJob, ScheduleRun
from scripts_library import testruns
from scripts_library.models import ScriptExecution
from tests.backups import scenes


def busy_days(make_repository: Callable[..., Any], make_script: Callable[..., Any]) -> None:
    """Every state of a backup, test runs, and a due time that was missed, over three days."""
    photos = make_repository("photos")
    states = [name for name in scenes.STATES if not name.startswith(("running", "queued"))]
    for number, name in enumerate(states):
        job = scenes.STATES[name](photos)
        moved = timezone.now() - timedelta(hours=7 * number, minutes=3)
        BackupJob.objects.filter(pk=job.pk).update(created_at=moved)
    for number in range(30):
        job = scenes.success(make_repository(f"host {number:02d}"))
        BackupJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(hours=30 + number))
    test = testruns.queue(make_script("Stop Nextcloud"), hook_type="both")
    over = {"status": "succeeded", "started_at": timezone.now(), "completed_at": timezone.now(), "execution_time": 2.5}
    ScriptExecution.objects.filter(test_run_id=test.pk).update(
        created_at=timezone.now() - timedelta(hours=2), exit_code=0, **over
    )
    nightly = ScheduledJob.objects.create(name="Every night", cron_expression="17 2 * * *", timezone="UTC")
    due = timezone.now() - timedelta(hours=5)
    ScheduleRun.objects.create(scheduled_job=nightly, due_at=due, created_at=due, status="missed")
    scenes.running_borg(make_repository("videos"))
    scenes.queued(photos)


def test_what_happened_is_shown_to_everybody(
    page: Page, make_repository: Any, make_script: Any, look: Any, axe: Any
) -> None:
    page.goto("/activity/")
    look(page, "activity-empty")
    busy_days(make_repository, make_script)
    page.goto("/activity/")
    page.get_by_text("More filters").click()
    page.locator("summary", has_text="4 scripts, 1 did not run").first.click()
    look(page, "activity")
    axe(page)


def test_what_begins_and_ends_is_followed_without_closing_what_is_read(
    page: Page, make_repository: Any, make_script: Any
) -> None:
    page.goto("/activity/")
    expect(page.locator("#activity-empty")).to_be_visible()
    job = scenes.running_borg(make_repository())
    row = page.locator(f"#j{job.pk}")
    expect(row).to_contain_text("borg is making the archive.")
    expect(page.locator("#activity-empty")).to_have_count(0)
    expect(page).to_have_title("1 running · " + page.title().partition(" · ")[2])
    row.locator("summary").click()
    expect(row.get_by_role("link", name="Start Nextcloud")).to_be_visible()
    job.executions.filter(script_name="Start Nextcloud").update(status="succeeded")
    BackupJob.objects.filter(pk=job.pk).update(status="success", phase="", services="up", message="Backed up.")
    expect(row).to_contain_text("backed up")
    expect(row.locator("details")).to_have_attribute("open", "")
    expect(row.locator("details li")).to_have_count(3)
    expect(page.locator("#activity-said")).to_contain_text("photos")
    queue.enqueue(make_repository("music"), triggered_by="manual")
    expect(page.locator(".feed > li").first).to_contain_text("music")
    expect(page.locator(".day")).to_have_count(1)
    assert page.locator("#activity-news").count() == 1


def test_filters_and_older_rows_without_leaving_the_page(page: Page, make_repository: Any, make_script: Any) -> None:
    busy_days(make_repository, make_script)
    for number in range(20):
        job = scenes.success(make_repository(f"old {number:02d}"))
        BackupJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(days=5, hours=number))
    page.goto("/activity/")
    rows = page.locator(".feed > li")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("That is the beginning.")).to_be_visible()
    assert rows.count() > 50
    headings = page.locator(".day h2").all_text_contents()
    assert len(headings) == len(set(headings))
    page.get_by_label("How it ended").select_option("missed")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("state=missed"))
    page.get_by_label("How it ended").select_option("")
    page.get_by_label("Search").fill("old 03")
    expect(rows).to_have_count(1)
    page.go_back()
    expect(page.get_by_label("How it ended")).to_be_visible()
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()


def test_without_javascript_the_same_is_read(without_javascript: Page, make_repository: Any, make_script: Any) -> None:
    page = without_javascript
    busy_days(make_repository, make_script)
    page.goto("/activity/")
    page.get_by_label("How it ended").select_option("failure")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".feed > li")).to_have_count(3)
    page.locator("summary", has_text="scripts").first.click()
    expect(page.locator(".feed details[open] li").first).to_be_visible()
    page.get_by_role("link", name="Look again").click()
    assert "state=failure" in page.url


# --- the output of one script -----------------------------------------------------------------------------------------
def test_words_in_the_output_are_found_one_after_the_other(
    page: Page, make_repository: Any, look: Any, axe: Any
) -> None:
    lines = [f"copying file {number}" for number in range(3000)]
    for number in (40, 1500, 2990):
        lines[number] = f"{scenes.HOSTILE} \x1b[33mWARNING\x1b[0m: {'שלום'} disk nearly full"
    row = scenes.begin(make_repository()).script("pre-backup", "Copy", "failed", exit_code=1, log="\n".join(lines))
    page.goto(f"/executions/{row.pk}/")
    page.get_by_label("Search the output").fill("warning")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status").filter(has_text="Match 1 of 3, line 41")).to_be_visible()
    page.get_by_role("link", name="Next match").click()
    page.get_by_role("link", name="Next match").click()
    expect(page.locator("#L2991.here mark")).to_have_text("WARNING")
    expect(page.locator("#L2991")).to_be_in_viewport()
    expect(page.get_by_role("link", name="Next match")).to_have_count(0)
    look(page, "execution-search")
    axe(page)
