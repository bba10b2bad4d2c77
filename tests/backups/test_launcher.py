"""Starting job processes and collecting them, with real processes."""

import os

import pytest
from django.conf import settings as django_settings

from backups import queue
from backups.host import host_id
from backups.models import BackupJob

from .conftest import eventually, wait_for_all


@pytest.fixture
def chained(transactional_db, make_repository, attach, journal):
    repository = make_repository()
    attach(repository, "pre-backup", "before", f"{journal.note('before')}\nsleep 0.3\nexit 75")
    return repository


def test_a_job_is_started_once_and_collected(chained, make_job, launcher, journal):
    job = make_job(chained)

    assert launcher.start_due() == [job.pk]
    assert launcher.start_due() == []
    assert eventually(launcher.reap) == [("run_job", job.pk)]

    job.refresh_from_db()
    assert job.status == "skipped"
    assert journal.words == ["before"]
    assert launcher.children == {}


def test_what_is_asked_for_while_the_process_before_is_still_ending_runs_after_it(
    chained, make_job, attach, launcher, journal
):
    attach(chained, "post-backup", "after", f"{journal.note('after')}\n[ $ATTEMPT -gt 1 ]", run_on="always")
    job = make_job(chained)
    launcher.start_due()
    eventually(lambda: not BackupJob.objects.unfinished().exists())  # its process is not collected yet
    queue.request_post_backup(BackupJob.objects.get())
    launcher.start_again(job.pk)

    eventually(lambda: launcher.reap() and not launcher.children)

    assert journal.words == ["before", "after", "after"]
    assert not job.broken_promises.open().exists()


def test_a_job_process_has_a_session_of_its_own(chained, make_job, launcher):
    job = make_job(chained)
    launcher.start_due()
    pid = launcher.children["run_job", job.pk].pid

    assert os.getsid(pid) == pid != os.getsid(0)
    eventually(launcher.reap)


def test_a_job_whose_process_died_by_a_signal_is_recovered_at_once(
    transactional_db, make_repository, make_job, attach, launcher, journal
):
    repository = make_repository()
    attach(repository, "pre-backup", "before", f"{journal.note('before')}\nexec sleep 60")
    attach(repository, "post-backup", "after", journal.note("after $ATTEMPT"), run_on="always")
    job = make_job(repository)
    launcher.start_due()
    eventually(lambda: journal.has("before"))
    launcher.children["run_job", job.pk].kill()

    wait_for_all(launcher, [job])

    job.refresh_from_db()
    assert (job.status, job.claim) == ("failure", 2)
    assert journal.words == ["before", "after 1"]


def test_what_a_living_process_owns_is_not_recovered(chained, make_job, launcher, journal):
    make_job(chained)
    launcher.start_due()
    eventually(lambda: journal.has("before"))

    assert launcher.recover() == []
    eventually(launcher.reap)


def test_all_lost_jobs_are_started_at_once_and_outside_the_slots(
    transactional_db, make_repository, make_job, launcher, settings
):
    settings.WORKERS = 1
    jobs = [make_job(make_repository(name)) for name in ("one", "two", "three")]
    BackupJob.objects.update(status="running", phase="pre-backup", claim=1, host_id=host_id())

    assert launcher.recover() == [("run_job", job.pk) for job in jobs]
    wait_for_all(launcher, jobs)

    assert set(BackupJob.objects.values_list("status", "claim")) == {("failure", 2)}


def test_a_launcher_that_stops_starts_nothing_more_and_tells_its_children(chained, make_job, launcher):
    make_job(chained)
    launcher.start_due()
    told = []

    launcher.stop(told.append)

    assert told == list(launcher.children.values())
    assert (launcher.start_due(), launcher.recover()) == ([], [])
    launcher.start("run_job", 4711)
    assert len(launcher.children) == 1
    eventually(launcher.reap)


def test_a_job_that_is_over_leaves_the_queue_to_the_next(chained, make_job, launcher, journal):
    first, second = make_job(chained), make_job(chained)

    assert launcher.start_due() == [first.pk]
    second.refresh_from_db()
    assert second.message == "Waiting for another backup of 'photos' to finish. Nothing has been stopped yet."
    wait_for_all(launcher, [first, second])

    assert journal.words == ["before", "before"]
    eventually(lambda: list((django_settings.RUN_DIR / "jobs").iterdir()) == [])
