"""When a window opens by itself: due times, missed and late ones, those that would overlap, pauses and clock changes."""

from datetime import UTC, datetime

import pytest

from backups import schedules, scheduling, windows
from backups.models import BackupJob, MaintenanceWindow, Notification, WindowRun
from backups.scheduling import openings
from borgui.accounts.models import Installation
from tests.backups.timetable import at

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(clock, make_repository):
    """At 02:00 UTC every night, with one backup."""
    window = MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *", timezone="UTC")
    windows.set_next(window, at("20 12:00"))
    inside = {"cron_expression": "0 2 * * *", "timezone": "UTC", "maintenance_window_id": window.pk}
    schedules.create({"name": "inside", "repositories": [make_repository("photos").pk], **inside})
    return window


@pytest.fixture
def tick(clock):
    """tick("21 02:00"): the worker's tick at that moment; what it says of each run since."""

    def make(text):
        clock.move_to(at(text))
        scheduling.start_due(at(text))
        return states()

    return make


def states():
    return [
        (f"{run.due_at:%d %H:%M}", "made up" if run.is_catch_up else run.status)
        for run in WindowRun.objects.exclude(due_at=None).order_by("due_at")
    ]


def close_all():
    WindowRun.objects.unfinished().update(status="success")


def events():
    return list(Notification.objects.values_list("event", flat=True))


def test_a_window_opens_at_its_time_and_once(night, tick):
    assert night.next_run == at("21 02:00")
    assert tick("21 01:59") == []

    assert tick("21 02:00") == [("21 02:00", "queued")]
    openings.open_due(at("21 02:00"))
    scheduling.start_due(at("21 02:01"))

    assert states() == [("21 02:00", "queued")]
    night.refresh_from_db()
    assert (night.last_run, night.next_run) == (at("21 02:00"), at("22 02:00"))
    assert not BackupJob.objects.exists(), "its own process makes the jobs, when it opens"


def test_two_workers_that_read_the_same_due_time_open_it_once(night, clock, monkeypatch):
    clock.move_to(at("21 02:00"))
    turn = openings.turn_of(MaintenanceWindow.objects.get(), at("21 02:00"))
    openings.open_due(at("21 02:00"))

    assert not openings.take(night, turn)
    assert states() == [("21 02:00", "queued")]


def test_a_late_opening_is_made_up_for_within_the_hour(night, tick):
    assert tick("21 02:59") == [("21 02:00", "made up")]
    assert "59 min late" in WindowRun.objects.get().message
    assert events() == []


def test_a_later_one_is_missed_and_told(night, tick):
    assert tick("21 03:02") == [("21 02:00", "missed")]

    assert events() == ["window_missed"]
    said = Notification.objects.get()
    assert "'Night'" in said.title
    assert "Next: 22 Nov 2026" in said.text
    assert tick("22 02:00") == [("21 02:00", "missed"), ("22 02:00", "queued")]


def test_after_days_without_a_server_one_opening_is_made_up_for_and_one_told(night, tick):
    assert tick("23 02:30") == [("21 02:00", "missed"), ("22 02:00", "missed"), ("23 02:00", "made up")]
    assert events() == []


def test_an_opening_that_is_due_while_the_window_still_waits_for_another_is_missed_and_not_called_open(night, tick):
    tick("21 02:00")

    assert tick("22 02:00") == [("21 02:00", "queued"), ("22 02:00", "missed")]
    assert WindowRun.objects.last().message == "Missed: the window still waited to open for the time before."
    assert "waited to open" in Notification.objects.get(event="window_missed").text


def test_an_opening_that_is_due_while_the_window_is_open_is_missed(night, tick):
    tick("21 02:00")
    WindowRun.objects.update(status="running")

    assert tick("22 02:00") == [("21 02:00", "running"), ("22 02:00", "missed")]
    assert WindowRun.objects.last().message == "Missed: the window was still open."
    assert events() == ["window_missed"]
    close_all()
    assert tick("23 02:00")[-1] == ("23 02:00", "queued")


def test_opened_by_hand_it_is_not_opened_again_at_its_time(night, tick):
    windows.open_now(night)

    tick("21 02:00")

    assert list(WindowRun.objects.filter(due_at=None).values_list("status", flat=True)) == ["queued"]
    assert WindowRun.objects.get(due_at=at("21 02:00")).status == "missed"


def test_nothing_opens_while_everything_is_paused_nor_is_it_made_up_for(night, tick, clock):
    schedules.pause_all()
    assert windows.next_openings(night, at("20 12:00")) == []

    assert tick("21 02:00") == [("21 02:00", "missed")]
    assert WindowRun.objects.get().message == "Backups were paused."
    clock.move_to(at("21 02:10"))
    schedules.resume_all()
    assert states() == [("21 02:00", "missed")]
    assert events() == []


def test_what_is_paused_until_a_moment_opens_after_it(night, clock):
    schedules.pause_all(at("21 12:00"))

    assert Installation.objects.get().schedules_paused_until == at("21 12:00")
    assert windows.next_openings(night, at("20 12:00"), 2) == [at("22 02:00"), at("23 02:00")]


def test_a_window_that_is_switched_off_does_not_open(night, tick):
    night.enabled = False
    night.save()
    windows.set_next(night, at("20 12:00"))

    assert night.next_run is None
    assert tick("21 02:00") == []
    assert windows.next_openings(night, at("20 12:00")) == []


def test_times_that_cannot_be_computed_switch_it_off_and_are_told(night, tick):
    MaintenanceWindow.objects.update(timezone="Nowhere/City")

    assert tick("21 02:00") == []
    night.refresh_from_db()
    assert (night.enabled, night.next_run) == (False, None)
    assert events() == ["window_missed"]


def test_a_clock_that_was_far_ahead_is_forgotten(night, tick):
    MaintenanceWindow.objects.update(
        next_run=datetime(2031, 1, 1, tzinfo=UTC), updated_at=datetime(2030, 1, 1, tzinfo=UTC)
    )

    tick("20 13:00")

    night.refresh_from_db()
    assert night.next_run == at("21 02:00")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        # clocks go forward on 29 March 2026, 02:00 to 03:00: 02:30 is at 03:00, 01:00 UTC
        (datetime(2026, 3, 28, 12, tzinfo=UTC), ["29 01:00", "30 00:30"]),
        # and back on 25 October 2026, 03:00 to 02:00: 02:30 comes twice and counts once
        (datetime(2026, 10, 24, 12, tzinfo=UTC), ["25 00:30", "26 01:30"]),
    ],
)
def test_both_changes_of_the_clock(night, day, expected):
    night.cron_expression, night.timezone = "30 2 * * *", "Europe/Berlin"

    assert [f"{moment:%d %H:%M}" for moment in windows.next_openings(night, day, 2)] == expected


def test_the_night_of_a_clock_change_opens_once(night, clock):
    night.cron_expression, night.timezone = "30 2 * * *", "Europe/Berlin"
    night.save()
    windows.set_next(night, datetime(2026, 10, 24, 12, tzinfo=UTC))

    for hour in range(24):
        for minute in (0, 30):
            scheduling.start_due(datetime(2026, 10, 25, hour, minute, tzinfo=UTC))
            close_all()

    assert states() == [("25 00:30", "success")]
