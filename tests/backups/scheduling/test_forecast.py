"""What is going to run: for the overview, a repository, and the strip of tonight."""

from datetime import timedelta

import pytest

from backups import schedules, scheduling
from backups.models import ScheduleRun
from tests.backups.timetable import at

pytestmark = pytest.mark.django_db


def upcoming(now: str, count: int = 4, repository=None) -> list[tuple[str, str]]:
    return [(one.what.name, f"{one.at:%d %H:%M}") for one in scheduling.upcoming(at(now), count, repository)]


def test_the_next_times_of_all_schedules_come_in_order(make_schedule):
    make_schedule("nightly")
    make_schedule("six hours", cron_expression="0 */6 * * *")

    assert upcoming("20 12:00") == [
        ("six hours", "20 18:00"),
        ("six hours", "21 00:00"),
        ("nightly", "21 02:17"),
        ("six hours", "21 06:00"),
    ]


def test_the_names_of_the_repositories_are_told_in_their_order(make_schedule, make_repository):
    ids = [make_repository(name).pk for name in ("one", "two")]
    make_schedule(repositories=ids[::-1])

    [found] = scheduling.upcoming(at("20 12:00"), 1)

    assert found.repository_names == ["two", "one"]


def test_a_schedule_of_every_minute_does_not_hide_the_night_of_the_others(make_schedule):
    for number in range(3):
        make_schedule(f"minutely {number}", cron_expression="* * * * *")
    make_schedule("nightly", cron_expression="30 11 * * *")

    found = [schedule.name for schedule, _, _ in scheduling.tonight(at("20 12:00"), at("21 11:59"))]

    assert found.count("nightly") == 1
    assert found.count("minutely 2") == 24 * 60 - 1, "from 12:01 to 11:59"


def test_of_one_repository_only_its_own_are_told(make_schedule, make_repository):
    photos = make_repository()
    make_schedule("others", cron_expression="* * * * *")
    make_schedule("mine", repositories=[photos.pk])

    assert upcoming("20 12:00", 2, photos) == [("mine", "21 02:17"), ("mine", "22 02:17")]


def test_what_is_off_or_paused_is_left_out_until_the_pause_is_over(make_schedule):
    make_schedule("off", enabled=False)
    paused = make_schedule("paused")
    schedules.pause(paused, at("23 02:17"))

    assert upcoming("20 12:00", 1) == [("paused", "23 02:17")]
    schedules.pause_all(at("25 00:00"))
    assert upcoming("20 12:00", 1) == [("paused", "25 02:17")]
    schedules.pause_all()
    assert upcoming("20 12:00", 1) == []


def test_a_due_time_that_nobody_has_started_yet_is_not_to_come(make_schedule):
    make_schedule()

    assert upcoming("21 09:00", 1) == [("Nightly", "22 02:17")]


def test_tonight_tells_how_long_it_usually_takes(make_schedule):
    known, new = make_schedule("known"), make_schedule("new", cron_expression="0 3 * * *")
    for day, minutes in ((17, 10), (18, 30), (19, 20)):
        began = at(f"{day} 02:17")
        ScheduleRun.objects.create(
            scheduled_job=known,
            due_at=began,
            status="queued",
            created_at=began,
            ended_at=began + timedelta(minutes=minutes),
        )

    found = scheduling.tonight(at("20 12:00"), at("21 12:00"))

    assert found == [(known, at("21 02:17"), 1200.0), (new, at("21 03:00"), None)]


def test_both_ends_of_tonight_belong_to_it(make_schedule):
    make_schedule(cron_expression="0 * * * *")

    found = scheduling.tonight(at("20 13:00"), at("20 15:00"))

    assert [when for _, when, _ in found] == [at("20 13:00"), at("20 14:00"), at("20 15:00")]


@pytest.mark.parametrize("count", [1, 30])
def test_the_queries_do_not_grow_with_the_schedules(make_schedule, make_repository, count, django_assert_num_queries):
    photos = make_repository()
    for number in range(count):
        make_schedule(f"number {number}", repositories=[photos.pk])

    with django_assert_num_queries(4):
        scheduling.upcoming(at("20 12:00"), 5)
    with django_assert_num_queries(5):
        scheduling.tonight(at("20 12:00"), at("21 12:00"))
