"""The next 24 hours on one axis: where bars stand, how long they are, and where they overlap."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from backups import tonight
from backups.models import ScheduledJob

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
END = START + timedelta(hours=24)
PHOTOS, LETTERS = ScheduledJob(pk=1, name="photos"), ScheduledJob(pk=2, name="letters")


@pytest.fixture(autouse=True)
def _in_utc():
    with timezone.override(UTC):
        yield


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def drawn(*expected: tonight.Expected) -> tonight.Tonight:
    return tonight.drawn(expected, START, END)


def test_a_bar_stands_where_it_starts_and_is_as_long_as_it_takes() -> None:
    [row] = drawn((PHOTOS, at(6), 3 * 3600.0)).rows
    assert (row.bars[0].x, row.bars[0].width) == (25, 12.5)
    assert (row.times, row.about) == ("18:00", "3 h")


def test_what_has_never_run_is_drawn_and_nothing_is_said_of_its_length() -> None:
    [row] = drawn((PHOTOS, at(6), None)).rows
    assert row.seconds is None
    assert 0 < row.bars[0].width < 0.1


def test_a_bar_that_reaches_beyond_the_axis_ends_with_it() -> None:
    [row] = drawn((PHOTOS, at(23), 7200.0)).rows
    assert row.bars[0].x + row.bars[0].width == pytest.approx(100)


def test_what_starts_before_or_after_the_axis_is_left_out() -> None:
    assert drawn((PHOTOS, at(-1), 60.0), (LETTERS, at(24), 60.0)).rows == ()


def test_overlaps_are_told_also_those_of_three() -> None:
    third = ScheduledJob(pk=3, name="third")
    found = drawn((PHOTOS, at(1), 7200.0), (LETTERS, at(2), 7200.0), (third, at(2.5), 900.0))
    assert [(one.start, one.end) for one in found.overlaps] == [(at(2), at(3))]
    assert found.overlapping == "14:00 to 15:00"


def test_one_that_begins_when_the_other_ends_does_not_overlap_it() -> None:
    assert drawn((PHOTOS, at(1), 3600.0), (LETTERS, at(2), 3600.0)).overlaps == ()


def test_many_times_are_shortened_and_many_schedules_counted() -> None:
    often = [(PHOTOS, at(hour), 60.0) for hour in range(24)]
    assert drawn(*often).rows[0].times == "12:00, 13:00, 14:00 and 21 more"
    many = [(ScheduledJob(pk=10 + number), at(1), 60.0) for number in range(tonight.ROWS + 3)]
    assert (len(drawn(*many).rows), drawn(*many).more) == (tonight.ROWS, 3)


def test_the_axis_reaches_over_24_hours_also_when_clocks_change() -> None:
    with timezone.override("Europe/Berlin"):
        start, end = tonight.axis(datetime(2026, 10, 24, 20, 30, tzinfo=ZoneInfo("Europe/Berlin")))
        assert end - start == timedelta(hours=25)  # the hour that has begun, and 24 more
        assert [name for _, name in tonight.hours(start, end)][:4] == ["20:00", "23:00", "02:00", "04:00"]
