"""What is due is started once and only once: late, twice asked, paused, or with a clock that jumps."""

from datetime import timedelta
from itertools import pairwise

import pytest

from backups import schedules, scheduling
from backups.models import BackupJob, Notification, Ping, ScheduledJob, ScheduledRepository
from backups.scheduling import due
from borgui.accounts.models import Installation
from tests.backups.timetable import at, rows

pytestmark = pytest.mark.django_db


# --- on time ----------------------------------------------------------------------------------------------------------
def test_nothing_starts_before_it_is_due(make_schedule, tick_at):
    schedule = make_schedule()

    assert tick_at("21 02:16") == []
    assert rows(schedule) == []


def test_what_is_due_is_queued_in_the_order_of_its_repositories(make_schedule, make_repository, tick_at):
    ids = [make_repository(name).pk for name in ("photos", "music", "mail")]
    schedule = make_schedule(repositories=[ids[2], ids[0], ids[1]], prune_after=True, check_every_days=7)

    jobs = tick_at("21 02:17")

    assert [job.repository_id for job in BackupJob.objects.queued()] == [ids[2], ids[0], ids[1]]
    assert {(job.triggered_by, job.status) for job in jobs} == {("schedule", "queued")}
    assert jobs[0].asked_maintenance == {"prune": True, "compact": False, "check_every_days": 7}
    assert jobs[0].message == "Waiting for the worker. Nothing has been stopped yet."
    assert {job.schedule_run for job in jobs} == {schedule.runs.get()}
    assert rows(schedule) == [("21 02:17", "queued")]
    schedule.refresh_from_db()
    assert (schedule.last_run, schedule.next_run) == (at("21 02:17"), at("22 02:17"))


def test_a_tick_that_comes_some_minutes_late_is_on_time(make_schedule, tick_at):
    schedule = make_schedule()

    tick_at("21 02:22")

    assert rows(schedule) == [("21 02:17", "queued")]
    assert schedule.runs.get().message == ""


def test_a_storm_of_restarts_starts_it_once(make_schedule, tick_at):
    schedule = make_schedule()

    found = [job for minute in ("17", "17", "17", "18", "18", "19") for job in tick_at(f"21 02:{minute}")]

    assert len(found) == 1
    assert rows(schedule) == [("21 02:17", "queued")]


def test_every_night_of_a_week_is_a_run(make_schedule, tick_at):
    schedule = make_schedule(catch_up=0)

    for day in range(21, 28):
        tick_at(f"{day} 02:17")
        BackupJob.objects.update(status="success")

    assert rows(schedule) == [(f"{day} 02:17", "queued") for day in range(21, 28)]


def test_what_is_switched_off_or_in_a_window_does_not_start_by_itself(make_schedule, tick_at):
    from backups.models import MaintenanceWindow

    window = MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *", timezone="UTC")
    off, inside = make_schedule("off", enabled=False), make_schedule("inside", maintenance_window_id=window.pk)

    assert tick_at("21 02:17") == []
    assert (off.next_run, inside.next_run) == (None, None)


# --- what is left out -------------------------------------------------------------------------------------------------
def test_a_backup_of_the_same_schedule_that_still_waits_is_not_queued_again(make_schedule, make_repository, tick_at):
    ids = [make_repository(name).pk for name in ("photos", "music")]
    schedule = make_schedule(repositories=ids)
    tick_at("21 02:17")
    BackupJob.objects.filter(repository=ids[1]).update(status="running", phase="backup")

    jobs = tick_at("22 02:17")

    assert [job.repository_id for job in jobs] == [ids[1]]
    message = schedule.runs.get(due_at=at("22 02:17")).message
    assert message == "'photos' was not queued again: its last backup of this schedule still waits."


