"""Overdue does not depend on a job running at all."""

from datetime import UTC, datetime, timedelta

import pytest

from backups import notifications, status
from backups.models import BackupJob, Notification, Repository, ScheduledJob
from backups.notifications import overdue

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG_AGO = NOW - 400 * 24 * HOUR


@pytest.fixture
def scheduled(make_repository):
    def make(expression="17 2 * * *", last_good_at=NOW, name="photos", **fields) -> Repository:
        repository = make_repository(name, last_good_at=last_good_at, created_at=LONG_AGO)
        fields = {"timezone": "UTC", "created_at": LONG_AGO, **fields}
        schedule = ScheduledJob.objects.create(name=f"of {name}", cron_expression=expression, **fields)
        schedule.members.create(repository=repository, position=1)
        return repository

    return make


def told(repository=None) -> list[Notification]:
    return list(Notification.objects.filter(event="overdue").order_by("pk"))


@pytest.mark.parametrize(
    ("expression", "hours"),
    [("17 2 * * *", 48), ("17 * * * *", 26), ("17 2 * * 0", 14 * 24), ("17 2 * * 1-5", 6 * 24)],
)
def test_it_is_overdue_after_twice_the_time_between_two_backups_and_at_least_26_hours(scheduled, expression, hours):
    repository = scheduled(expression)

    overdue.look(NOW + hours * HOUR)
    assert told() == []
    overdue.look(NOW + hours * HOUR + timedelta(minutes=1))

    assert [row.title for row in told()] == ["photos: overdue"]
    repository.refresh_from_db()
    assert repository.overdue_since == NOW + hours * HOUR + timedelta(minutes=1)
    assert status.overview(NOW)["repositories"][0]["overdue"] is True


@pytest.mark.parametrize(("expression", "every"), [("17 2 * * *", "24 h"), ("17 * * * *", "1 h")])
def test_the_words(scheduled, expression, every):
    scheduled(expression)

    overdue.look(NOW + 50 * HOUR)

    assert told()[0].text == (
        f"No good backup for too long. Last good backup: 2 days ago. One is expected every {every}. Nothing is stopped."
    )


def test_it_says_that_services_may_be_stopped(scheduled, make_job):
    repository = scheduled()
    make_job(repository)
    BackupJob.objects.update(status="failure", services="interrupted", completed_at=NOW)

    overdue.look(NOW + 50 * HOUR)

    assert told()[0].text.endswith("Services may still be stopped.")


def test_it_is_told_once_and_again_every_24_hours_while_it_lasts(scheduled):
    scheduled()
    for hour in range(49, 49 + 49):
        overdue.look(NOW + hour * HOUR)

    assert [(row.created_at - NOW) / HOUR for row in told()] == [49, 73, 97]


def test_a_worker_that_was_stopped_and_is_started_late_tells_at_once_and_a_good_backup_ends_it(
    scheduled, make_job, run_to_its_end
):
    repository = scheduled()

    notifications.look(NOW + 9 * 24 * HOUR)
    assert len(told()) == 1
    run_to_its_end(make_job(repository))
    notifications.look(NOW + 9 * 24 * HOUR + timedelta(minutes=1))

    repository.refresh_from_db()
    assert repository.overdue_since is None
    assert Notification.objects.get(event="works_again").title == "photos: works again"


@pytest.fixture
def run_to_its_end():
    """The end of a good backup, as finishing writes it."""
    from django.utils import timezone

    from backups import finishing, notices

    def run(job: BackupJob) -> None:
        job.status, job.outcome, job.data, job.completed_at = "success", "success", "good", timezone.now()
        job.archive_name = "photos-1"
        job.save()
        notices.of_finished(job, [], [])
        Repository.objects.filter(pk=job.repository_id).update(last_good_at=NOW + 9 * 24 * HOUR)
        finishing.remember_on_repository(job)
        Repository.objects.filter(pk=job.repository_id).update(last_good_at=NOW + 9 * 24 * HOUR)

    return run


def test_skipped_and_failed_backups_do_not_reset_it(scheduled, make_job):
    repository = scheduled()
    for outcome in ("skipped", "failure"):
        make_job(repository)
        BackupJob.objects.filter(status="queued").update(status=outcome, completed_at=NOW + 47 * HOUR)

    overdue.look(NOW + 49 * HOUR)

    assert len(told()) == 1


def test_a_repository_that_never_had_a_good_backup_is_counted_from_its_schedule_on(scheduled):
    scheduled(last_good_at=None, created_at=NOW)

    overdue.look(NOW + 47 * HOUR)
    assert told() == []
    overdue.look(NOW + 49 * HOUR)

    assert "There is no good backup yet." in told()[0].text


def test_without_an_enabled_schedule_nothing_is_overdue_but_a_pause_is_no_excuse(scheduled, make_repository):
    make_repository("by hand", last_good_at=LONG_AGO)
    scheduled(name="disabled", enabled=False)
    scheduled(name="paused", paused_until=NOW + 1000 * HOUR)

    overdue.look(NOW + 100 * HOUR)

    assert [row.title for row in told()] == ["paused: overdue"]


def test_the_most_frequent_of_several_schedules_counts(scheduled):
    repository = scheduled("0 0 * * 0")
    daily = ScheduledJob.objects.create(name="daily", cron_expression="0 3 * * *", timezone="UTC", created_at=LONG_AGO)
    daily.members.create(repository=repository, position=1)

    overdue.look(NOW + 49 * HOUR)

    assert len(told()) == 1


def test_what_is_not_overdue_any_more_is_taken_back(scheduled):
    repository = scheduled()
    overdue.look(NOW + 49 * HOUR)
    ScheduledJob.objects.update(enabled=False)

    overdue.look(NOW + 50 * HOUR)

    repository.refresh_from_db()
    assert repository.overdue_since is None


@pytest.mark.parametrize(("expression", "zone"), [("nonsense", "UTC"), ("17 2 * * *", "Nowhere/At all")])
def test_a_schedule_that_cannot_be_read_is_no_excuse_and_in_nobodys_way(scheduled, expression, zone):
    scheduled(expression, timezone=zone)
    scheduled(name="mail")

    overdue.look(NOW + 49 * HOUR)

    assert [row.title for row in told()] == ["photos: overdue", "mail: overdue"]
