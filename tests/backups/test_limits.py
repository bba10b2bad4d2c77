"""How many backups run at a time: here, everywhere, to one server; and that people are told which of these it is."""

import pytest

from backups import queue
from backups.host import host_id
from backups.models import BackupJob

ALL_HOSTS = "Waiting: 2 of 2 backups are running, on all machines together. Nothing has been stopped yet."
ONE_SERVER = "Waiting: 1 of 1 backups to nas are running. Nothing has been stopped yet."


@pytest.fixture
def running(make_repository):
    def make(name, host=None, **fields):
        job = {"status": "running", "phase": "backup", "claim": 1, "host_id": host or host_id(), "triggered_by": "api"}
        return BackupJob.objects.create(repository=make_repository(name, **fields), **job)

    return make


def test_without_limits_only_this_host_is_counted(running, make_repository, make_job):
    for number in range(6):
        running(f"number {number}", host="another", path=f"ssh://nas/{number}")

    job = make_job(make_repository(path="ssh://nas/photos"))
    assert queue.decide().start == [job.pk]


def test_the_running_backups_of_all_hosts_are_counted_together(running, make_repository, make_job, settings):
    settings.MAX_JOBS = 2
    running("one", host="another")
    running("two", host="a third")
    job = make_job(make_repository())

    assert queue.decide().waiting == {job.pk: ALL_HOSTS}
    assert not queue.may_claim(job, [])
    BackupJob.objects.filter(host_id="another").update(status="success", phase="")
    assert queue.decide().start == [job.pk]
    assert queue.may_claim(job, [])


def test_two_that_are_queued_do_not_both_take_the_last_place(make_repository, make_job, settings):
    settings.MAX_JOBS = 1
    first, second = make_job(make_repository("one")), make_job(make_repository("two"))

    assert queue.decide().start == [first.pk]
    assert list(queue.decide().waiting) == [second.pk]


@pytest.mark.parametrize("path", ["ssh://nas/b", "ssh://anna@NAS:2222/b", "bob@nas:b", "nas:/b"])
def test_backups_to_one_server_are_counted_however_it_is_written(running, make_repository, make_job, settings, path):
    settings.MAX_JOBS_PER_SERVER = 1
    running("one", host="another", path="ssh://anna@nas/./a")
    waits, other = make_job(make_repository("two", path=path)), make_job(make_repository("three", path="ssh://box/c"))
    local = make_job(make_repository("four"))

    decision = queue.decide()

    assert decision.start == [other.pk, local.pk]
    assert decision.waiting == {waits.pk: ONE_SERVER}
    assert not queue.may_claim(waits, [])


def test_folders_of_this_machine_are_no_server(running, make_repository, make_job, settings):
    settings.MAX_JOBS_PER_SERVER = 1
    running("one")

    job = make_job(make_repository())
    assert queue.decide().start == [job.pk]


def test_scripts_that_are_run_again_take_no_place(running, make_repository, make_job, settings):
    settings.MAX_JOBS = settings.MAX_JOBS_PER_SERVER = 1
    again = running("one", path="ssh://nas/a")
    BackupJob.objects.filter(pk=again.pk).update(status="failure", phase="post-backup")

    job = make_job(make_repository(path="ssh://nas/b"))
    assert queue.decide().start == [job.pk]
