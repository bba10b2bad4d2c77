"""A day that was due and saw nothing is hollow, in the strip and in the calendar."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from backups import days, missed_days, schedules, strips
from backups.models import BackupJob, Repository, ScheduledJob, ScheduleRun

from . import window_scenes

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


@pytest.fixture
def schedule(photos: Repository) -> ScheduledJob:
    fields = {"name": "Every night", "repositories": [photos.pk], "cron_expression": "17 2 * * *", "timezone": "UTC"}
    made = schedules.create(fields)
    ScheduledJob.objects.filter(pk=made.pk).update(
        next_run=NOW + timedelta(hours=14), starts_at=NOW + timedelta(hours=14)
    )
    return made


def due(schedule: ScheduledJob, age: int, status: str) -> ScheduleRun:
    moment = datetime(2026, 11, 23, 2, 17, tzinfo=UTC) - timedelta(days=age)
    return ScheduleRun.objects.create(scheduled_job=schedule, due_at=moment, status=status)


def hollow(photos: Repository) -> set[date]:
    """The hollow days: strip and both calendars say the same."""
    strip = {cell.day for cell in strips.of_repository(photos, NOW).cells if cell.tone == "due"}
    for calendar in (days.of_repository(photos.pk, NOW), days.of_everything(NOW)):
        assert {day.date for day in calendar.days if day.tone == "due" and TODAY - day.date < timedelta(14)} == strip
    return strip


def test_missed_and_paused_days_are_hollow_and_begun_ones_are_not(photos: Repository, schedule: ScheduledJob) -> None:
    for age, status in enumerate(("queued", "missed", "paused")):
        due(schedule, age, status)
    assert hollow(photos) == {TODAY - timedelta(days=1), TODAY - timedelta(days=2)}
    assert "Sun 22 Nov: was due, and nothing ran" in strips.of_repository(photos, NOW).text
    assert "was due, and nothing ran" in days.of_repository(photos.pk, NOW).newest_first[0].text


@pytest.mark.parametrize("status", ["success", "failure", "queued"])
def test_a_day_on_which_somebody_pressed_the_button_is_not(
    photos: Repository, schedule: ScheduledJob, status: str
) -> None:
    due(schedule, 1, "missed")
    at = NOW - timedelta(days=1)
    BackupJob.objects.create(repository=photos, status=status, triggered_by="manual", created_at=at)
    tones = [cell.tone for cell in strips.of_repository(photos, NOW).cells]
    assert "due" not in tones


def test_while_no_worker_is_there_the_days_that_pass_are_hollow(photos: Repository, schedule: ScheduledJob) -> None:
    first = datetime(2026, 11, 20, 2, 17, tzinfo=UTC)
    ScheduledJob.objects.filter(pk=schedule.pk).update(next_run=first, starts_at=first)
    assert hollow(photos) == {TODAY - timedelta(days=age) for age in range(4)}


def test_a_time_that_has_just_passed_is_not_missed_yet(photos: Repository, schedule: ScheduledJob) -> None:
    ScheduledJob.objects.filter(pk=schedule.pk).update(next_run=NOW, starts_at=NOW)
    assert hollow(photos) == set()


def test_days_are_those_of_this_installation(photos: Repository, schedule: ScheduledJob) -> None:
    late = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)  # the morning of the 22nd in Tokyo
    ScheduleRun.objects.create(scheduled_job=schedule, due_at=late, status="missed")
    with timezone.override("Asia/Tokyo"):
        assert hollow(photos) == {date(2026, 11, 22)}


def test_another_repository_is_not_told_of(
    photos: Repository, schedule: ScheduledJob, make_repository: Callable[..., Any]
) -> None:
    due(schedule, 1, "missed")
    other = make_repository("other")
    assert all(cell.tone == "none" for cell in strips.of_repository(other, NOW).cells)


def test_a_missed_opening_of_a_window_is_a_missed_day_of_what_is_backed_up_inside(
    make_repository: Callable[..., Repository],
) -> None:
    inside, other = make_repository("inside"), make_repository("other")
    window = window_scenes.make_window(repositories=[inside])
    missed = window_scenes.missed(window, [inside])
    assert missed.due_at
    day = timezone.localdate(missed.due_at)

    found = missed_days.of_repositories([inside.pk, other.pk], day, timezone.now())

    assert found == {(inside.pk, day)}
