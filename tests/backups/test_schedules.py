"""What people may say in a schedule, and what a change does to its times."""

from datetime import UTC, datetime

import pytest

from backups import repositories, schedules
from backups.models import BackupJob, MaintenanceWindow, ScheduledJob
from borgui.accounts.models import Installation
from scripts_library.errors import Conflict, Invalid
from tests.rest import make_user

from .timetable import at, rows

pytestmark = pytest.mark.django_db


def refused(act) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        act()
    return caught.value.errors


# --- the fields -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "needs a name"),
        ("name", "a\nb", "no line breaks"),
        ("name", "x" * 101, "longer than 100"),
        ("name", "\u200b", "no control characters"),
        ("name", "a\u202eb", "no control characters"),
        ("cron_expression", "61 * * * *", "The minute cannot be"),
        ("cron_expression", "0 0 31 2 *", "never comes"),
        ("timezone", "Mars/Olympus", "no such time zone"),
        ("timezone", "../../etc/passwd", "no such time zone"),
        ("jitter", 24 * 3600, "less than the 1440 minutes"),
        ("jitter", 24 * 3600 + 1, "from 0 to 86400"),
        ("catch_up", 31 * 24 * 3600, "from 0 to"),
        ("check_every_days", 0, "from 1 to 3650"),
        ("ping_url", "http://169.254.169.254/latest", "for the machine itself"),
        ("ping_url", "https://metadata.google.internal/", "for the machine itself"),
        ("ping_url", "ftp://ping.example.org", "https://"),
        ("ping_url", "file:///etc/passwd", "https://"),
        ("ping_url", "https://", "https://"),
        ("ping_url", "https://ping.example.org/a b", "https://"),
        ("ping_url", "https://ping.example.org:99999/", "https://"),
        ("repositories", [], "at least one"),
        ("repositories", None, "at least one"),
        ("repositories", [4711], "There is no repository 4711"),
        ("maintenance_window_id", 4711, "no maintenance window"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_its_field(make_schedule, field, value, words):
    errors = refused(lambda: make_schedule(**{field: value}) if field != "name" else make_schedule(value))

    assert list(errors) == [field]
    assert words in errors[field]
    assert not ScheduledJob.objects.exists()


def test_a_deleted_repository_and_one_named_twice_are_refused(make_schedule, make_repository):
    gone, photos = make_repository("gone", deleted_at=at("01 00:00")), make_repository()

    assert "no repository" in refused(lambda: make_schedule(repositories=[gone.pk]))["repositories"]
    assert "twice" in refused(lambda: make_schedule(repositories=[photos.pk, photos.pk]))["repositories"]


def test_a_name_is_taken_once(make_schedule):
    make_schedule()
    other = make_schedule("Other")

    with pytest.raises(Conflict, match="named 'Nightly' already"):
        make_schedule(repositories=[other.repositories.get().pk])
    with pytest.raises(Conflict):
        schedules.change(other, {"name": "Nightly"})


def test_a_free_name_gets_a_number(make_schedule):
    assert schedules.free_name("Nightly") == "Nightly"
    make_schedule("Nightly")
    make_schedule("Nightly 2")
    assert schedules.free_name("Nightly") == "Nightly 3"


def test_the_zone_of_the_installation_is_the_default(make_schedule, settings):
    settings.TIME_ZONE, settings.TIME_ZONE_IS_SET = "Australia/Lord_Howe", True

    schedule = schedules.create(
        {"name": "x", "cron_expression": "0 2 * * *", "repositories": [make_schedule().repositories.get().pk]}
    )

    assert schedule.timezone == "Australia/Lord_Howe"


def test_a_schedule_in_a_window_needs_no_time(make_schedule):
    window = MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *", timezone="UTC")

    assert make_schedule(cron_expression="", maintenance_window_id=window.pk).next_run is None


# --- times ------------------------------------------------------------------------------------------------------------
def test_a_new_schedule_never_starts_at_a_time_that_is_over(make_schedule, tick_at):
    schedule = make_schedule(cron_expression="0 12 * * *")  # it is 12:00 now

    assert schedule.next_run == at("21 12:00")
    assert tick_at("20 12:01") == []


def test_new_times_count_from_now_on(make_schedule, clock):
    schedule = make_schedule()
    clock.move_to(at("25 09:00"))

    schedules.change(schedule, {"cron_expression": "0 8 * * *"})

    assert schedule.next_run == at("26 08:00")


def test_a_change_that_is_not_about_times_leaves_the_due_time_that_waits(make_schedule, tick_at, clock):
    schedule = make_schedule()
    clock.move_to(at("21 02:18"))

    schedules.change(schedule, {"name": "Every night", "prune_after": True})

    assert len(tick_at("21 02:19")) == 1


def test_what_is_switched_off_has_no_next_time_and_gets_one_when_it_is_switched_on(make_schedule, clock):
    schedule = make_schedule()
    schedules.change(schedule, {"enabled": False})
    assert (schedule.next_run, schedule.starts_at) == (None, None)
    clock.move_to(at("23 09:00"))

    schedules.change(schedule, {"enabled": True})

    assert schedule.next_run == at("24 02:17")


def test_the_order_of_the_repositories_can_be_changed(make_schedule, make_repository, tick_at):
    ids = [make_repository(name).pk for name in ("one", "two", "three")]
    schedule = make_schedule(repositories=ids)

    schedules.change(schedule, {"repositories": ids[::-1]})

    assert schedules.members_of(schedule) == ids[::-1]
    assert [job.repository_id for job in tick_at("21 02:17")] == ids[::-1]


def test_the_ping_address_is_kept_where_none_is_given_and_forgotten_on_demand(make_schedule):
    schedule = make_schedule(ping_url="https://ping.example.org/1")
    schedules.change(schedule, {"ping_url": ""})
    schedule.refresh_from_db()
    assert schedule.ping_url == "https://ping.example.org/1"

    schedules.change(schedule, {"ping_url": None})

    schedule.refresh_from_db()
    assert schedule.ping_url == ""


# --- repositories that go ---------------------------------------------------------------------------------------------
def test_a_deleted_repository_leaves_its_schedules_and_empties_switch_themselves_off(make_schedule, make_repository):
    one, two = make_repository("one"), make_repository("two")
    both, alone = make_schedule("both", repositories=[one.pk, two.pk]), make_schedule("alone", repositories=[one.pk])

    repositories.delete(one)

    both.refresh_from_db()
    alone.refresh_from_db()
    assert (schedules.members_of(both), both.enabled) == ([two.pk], True)
    assert (alone.enabled, alone.next_run, alone.starts_at) == (False, None, None)
    assert "at least one" in refused(lambda: schedules.resume(alone))["repositories"]


def test_deleting_a_schedule_leaves_what_it_has_queued(make_schedule, tick_at):
    schedule = make_schedule()
    [job] = tick_at("21 02:17")

    schedules.delete(schedule)

    job = BackupJob.objects.get(pk=job.pk)
    assert (job.status, job.schedule_run) == ("queued", None)


# --- pausing ----------------------------------------------------------------------------------------------------------
def test_a_pause_that_is_over_already_is_refused(make_schedule):
    schedule = make_schedule()

    for act in (lambda: schedules.pause(schedule, at("20 12:00")), lambda: schedules.pause_all(at("20 11:00"))):
        assert refused(act) == {"until": "This is over already."}


def test_a_pause_up_to_the_end_of_the_calendar_is_refused(make_schedule):
    schedule, never = make_schedule(timezone="Asia/Tokyo"), datetime.max.replace(tzinfo=UTC)

    for act in (lambda: schedules.pause(schedule, never), lambda: schedules.pause_all(never)):
        assert "without an end" in refused(act)["until"]


def test_without_an_end_a_pause_switches_off_until_somebody_resumes(make_schedule, tick_at):
    schedule = schedules.pause(make_schedule(), None)
    assert schedule.enabled is False
    assert tick_at("21 02:17") == []

    schedules.resume(schedule)

    assert (schedule.enabled, schedule.next_run) == (True, at("22 02:17"))


def test_one_that_lost_all_its_repositories_can_be_paused_and_changed_but_not_resumed(make_schedule):
    schedule = make_schedule()
    schedules.forget(schedule.members.get().repository)
    schedule.refresh_from_db()

    assert schedules.pause(schedule, at("22 00:00")).paused_until == at("22 00:00")
    assert schedules.pause(schedule, None).enabled is False
    assert schedules.change(schedule, {"name": "Later"}).name == "Later"
    for act in (lambda: schedules.resume(schedule), lambda: schedules.change(schedule, {"repositories": []})):
        assert "at least one" in refused(act)["repositories"]


def test_pausing_everything_leaves_what_the_installation_knows(make_schedule):
    Installation.objects.update_or_create(pk=1, defaults={"time_zone": "Europe/Berlin"})

    found = schedules.pause_all(at("22 00:00"))

    assert (found.time_zone, found.schedules_paused_at) == ("Europe/Berlin", at("20 12:00"))


# --- now --------------------------------------------------------------------------------------------------------------
def test_a_schedule_can_be_run_now_and_its_times_stay(make_schedule):
    schedule, anna = make_schedule(compact_after=True), make_user()

    [job] = schedules.run_now(schedule, anna)

    assert (job.triggered_by, job.triggered_by_user, job.asked_maintenance["compact"]) == ("manual", anna, True)
    assert (job.schedule_run.message, rows(schedule)) == ("Started by anna.", [("20 12:00", "queued")])
    schedule.refresh_from_db()
    assert (schedule.next_run, schedule.last_run) == (at("21 02:17"), None)


def test_what_waits_already_is_not_queued_again_by_hand(make_schedule, clock):
    schedule = make_schedule()
    schedules.run_now(schedule)
    clock.move_to(at("20 12:01"))

    with pytest.raises(Conflict, match="still waits"):
        schedules.run_now(schedule)
    assert (BackupJob.objects.count(), schedule.runs.count()) == (1, 1)
