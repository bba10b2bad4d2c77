"""Broken promises: rows of their own, until they are mended or closed."""

from pathlib import Path

import pytest
from django.conf import settings as django_settings

from backups import promises, queue
from backups.models import BrokenPromise, Notification
from tests.rest import make_user

from .conftest import row_of

BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'


@pytest.fixture
def shop(transactional_db, make_repository, attach, settings, tmp_path):
    """Its post-backup script fails until the file `mended` is there. Without borg: every backup is a failure."""
    settings.BORG = "/nonexistent"
    repository = make_repository()
    attach(
        repository,
        "post-backup",
        "start",
        f"{BLOCK}[ -e {tmp_path}/mended ] || {{ echo no; exit 1; }}",
        run_on="always",
    )
    return repository


@pytest.fixture
def mended(tmp_path):
    return tmp_path / "mended"


def test_a_promise_that_failed_is_broken_at_once_and_told(shop, make_job, run):
    job = run(make_job(shop))

    promise = BrokenPromise.objects.open().get()
    row = row_of(job, "start")
    assert (promise.job_id, promise.repository_id, promise.execution_id) == (job.pk, shop.pk, row.pk)
    assert (promise.script_name, promise.interrupts, promise.script_id) == ("start", "the shop", row.script_id)
    assert promise.message.endswith(": no.")
    assert (job.status, job.services) == ("failure", "broken_promise")
    told = Notification.objects.get()
    assert (told.event, told.title) == ("broken_promise", "photos: services may still be stopped")
    assert job.executions.filter(script_name="start").count() == 1, "nothing is retried in an undisturbed job"


def test_the_run_directory_stays_while_a_promise_is_broken(shop, make_job, run):
    job = run(make_job(shop))

    assert (django_settings.RUN_DIR / "jobs" / str(job.pk) / "state").is_dir()


@pytest.mark.borg
@pytest.mark.parametrize("run_on", ["success", "warning", "completed"])
def test_what_nobody_promised_is_not_broken(transactional_db, repository, attach, make_job, run, run_on):
    attach(repository, "post-backup", "cheer", "exit 1", run_on=run_on)
    if run_on == "warning":
        attach(repository, "pre-backup", "bad", "exit 1", on_failure="continue")

    job = run(make_job(repository))

    assert row_of(job, "cheer").status == "failed"
    assert job.status == "warning"
    assert not BrokenPromise.objects.exists()


def test_a_later_good_run_closes_it_and_the_verdict_of_its_job_follows(shop, make_job, run, mended):
    first = run(make_job(shop))
    mended.touch()

    second = run(make_job(shop))

    promise = BrokenPromise.objects.get()
    assert promise.closed_at is not None
    assert promise.closed_by_execution_id == row_of(second, "start").pk
    first.refresh_from_db()
    assert (first.services, second.services) == ("untouched", "untouched")


def test_each_failed_backup_has_a_promise_of_its_own_and_one_good_run_closes_all(shop, make_job, run, mended):
    jobs = [run(make_job(shop)), run(make_job(shop))]
    assert [one.job_id for one in BrokenPromise.objects.open().order_by("id")] == [job.pk for job in jobs]
    mended.touch()

    run(make_job(shop))

    assert not BrokenPromise.objects.open().exists()


def test_the_same_script_in_another_repository_closes_nothing(shop, make_repository, attach, make_job, run, mended):
    run(make_job(shop))
    mended.touch()
    other = make_repository("music")
    attach(other, "post-backup", "start", run_on="always")

    run(make_job(other))

    assert BrokenPromise.objects.open().count() == 1


def test_a_person_closes_it_once_with_a_note(shop, make_job, run):
    job = run(make_job(shop))
    promise, anna = BrokenPromise.objects.get(), make_user()

    assert promises.close(promise, note="started by hand", user=anna)
    assert not promises.close(promise, note="me too")

    promise.refresh_from_db()
    assert (promise.note, promise.closed_by_user) == ("started by hand", anna)
    job.refresh_from_db()
    assert job.services == "untouched"


def test_running_the_scripts_again_closes_it_and_takes_the_run_directory_away(shop, make_job, run, mended):
    job = run(make_job(shop))
    mended.touch()

    run(queue.request_post_backup(job))
    job.refresh_from_db()

    assert (job.status, job.phase, job.services) == ("failure", "", "untouched")
    assert row_of(job, "start", attempt=2).status == "succeeded"
    assert not BrokenPromise.objects.open().exists()
    assert not Path(django_settings.RUN_DIR / "jobs" / str(job.pk)).exists()
    told = Notification.objects.order_by("id").last()
    assert (told.event, told.title) == ("recovered", "photos: the scripts after the backup ran again")


def test_running_them_again_in_vain_leaves_one_open_promise_and_tells_again(shop, make_job, run):
    job = run(make_job(shop))

    run(queue.request_post_backup(job))

    promise = BrokenPromise.objects.open().get()
    assert promise.execution_id == row_of(job, "start", attempt=2).pk
    assert Notification.objects.filter(event="broken_promise").count() == 2
    assert queue.request_post_backup(job).phase == "post-backup", "and again, as often as a person likes"
