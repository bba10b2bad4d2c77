"""What runs by itself, in a browser: from a first good backup to every night, the list, the form, by keyboard alone."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from backups import schedules
from backups.models import BackupJob, Repository, RunStatus, ScheduledJob, ScheduleRun
from tests.backups import scenes
from tests.backups.notifications.receivers import mail_server

Look = Callable[[Page, str], None]
Axe = Callable[[Page], None]
NIGHT = [("Every night", "17 2 * * *"), ("Databases", "0 */6 * * *"), ("Photos and letters", "30 2 * * *")]


@pytest.fixture
def repositories(make_repository: Callable[..., Repository]) -> list[Repository]:
    return [make_repository(name) for name in ("photos", "letters", "databases")]


def make_schedule(name: str, expression: str, repositories: list[Repository]) -> ScheduledJob:
    ids = [repository.pk for repository in repositories]
    return schedules.create({"name": name, "cron_expression": expression, "repositories": ids})


def a_week_of(schedule: ScheduledJob, repositories: list[Repository]) -> None:
    """Runs of about 40 minutes; of the last ones one failed, one was missed."""
    for age, status in enumerate(["warning", "failure", "success", "success", "success"], start=1):
        due = timezone.now() - timedelta(days=age)
        run = ScheduleRun.objects.create(scheduled_job=schedule, due_at=due, status=RunStatus.QUEUED, created_at=due)
        ScheduleRun.objects.filter(pk=run.pk).update(ended_at=due + timedelta(minutes=40))
        for repository in repositories:
            BackupJob.objects.create(
                repository=repository, status=status, triggered_by="schedule", schedule_run=run, created_at=due
            )
    missed = timezone.now() - timedelta(days=6)
    message = "The server was off. The run after it made up for this one."
    ScheduleRun.objects.create(scheduled_job=schedule, due_at=missed, status=RunStatus.MISSED, message=message)


def test_the_list_and_a_schedule(page: Page, repositories: list[Repository], look: Look, axe: Axe) -> None:
    page.goto(f"/repositories/{repositories[0].pk}/schedule/")
    axe(page)
    look(page, "repository-schedule-none")
    page.goto("/schedules/")
    expect(page.locator("main")).to_contain_text("Nothing runs by itself yet.")
    look(page, "schedules-empty")
    made = [
        make_schedule(name, expression, repositories[: 1 + number]) for number, (name, expression) in enumerate(NIGHT)
    ]
    for schedule in made:
        a_week_of(schedule, repositories[:2])
    schedules.pause(make_schedule("Archive", "17 3 1 * *", repositories[:1]), timezone.now() + timedelta(days=2))
    page.goto("/schedules/")
    expect(page.get_by_role("row", name="Every night")).to_have_count(2)  # of tonight, and of the list
    expect(page.locator("main")).to_contain_text("two or more at once")
    axe(page)
    look(page, "schedules")
    page.goto(f"/schedules/{made[2].pk}/")
    axe(page)
    look(page, "schedule")
    page.locator("summary", has_text="Pause").click()
    look(page, "schedule-pausing")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.goto("/schedules/")
    page.locator("summary", has_text="Pause everything").click()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_label("Paused", exact=True)).to_contain_text("Nothing runs by itself.")
    axe(page)
    look(page, "schedules-paused")


def test_a_schedule_is_made_by_keyboard_alone(page: Page, repositories: list[Repository], look: Look, axe: Axe) -> None:
    page.goto(f"/schedules/new/?repository={repositories[0].pk}")
    page.get_by_label("Another repository").focus()
    for name in ("letters", "databases"):
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".picked li")).to_have_count(2 if name == "letters" else 3)
        page.keyboard.press("Shift+Tab")
        if name == "letters":
            expect(page.locator("#id_add")).to_be_focused()
    page.get_by_role("button", name="Move databases up").focus()
    for place in (2, 1):
        page.keyboard.press("Enter")
        expect(page.locator(".picked li").nth(place - 1)).to_contain_text("databases")
        expect(page.get_by_role("button", name="Move databases up")).to_be_focused()
    page.get_by_role("button", name="Leave out letters").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".picked li")).to_have_count(2)
    expect(page.locator("#id_add")).to_be_focused()

    page.get_by_label("How often").focus()
    page.keyboard.type("At other")
    expect(page.get_by_label("Cron expression")).to_be_visible()
    page.get_by_label("Cron expression").fill("30 3 * * 1-")
    expect(page.locator("#cron-reading")).to_contain_text("day of the week cannot be '1-'")
    look(page, "schedule-new-nonsense")
    page.get_by_label("Cron expression").fill("30 3 * * 1-5")
    expect(page.locator("#cron-reading")).to_contain_text("At 03:30 on Monday through Friday")
    page.get_by_text("Advanced").click()
    axe(page)
    look(page, "schedule-new")
    page.get_by_label("Name").press("Enter")
    expect(page).to_have_url(re.compile(r"/schedules/\d+/$"))
    made = ScheduledJob.objects.get()
    order = [member.repository.name for member in made.members.order_by("position")]
    assert (made.cron_expression, order) == ("30 3 * * 1-5", ["databases", "photos"])


def test_from_a_first_good_backup_to_every_night_and_a_mail(
    page: Page, repositories: list[Repository], look: Look, axe: Axe
) -> None:
    photos = repositories[0]
    job = scenes.success(photos)
    page.goto(f"/jobs/{job.pk}/")
    page.get_by_role("link", name="Let it run by itself").click()
    expect(page.locator("#cron-reading")).to_contain_text("At 02:17 every day")
    axe(page)
    look(page, "protect")
    page.get_by_label("Mail server").fill("127.0.0.1")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("alert")).to_contain_text("Enter at least one address.")
    look(page, "protect-wrong")
    with mail_server() as server:
        page.get_by_label("To", exact=True).fill("anna@example.org")
        page.get_by_label("From", exact=True).fill("borgui@example.org")
        page.get_by_label("Encryption").select_option("insecure")
        page.get_by_label("Port").fill(str(server.port))
        page.get_by_role("button", name="Save").last.click()
        expect(page.locator("#messages")).to_contain_text("a test mail was sent")
    assert [got.to for got in server.got] == [["anna@example.org"]]
    expect(page.locator("main")).to_contain_text("Mail to anna@example.org")
    axe(page)
    look(page, "repository-schedule")


def test_everything_works_without_javascript(without_javascript: Page, repositories: list[Repository]) -> None:
    page = without_javascript
    page.goto(f"/repositories/{repositories[0].pk}/schedule/")
    page.get_by_role("button", name="Every night at 02:17").click()
    expect(page.locator("main")).to_contain_text("At 02:17 every day")
    page.get_by_role("link", name="photos, every night").click()
    page.get_by_label("Another repository").select_option("letters")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Move letters up").click()
    page.get_by_label("How often").select_option("On weekdays at 21:17")
    page.get_by_role("button", name="Show the next times").click()
    expect(page.locator("#cron-reading")).to_contain_text("21:17")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#messages")).to_contain_text("Saved.")
    made = ScheduledJob.objects.get()
    assert [member.repository.name for member in made.members.order_by("position")] == ["letters", "photos"]
    assert made.cron_expression == "17 21 * * 1-5"
