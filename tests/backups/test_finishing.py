import pytest
from django.conf import settings as django_settings

from backups import finishing
from backups.models import BackupJob, Notification
from scripts_library.models import Script

from .conftest import row_of, statuses


@pytest.fixture
def without_borg(transactional_db, make_repository, settings):
    """A repository whose every backup is a failure, and quick."""
    settings.BORG = "/nonexistent"
    return make_repository()


@pytest.mark.parametrize("outcome", ["warning", "failure", "cancelled", "skipped"])
def test_only_a_success_becomes_a_warning_when_something_failed_afterwards(make_repository, make_job, outcome):
    job = make_job(make_repository())
    job.outcome, job.maintenance_message = outcome, "Afterwards compact failed."

    fields = finishing.final_fields(job, [], [])

    assert fields["status"] == outcome
    assert "compact failed" in fields["message"], "other statuses stay and carry the message"


def test_usage_counts_what_was_started(without_borg, attach, make_job, run):
    attach(without_borg, "post-backup", "runs", run_on="always")
    attach(without_borg, "post-backup", "waits for success", run_on="success")

    run(make_job(without_borg))
    job = run(make_job(without_borg))

    runs, waits = (Script.objects.get(name=name) for name in ("runs", "waits for success"))
    assert (runs.usage_count, waits.usage_count) == (2, 0)
    assert runs.last_used_at >= job.started_at
    assert waits.last_used_at is None


def test_final_status_and_notification_are_one_transaction(without_borg, make_job, run, monkeypatch):
    monkeypatch.setattr("backups.notices.of_finished", lambda *args: 1 / 0)
    job = make_job(without_borg)

    with pytest.raises(ZeroDivisionError):
        run(job)

    job.refresh_from_db()
    assert (job.status, job.completed_at) == ("running", None)
    assert not Notification.objects.exists()


def test_nothing_that_was_planned_outlives_its_job(without_borg, attach, make_job, run):
    """A row of which nobody takes care any more, for instance after the sixth loss."""
    attach(without_borg, "post-backup", "only after success", run_on="success")
    job = make_job(without_borg)
    run(job)
    job.executions.update(status="planned")

    finishing.close_rows(job)

    assert statuses(job) == {"only after success": "not_run"}


def test_every_failure_is_told_also_one_before_any_script(make_repository, make_job):
    job = make_job(make_repository())

    assert finishing.refuse(job, "Not started: no room.")
    assert not finishing.refuse(job, "Not started: no room.")

    told = Notification.objects.get()
    assert (told.event, told.title) == ("failure", "photos: not backed up")
    assert told.text == "Not started: no room. No archive was made. There is no good backup yet."


@pytest.mark.parametrize("keep", ["success", "running", "cancelled"])
def test_only_a_queued_job_can_be_refused(make_repository, make_job, keep):
    job = make_job(make_repository())
    BackupJob.objects.update(status=keep)

    assert not finishing.refuse(job, "no")
    assert BackupJob.objects.get().status == keep


def test_the_scripts_of_a_job_share_a_run_directory_that_goes_with_it(without_borg, attach, make_job, run, journal):
    attach(without_borg, "post-backup", "where", journal.note("$STATE_DIR"), run_on="always")

    job = run(make_job(without_borg))

    assert journal.words == [f"{django_settings.RUN_DIR}/jobs/{job.pk}/state"]
    assert list((django_settings.RUN_DIR / "jobs").iterdir()) == []
    assert row_of(job, "where").status == "succeeded"
