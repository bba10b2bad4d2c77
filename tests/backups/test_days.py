"""The calendar: the worst of each day, in the time zone of the installation."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from backups import days
from backups.models import BackupJob

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=ZoneInfo("UTC"))  # a Monday


@pytest.fixture
def ran(make_repository):
    repository = make_repository()

    def make(status: str, at: datetime, where=repository) -> BackupJob:
        return BackupJob.objects.create(repository=where, status=status, triggered_by="api", created_at=at)

    make.repository = repository  # type: ignore[attr-defined]
    return make


def both(ran) -> list[days.Calendar]:
    """The calendar of the one repository and that of everything, which here are the same."""
    found = [days.of_repository(ran.repository.pk, NOW), days.of_everything(NOW)]
    assert found[0] == found[1]
    return found


def tones(calendar: days.Calendar) -> dict[date, str]:
    return {day.date: day.tone for day in calendar.days if day.tone != "none"}


def test_the_worst_of_a_day_wins_and_its_job_is_linked(ran):
    ran("success", NOW - timedelta(days=1))
    bad = ran("failure", NOW - timedelta(days=1, hours=2))
    ran("warning", NOW - timedelta(days=1, hours=1))
    ran("success", NOW)

    found = both(ran)[0]

    assert tones(found) == {date(2026, 11, 22): "failed", date(2026, 11, 23): "ok"}
    assert found.newest_first[1].job_id == bad.pk
    assert found.newest_first[1].text == "Sun 22 Nov 2026: not backed up"


def test_of_two_equally_bad_jobs_the_newer_is_linked(ran):
    ran("failure", NOW - timedelta(hours=2))
    newer = ran("failure", NOW - timedelta(hours=1))

    assert both(ran)[0].newest_first[0].job_id == newer.pk


def test_what_waits_or_runs_says_nothing_of_a_day(ran):
    ran("queued", NOW)
    ran("running", NOW)

    assert tones(both(ran)[0]) == {}


def test_a_day_begins_at_midnight_of_the_time_zone_also_when_clocks_change(ran):
    with timezone.override("Europe/Berlin"):
        ran("success", datetime(2026, 10, 24, 21, 59, 59, tzinfo=ZoneInfo("UTC")))  # 23:59:59 in summer time
        ran("failure", datetime(2026, 10, 24, 22, 0, tzinfo=ZoneInfo("UTC")))  # 0:00 on the day of 25 hours
        ran("warning", datetime(2026, 10, 25, 22, 59, 59, tzinfo=ZoneInfo("UTC")))  # 23:59:59 in winter time
        ran("success", datetime(2026, 10, 25, 23, 0, tzinfo=ZoneInfo("UTC")))

        found = tones(both(ran)[0])

    assert found == {date(2026, 10, 24): "ok", date(2026, 10, 25): "failed", date(2026, 10, 26): "ok"}


def test_the_calendar_has_26_weeks_and_ends_today(ran):
    found = both(ran)[0]

    assert (found.days[0].date, found.days[-1].date) == (date(2026, 6, 1), date(2026, 11, 23))
    assert found.days[0].date.weekday() == 0
    assert found.days[-1].x == (days.WEEKS - 1) * days.PITCH


def test_jobs_before_the_first_week_are_left_out(ran):
    ran("failure", NOW - timedelta(days=200))

    assert tones(both(ran)[0]) == {}


def test_the_calendar_of_a_repository_knows_no_other(ran, make_repository):
    ran("failure", NOW, make_repository("other"))

    assert tones(days.of_repository(ran.repository.pk, NOW)) == {}
    assert tones(days.of_everything(NOW)) == {date(2026, 11, 23): "failed"}


def test_three_queries_make_the_calendar(ran, django_assert_num_queries):
    with django_assert_num_queries(3):
        days.of_everything(NOW)
    with django_assert_num_queries(3):
        days.of_repository(ran.repository.pk, NOW)
