from datetime import timedelta

import pytest
from django.utils import timezone

from backups import status
from backups.host import host_id
from backups.models import BackupJob, Worker

NOW = timezone.now()


@pytest.fixture
def worker(db, data_dir):
    return Worker.objects.create(host_id=host_id(), hostname="nas", owner="", started_at=NOW, last_seen=NOW)


def finished(repository, **fields) -> BackupJob:
    defaults = {"status": "success", "outcome": "success", "data": "good", "services": "up", "completed_at": NOW}
    return BackupJob.objects.create(repository=repository, triggered_by="api", **{**defaults, **fields})


def entry(name: str = "photos") -> dict:
    return next(one for one in status.overview(NOW)["repositories"] if one["name"] == name)


def test_everything_is_well(worker, make_repository):
    finished(make_repository())

    assert status.overview(NOW)["ok"] is True


def test_without_a_worker_nothing_is_well(make_repository):
    finished(make_repository())

    found = status.overview(NOW)

    assert (found["ok"], found["worker"]) == (False, {"alive": False, "last_seen": None})


def test_a_worker_that_is_silent_for_more_than_three_minutes_is_an_alarm(worker, make_repository):
    finished(make_repository())

    assert status.overview(NOW + timedelta(minutes=3))["ok"] is True
    assert status.overview(NOW + timedelta(minutes=3, seconds=1))["ok"] is False


def test_a_repository_that_was_never_backed_up_is_not_safe(worker, make_repository):
    make_repository()

    assert status.overview(NOW)["ok"] is False
    assert (entry()["data"], entry()["services"]) == (None, "untouched")


@pytest.mark.parametrize(
    ("fields", "ok"),
    [
        ({"status": "warning", "data": "good_with_warnings"}, True),
        ({"status": "failure", "data": "none"}, False),
        ({"status": "failure", "data": "good"}, True),
        ({"services": "interrupted"}, False),
        ({"services": "untouched"}, True),
    ],
)
def test_both_verdicts_of_the_last_job_count(worker, make_repository, fields, ok):
    finished(make_repository(), **fields)

    assert status.overview(NOW)["ok"] is ok


@pytest.mark.parametrize("outcome", ["skipped", "cancelled"])
def test_a_day_without_a_backup_leaves_the_data_verdict_of_the_last_one(worker, make_repository, outcome):
    repository = make_repository()
    finished(repository)
    finished(repository, status=outcome, data="none", services="interrupted")

    assert (entry()["data"], entry()["services"]) == ("good", "interrupted")


def test_a_job_that_runs_does_not_count_yet(worker, make_repository):
    repository = make_repository()
    finished(repository)
    BackupJob.objects.create(repository=repository, triggered_by="api", status="running", phase="backup")

    assert entry()["data"] == "good"


def test_a_broken_promise_is_red_whatever_became_of_the_backup(worker, make_repository):
    repository = make_repository()
    old = finished(repository)
    finished(repository)
    promise = old.broken_promises.create(
        repository=repository, execution_id=7, position=1, script_name="start", message="it failed"
    )

    found = status.overview(NOW)

    assert found["ok"] is False
    assert found["broken_promises"] == [
        {
            "id": promise.pk,
            "job_id": old.pk,
            "window_run_id": None,
            "execution_id": 7,
            "script_name": "start",
            "repository_id": repository.pk,
            "since": promise.since,
            "message": "it failed",
        }
    ]
    assert entry()["services"] == "broken_promise"


def test_deleted_repositories_are_not_listed(worker, make_repository):
    make_repository(deleted_at=NOW)

    assert status.overview(NOW)["repositories"] == []


@pytest.mark.parametrize("count", [1, 50])
def test_the_queries_do_not_grow_with_the_repositories(worker, make_repository, count, django_assert_num_queries):
    for number in range(count):
        finished(make_repository(f"number {number}"))

    with django_assert_num_queries(9):
        status.overview(NOW)
