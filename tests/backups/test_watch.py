import time

import pytest
from django.db import OperationalError, connection

from backups import watch
from backups.models import BackupJob
from backups.watch import StopRequest, Watch
from scripts_library.models import ScriptExecution
from scripts_library.running import Stop


@pytest.fixture
def job(make_repository, make_job):
    job = make_job(make_repository())
    BackupJob.objects.update(status="running", phase="pre-backup")
    return job


@pytest.fixture
def row(job):
    return job.executions.create(script_name="slow", hook_type="pre-backup", timeout=1, triggered_by="api")


def asked(**fields):
    return BackupJob.objects.update(cancel_requested_at="2026-11-22T02:00:00Z", **fields)


def test_nothing_speaks_against_going_on(job, row):
    look = Watch(job, StopRequest())

    assert (look.pre(row), look.borg(), look.post(row), look.maintenance()) == ("", "", "", "")


def test_a_cancel_of_the_job_ends_everything_but_the_post_backup_chain(job, row):
    asked()
    look = Watch(job, StopRequest())

    assert look.pre(row) == Stop.CANCELLED
    assert look.borg() == Stop.CANCELLED
    assert Watch(job, StopRequest()).maintenance() == Stop.CANCELLED
    assert Watch(job, StopRequest()).post(row) == ""


@pytest.mark.parametrize("hook", ["pre", "post"])
def test_one_execution_can_be_stopped_alone(job, row, hook):
    ScriptExecution.objects.update(cancel_requested_at="2026-11-22T02:00:00Z")

    assert getattr(Watch(job, StopRequest()), hook)(row) == Stop.STOPPED
    assert Watch(job, StopRequest()).borg() == ""


def test_a_planned_stop_ends_all_but_the_post_backup_chain_at_once(job, row, settings):
    settings.STOP_GRACE = 120
    stop = StopRequest()
    stop.ask()
    look = Watch(job, stop)

    assert look.pre(row) == look.borg() == look.maintenance() == Stop.SHUTDOWN
    assert look.post(row) == ""


def test_a_planned_stop_ends_a_post_backup_script_when_the_grace_is_over(job, row, settings):
    settings.STOP_GRACE = 120
    stop = StopRequest()
    stop.ask()
    stop.instant -= 120 - watch.RESERVED

    assert Watch(job, stop).post(row) == Stop.SHUTDOWN


@pytest.mark.parametrize(("grace", "seconds"), [(120, 108), (20, 10), (2, 1)])
def test_some_of_the_grace_is_kept_for_ending_what_still_runs(settings, grace, seconds):
    settings.STOP_GRACE = grace
    stop = StopRequest()
    assert not stop.is_out_of_time()
    stop.instant = time.monotonic() - seconds + 0.9
    assert not stop.is_out_of_time()
    stop.instant = time.monotonic() - seconds
    assert stop.is_out_of_time()


def test_the_first_request_to_stop_starts_the_clock():
    stop = StopRequest()
    stop.ask()
    instant = stop.instant
    stop.ask()

    assert stop.instant == instant


def test_who_only_waits_gives_up_at_once_when_asked_to_stop():
    stop = StopRequest()
    stop.give_up()
    assert not stop.is_out_of_time(), "nobody asked"
    stop.ask()
    assert stop.is_out_of_time()


def test_max_downtime_counts_from_the_first_pre_backup_script(job, row):
    job.repository.max_downtime = 10
    look = Watch(job, StopRequest())
    assert look.borg() == ""
    look.pre(row)
    look._down_since -= 10

    assert look.pre(row) == look.borg() == Stop.MAX_DOWNTIME
    assert look.post(row) == ""


def test_the_database_is_asked_once_a_second_at_most(job, row, django_assert_num_queries):
    look = Watch(job, StopRequest())
    look.borg()
    with django_assert_num_queries(0):
        for _ in range(20):
            look.borg()
    look._looked[0] -= watch.LOOK
    asked()

    assert look.borg() == Stop.CANCELLED


def test_a_cancel_that_was_not_seen_yet_is_seen_when_borg_is_over(job):
    look = Watch(job, StopRequest())
    assert look.borg() == ""
    asked()

    assert look.borg() == "", "it was asked less than a second ago"
    assert look.is_cancelled()


def test_a_database_that_does_not_answer_says_nothing(job, row, monkeypatch):
    def refuse(*args):
        raise OperationalError("database is locked")

    asked()
    monkeypatch.setattr(Watch, "_read", refuse)

    assert Watch(job, StopRequest()).pre(row) == ""


def test_looking_leaves_the_patience_of_the_connection_as_it_was(transactional_db, job):
    def patience() -> int:
        with connection.cursor() as cursor:
            return cursor.execute("PRAGMA busy_timeout").fetchone()[0]

    before = patience()
    Watch(job, StopRequest()).borg()

    assert patience() == before
