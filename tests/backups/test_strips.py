from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from backups import strips
from backups.models import BackupJob

TODAY = date(2026, 11, 23)


def test_each_day_has_the_worst_that_happened() -> None:
    days = {
        TODAY: ["success", "failure", "warning"],
        TODAY - timedelta(days=1): ["success", "skipped"],
        TODAY - timedelta(days=2): ["success", "warning"],
        TODAY - timedelta(days=3): ["success"],
        TODAY - timedelta(days=4): ["running", "queued"],
    }
    cells = strips.strip(days, TODAY).cells
    assert [cell.tone for cell in reversed(cells)][:5] == ["failed", "idle", "attention", "ok", "none"]


def test_a_strip_has_fourteen_days_and_ends_today() -> None:
    strip = strips.strip({}, TODAY)
    assert (strip.cells[0].day, strip.cells[-1].day) == (date(2026, 11, 10), TODAY)
    assert strip.width == 166


def test_who_does_not_see_it_is_told_what_was_bad() -> None:
    strip = strips.strip({TODAY: ["success"], date(2026, 11, 20): ["failure"]}, TODAY)
    assert strip.text == "Last 14 days: backed up on 1; Fri 20 Nov: not backed up"
    assert strips.strip({}, TODAY).text == "Last 14 days: no backup"


@pytest.mark.django_db
def test_days_are_those_of_this_installation(make_repository: Callable[..., Any]) -> None:
    repository = make_repository()
    late = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)  # the morning of the 23rd in Tokyo
    BackupJob.objects.create(repository=repository, status="success", triggered_by="api", created_at=late)
    with timezone.override("Asia/Tokyo"):
        strip = strips.of_repository(repository, datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
    assert (strip.cells[-1].day, strip.cells[-1].tone, strip.cells[-2].tone) == (TODAY, "ok", "none")