def test_a_run_for_which_everything_still_waits_is_over_at_once_and_not_pinged(make_schedule, tick_at):
    schedule = make_schedule(ping_url="https://ping.example.org/1")
    tick_at("21 02:17")

    assert tick_at("22 02:17") == []
    assert schedule.runs.get(due_at=at("22 02:17")).ended_at == at("22 02:17")
    assert Ping.objects.filter(schedule_run__due_at=at("22 02:17")).count() == 0


def test_a_repository_that_was_deleted_meanwhile_is_left_out_and_named(make_schedule, make_repository, tick_at):
    gone, kept = make_repository("old"), make_repository("photos")
    schedule = make_schedule(repositories=[gone.pk, kept.pk])
    type(gone).objects.filter(pk=gone.pk).update(deleted_at=at("20 12:00"))

    assert [job.repository_id for job in tick_at("21 02:17")] == [kept.pk]
    assert schedule.runs.get().message == "'old' was deleted."


def test_a_schedule_whose_repositories_are_gone_queues_nothing_and_says_so(make_schedule, tick_at):
    schedule = make_schedule()
    ScheduledRepository.objects.all().delete()

    assert tick_at("21 02:17") == []
    assert schedule.runs.get().message == "Nothing was queued: it has no repositories."


# --- late -------------------------------------------------------------------------------------------------------------
def test_one_missed_due_time_is_made_up_for(make_schedule, tick_at):
    schedule = make_schedule()

    assert len(tick_at("21 07:12")) == 1

    assert rows(schedule) == [("21 02:17", "made up")]
    assert schedule.runs.get().message == "Made up for, 4 h 55 min late."
    assert not Notification.objects.exists()
    assert tick_at("21 07:13") == []


def test_a_laptop_that_sleeps_over_three_due_times_makes_up_for_one(make_schedule, tick_at):
    schedule = make_schedule()

    assert len(tick_at("23 08:00")) == 1

    assert rows(schedule) == [("21 02:17", "missed"), ("22 02:17", "missed"), ("23 02:17", "made up")]
    assert not Notification.objects.exists()
    schedule.refresh_from_db()
    assert schedule.next_run == at("24 02:17")


def test_what_is_too_late_is_missed_and_people_are_told_once(make_schedule, tick_at):
    schedule = make_schedule(catch_up=3600)

    assert tick_at("21 07:17") == []

    assert rows(schedule) == [("21 02:17", "missed")]
    assert "5 h late is more than the 1 h" in schedule.runs.get().message
    told = Notification.objects.get()
    assert (told.event, told.repository_id) == ("missed", schedule.repositories.get().pk)
    assert told.title == "Not backed up: 'Nightly' was missed"
    assert "'of Nightly'" in told.text
    assert "22 Nov 2026, 02:17" in told.text
    tick_at("21 07:18")
    assert Notification.objects.count() == 1


def test_without_catch_up_only_what_is_on_time_starts(make_schedule, tick_at):
    schedule = make_schedule(catch_up=0)

    assert len(tick_at("21 02:20")) == 1
    assert tick_at("22 02:23") == []
    assert rows(schedule) == [("21 02:17", "queued"), ("22 02:17", "missed")]


def test_of_thousands_of_missed_times_the_last_twenty_have_rows_and_the_others_are_counted(make_schedule, tick_at):
    schedule = make_schedule(cron_expression="* * * * *")

    assert len(tick_at("28 12:00")) == 1

    runs = list(schedule.runs.order_by("due_at"))
    assert [run.status for run in runs] == ["missed"] * 20 + ["queued"]
    assert runs[0].due_at == at("28 11:40")
    assert runs[0].message.endswith("The same became of more than 1,000 due times before this one.")
    assert all("before this one" not in run.message for run in runs[1:])


def test_the_count_of_the_others_is_exact_where_it_is_small(make_schedule, tick_at):
    schedule = make_schedule(cron_expression="0 * * * *")

    tick_at("21 13:30")  # due at 13:00 on the 20th and 24 times after that

    assert rows(schedule)[0][0] == "20 17:00"
    assert "of 4 due times before" in schedule.runs.earliest("due_at").message


