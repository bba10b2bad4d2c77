"""The end of a schedule's run, and the pings of its address."""

import pytest

from backups import finishing, queue, schedule_runs, scheduling
from backups.models import BackupJob, Ping

from .timetable import at

pytestmark = pytest.mark.django_db
URL = "https://ping.example.org/1"


def started(make_schedule, make_repository, tick_at, count: int = 2, **fields) -> list[BackupJob]:
    ids = [make_repository(f"number {number}").pk for number in range(count)]
    make_schedule(repositories=ids, **{"ping_url": URL, **fields})
    return tick_at("21 02:17")


def finish(job: BackupJob, status: str) -> None:
    BackupJob.objects.filter(pk=job.pk).update(status=status)
    job.refresh_from_db()
    schedule_runs.ended(job)


def kinds() -> list[str]:
    return list(Ping.objects.order_by("id").values_list("kind", flat=True))


def test_a_run_is_over_with_the_last_of_its_backups(make_schedule, make_repository, tick_at, clock):
    one, two = started(make_schedule, make_repository, tick_at)
    assert kinds() == ["start"]
    clock.move_to(at("21 03:00"))

    finish(two, "success")
    one.schedule_run.refresh_from_db()
    assert (one.schedule_run.ended_at, kinds()) == (None, ["start"])
    finish(one, "success")
    one.schedule_run.refresh_from_db()
    assert (one.schedule_run.ended_at, kinds()) == (at("21 03:00"), ["start", "success"])


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        (("success", "warning"), "success"),
        (("skipped", "skipped"), "success"),
        (("success", "failure"), "failure"),
        (("cancelled", "success"), "failure"),
    ],
)
def test_one_backup_that_was_not_made_is_a_failure_of_the_whole(
    make_schedule, make_repository, tick_at, statuses, kind
):
    jobs = started(make_schedule, make_repository, tick_at)

    for job, status in zip(jobs, statuses, strict=True):
        finish(job, status)

    assert kinds() == ["start", kind]
    assert Ping.objects.last().text == f"number 0: {statuses[0]}\nnumber 1: {statuses[1]}"


def test_without_an_address_nothing_is_pinged(make_schedule, make_repository, tick_at):
    [job] = started(make_schedule, make_repository, tick_at, 1, ping_url="")
    finish(job, "success")

    assert kinds() == []


def test_an_end_is_told_once(make_schedule, make_repository, tick_at):
    [job] = started(make_schedule, make_repository, tick_at, 1)

    finish(job, "success")
    finish(job, "failure")
    schedule_runs.end_left_over(at("22 00:00"))

    assert kinds() == ["start", "success"]


def test_a_queued_backup_that_is_cancelled_ends_the_run(make_schedule, make_repository, tick_at):
    [job] = started(make_schedule, make_repository, tick_at, 1)

    queue.request_cancel(job)

    assert kinds() == ["start", "failure"]


def test_a_backup_that_is_refused_before_it_begins_ends_the_run(make_schedule, make_repository, tick_at):
    [job] = started(make_schedule, make_repository, tick_at, 1)

    assert finishing.refuse(job, "Not started: no room.")

    assert kinds() == ["start", "failure"]


def test_the_last_two_backups_that_end_at_the_same_moment_do_not_leave_the_run_open(
    make_schedule, make_repository, tick_at
):
    [job] = started(make_schedule, make_repository, tick_at, 1)
    BackupJob.objects.update(status="success")

    scheduling.start_due(at("21 02:17"))
    assert kinds() == ["start"]  # another process may be about to end it
    scheduling.start_due(at("21 02:19"))

    job.schedule_run.refresh_from_db()
    assert (job.schedule_run.ended_at, kinds()) == (at("21 02:19"), ["start", "success"])


@pytest.mark.borg
@pytest.mark.django_db(transaction=True)
def test_a_real_backup_of_a_schedule_ends_its_run(make_schedule, repository, tick_at, run):
    schedule = make_schedule(repositories=[repository.pk], ping_url=URL)
    [job] = tick_at("21 02:17")

    job = run(job)

    assert (job.status, schedule.runs.get().ended_at is not None) == ("success", True)
    assert kinds() == ["start", "success"]
