"""A host that does not report: its jobs are shown as perhaps lost, and people are told once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from backups import silence, tasks
from backups.host import host_id
from backups.models import BackupJob, Notification, Worker

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=timezone.get_default_timezone())


@pytest.fixture
def job(make_repository: Callable[..., Any]) -> BackupJob:
    """A job that runs on another host, which reported two minutes ago."""
    Worker.objects.create(host_id="nas@1", hostname="nas", owner="", started_at=NOW, last_seen=NOW)
    return BackupJob.objects.create(
        repository=make_repository(), status="running", phase="backup", claim=1, host_id="nas@1", triggered_by="api"
    )


def test_a_silent_host_is_told_once_for_each_of_its_jobs(job):
    assert silence.tell(NOW + timedelta(minutes=2)) == []

    assert silence.tell(NOW + timedelta(minutes=4)) == [job]
    assert silence.tell(NOW + timedelta(minutes=5)) == []

    told = Notification.objects.get()
    assert (told.event, told.job, told.repository) == ("worker_silent", job, job.repository)
    assert told.title == "photos: nas does not report"
    job.refresh_from_db()
    assert job.message == told.text
    assert job.message.startswith("Perhaps lost: nas has not reported since ")
    assert (job.status, job.claim) == ("running", 1), "nobody takes it over"


def test_what_the_job_said_itself_stays_and_is_alone_again_when_its_host_is_back(job):
    BackupJob.objects.update(message="Backed up.\nA warning.", outcome="warning", phase="post-backup")

    silence.tell(NOW + timedelta(minutes=4))

    message = BackupJob.objects.get().message
    assert message.startswith("Perhaps lost:")
    assert silence.without_alarm(message) == "Backed up.\nA warning."


def test_a_host_never_tells_of_itself(job):
    Worker.objects.update(host_id=host_id())
    BackupJob.objects.update(host_id=host_id())

    assert silence.tell(NOW + timedelta(hours=1)) == []


@pytest.mark.parametrize("status", ["queued", "success"])
def test_jobs_that_do_not_run_are_not_lost(job, status):
    BackupJob.objects.update(status=status, phase="")

    assert silence.tell(NOW + timedelta(hours=1)) == []


def test_a_job_that_moved_on_meanwhile_is_left_alone(job):
    BackupJob.objects.update(claim=2)

    assert not silence.tell_of(job, Worker.objects.get())

    assert not Notification.objects.exists()


def test_a_report_from_the_future_does_not_hide_the_silence(job):
    """The clock was set back: a worker that lives would have reported anew."""
    assert silence.tell(NOW - timedelta(hours=1)) == [job]


def test_the_tick_looks_for_silent_hosts(job, monkeypatch):
    Worker.objects.update(last_seen=timezone.now() - timedelta(minutes=4))
    monkeypatch.setattr(tasks, "launcher", type("Nothing", (), {"recover": int, "start_due": int, "tell": int}))

    tasks.tick.call_local()

    assert Notification.objects.get().event == "worker_silent"