# --- paused -----------------------------------------------------------------------------------------------------------
def test_what_is_due_in_a_pause_is_recorded_and_not_made_up_for(make_schedule, tick_at, clock):
    schedule = make_schedule()
    schedules.pause(schedule, at("22 06:00"))

    assert tick_at("21 02:17") == []
    assert tick_at("22 02:17") == []
    assert tick_at("22 07:00") == []
    assert len(tick_at("23 02:17")) == 1
    assert rows(schedule) == [("21 02:17", "paused"), ("22 02:17", "paused"), ("23 02:17", "queued")]


def test_a_pause_that_ends_while_nobody_looks_makes_up_only_for_what_came_after_it(make_schedule, tick_at):
    schedule = make_schedule(cron_expression="0 */6 * * *")
    schedules.pause(schedule, at("21 07:00"))

    assert len(tick_at("21 13:00")) == 1
    assert rows(schedule)[-2:] == [("21 06:00", "paused"), ("21 12:00", "made up")]
    assert not Notification.objects.exists()


def test_resuming_does_not_make_up_for_what_nobody_has_looked_at_yet(make_schedule, tick_at, clock):
    schedule = make_schedule()
    schedules.pause(schedule, at("25 00:00"))
    clock.move_to(at("21 02:18"))

    schedules.resume(schedule)

    assert tick_at("21 02:19") == []
    assert rows(schedule) == [("21 02:17", "paused")]
    assert len(tick_at("22 02:17")) == 1


@pytest.mark.parametrize("until", [None, "21 06:00"])
def test_everything_can_be_paused_until_a_time_or_until_somebody_resumes(make_schedule, tick_at, clock, until):
    one, two = make_schedule("one"), make_schedule("two")
    schedules.pause_all(at(until) if until else None)

    assert tick_at("21 02:17") == []
    clock.move_to(at("21 07:00"))
    if until is None:
        schedules.resume_all()
    assert tick_at("21 07:01") == []
    assert len(tick_at("22 02:17")) == 2
    assert rows(one) == rows(two) == [("21 02:17", "paused"), ("22 02:17", "queued")]


def test_resuming_everything_does_not_make_up_for_what_nobody_has_looked_at_yet(make_schedule, tick_at, clock):
    schedule = make_schedule()
    schedules.pause_all()
    clock.move_to(at("21 02:18"))

    schedules.resume_all()

    assert tick_at("21 02:19") == []
    assert rows(schedule) == [("21 02:17", "paused")]
    assert Installation.objects.get(pk=1).schedules_paused_at is None


# --- jitter -----------------------------------------------------------------------------------------------------------
def test_jitter_delays_the_start_by_the_same_whoever_asks_and_never_by_more(make_schedule):
    found = [make_schedule(f"number {number}", jitter=3600) for number in range(20)]

    delays = [(one.starts_at - one.next_run).total_seconds() for one in found]

    assert all(0 <= delay <= 3600 for delay in delays)
    assert len(set(delays)) > 10
    due.set_next(found[0], at("20 13:00"))
    assert (found[0].starts_at - found[0].next_run).total_seconds() == delays[0]


def test_what_is_late_by_its_jitter_is_not_late(make_schedule, clock):
    schedule = make_schedule(jitter=3 * 3600, catch_up=0)

    assert scheduling.start_due(schedule.starts_at - timedelta(seconds=1)) == []
    assert len(scheduling.start_due(schedule.starts_at)) == 1
    assert rows(schedule) == [("21 02:17", "queued")]


def test_a_start_never_comes_after_the_next_due_time(make_schedule):
    schedule = make_schedule(cron_expression="0 * * * *", jitter=3599)
    moments = []
    for _ in range(48):
        due.set_next(schedule, schedule.next_run)
        moments.append((schedule.next_run, schedule.starts_at))

    assert all(start < following for (_, start), (following, _) in pairwise(moments))


def test_after_downtime_the_newest_due_time_still_waits_for_its_jitter(make_schedule, clock):
    schedule = make_schedule(jitter=3600)
    wakes = at("23 02:18")

    assert scheduling.start_due(wakes) == []

    assert rows(schedule) == [("21 02:17", "missed"), ("22 02:17", "missed")]
    schedule.refresh_from_db()
    assert schedule.next_run == at("23 02:17")
    assert len(scheduling.start_due(schedule.starts_at)) == 1


# --- the clock --------------------------------------------------------------------------------------------------------
def test_a_clock_that_is_set_back_runs_nothing_twice(make_schedule, tick_at):
    schedule = make_schedule(cron_expression="0 * * * *")
    tick_at("20 13:00")
    BackupJob.objects.update(status="success")

    assert tick_at("20 11:30") == []
    assert tick_at("20 13:00") == []
    assert len(tick_at("20 14:00")) == 1
    assert rows(schedule) == [("20 13:00", "queued"), ("20 14:00", "queued")]


def test_a_due_time_that_something_became_of_is_not_started_again_when_the_times_are_changed(
    make_schedule, tick_at, clock
):
    schedule = make_schedule()
    tick_at("21 02:17")
    BackupJob.objects.update(status="success")
    clock.move_to(at("21 02:00"))
    schedules.change(schedule, {"cron_expression": "17 2 * * 1-7"})

    assert tick_at("21 02:17") == []
    schedule.refresh_from_db()
    assert schedule.next_run == at("22 02:17")
    assert rows(schedule) == [("21 02:17", "queued")]


def test_a_clock_that_is_set_forward_is_as_downtime(make_schedule, tick_at):
    schedule = make_schedule()

    assert len(tick_at("22 03:00")) == 1
    assert rows(schedule) == [("21 02:17", "missed"), ("22 02:17", "made up")]


def test_a_clock_that_was_years_ahead_does_not_end_the_backups(make_schedule, tick_at, clock):
    schedule = make_schedule()
    ahead = at("20 12:00").replace(year=2031)
    clock.move_to(ahead)
    scheduling.start_due(ahead)
    BackupJob.objects.update(status="success")
    schedule.refresh_from_db()
    assert schedule.next_run.year == 2031

    assert tick_at("21 00:00") == []
    assert len(tick_at("21 02:17")) == 1
    schedule.refresh_from_db()
    assert schedule.next_run == at("22 02:17")


# --- what cannot be computed ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("broken", [{"timezone": "Mars/Olympus"}, {"cron_expression": "never"}])
def test_one_schedule_that_cannot_be_computed_does_not_stop_the_others(make_schedule, tick_at, broken):
    bad, good = make_schedule("bad"), make_schedule("good")
    ScheduledJob.objects.filter(pk=bad.pk).update(**broken)

    jobs = tick_at("21 02:17")

    assert [job.repository_id for job in jobs] == [good.repositories.get().pk]
    bad.refresh_from_db()
    assert (bad.enabled, bad.next_run) == (False, None)
    assert Notification.objects.get().title == "Switched off: 'bad'"


def test_a_schedule_without_a_next_time_gets_one(make_schedule, tick_at):
    schedule = make_schedule()
    ScheduledJob.objects.update(next_run=None, starts_at=None)

    tick_at("20 13:00")

    schedule.refresh_from_db()
    assert schedule.next_run == at("21 02:17")


# --- many -------------------------------------------------------------------------------------------------------------
def test_many_at_once_cost_a_query_each_and_few_besides(make_schedule, make_repository, tick_at):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    repository = make_repository()
    for number in range(40):
        make_schedule(f"number {number}", repositories=[repository.pk])

    with CaptureQueriesContext(
        connection,
    ) as queries:
        jobs = tick_at("21 02:17")

    assert len(jobs) == 40
    assert len(queries) < 40 + 25
