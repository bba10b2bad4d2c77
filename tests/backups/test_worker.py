"""The worker as a process: takes pokes, recovers what was lost, reports, and stops in order."""

import signal
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.utils import timezone
from huey.contrib.djhuey import HUEY

from backups import queue, schedules, scheduling, tasks, worker
from backups.host import host_id
from backups.models import BackupJob, ScheduledJob, Worker
from borgui.process import Identity

from .conftest import eventually, statuses

pytestmark = pytest.mark.faults


@pytest.fixture
def chained(transactional_db, make_repository, attach, journal):
    """Hangs in its pre-backup script until the test ends it; brings back what it stopped."""
    repository = make_repository()
    attach(repository, "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60")
    attach(repository, "post-backup", "start", journal.note("start"), run_on="always")
    return repository


@pytest.fixture
def quick(transactional_db, make_repository, attach, journal):
    repository = make_repository("quick")
    attach(repository, "pre-backup", "quick", f"{journal.note('quick')}\nexit 75")
    return repository


def is_over(job: BackupJob) -> bool:
    job.refresh_from_db()
    return job.is_over


# --- the process ------------------------------------------------------------------------------------------------------
def test_a_worker_reports_takes_what_is_queued_and_a_poke_and_leaves_at_once_when_idle(
    quick, make_job, processes, journal, tmp_path
):
    waiting = make_job(quick)
    process = processes.worker()

    eventually(lambda: is_over(waiting))
    row = Worker.objects.get()
    assert row.host_id == host_id()
    assert Identity.parse(row.owner).pid == process.pid
    assert not row.is_silent(timezone.now())
    told = processes.installation.json("backup", "quick", expect=75)
    assert told["triggered_by"] == "command"
    assert journal.words == ["quick", "quick"]

    process.send_signal(signal.SIGTERM)
    processes.ends(process, expect=0)
    assert not worker.is_alive()


def test_a_job_process_that_is_killed_is_recovered_at_once(chained, make_job, processes, journal):
    job = make_job(chained)
    processes.worker()
    processes.until(lambda: journal.has("slow"))
    job.refresh_from_db()

    Identity.parse(job.owner).signal(signal.SIGKILL)

    eventually(lambda: is_over(job))
    assert (job.status, job.claim) == ("failure", 2)
    assert journal.words == ["slow", "start"]


def test_a_worker_that_is_killed_does_not_touch_its_jobs(chained, attach, make_job, processes, journal, tmp_path):
    attach(chained, "pre-backup", "wait", f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; exit 75")
    chained.repository_scripts.filter(script__name="slow").delete()
    job = make_job(chained)
    process = processes.worker()
    eventually(lambda: statuses(job).get("wait") == "running")

    processes.lose(process)
    (tmp_path / "go").touch()

    eventually(lambda: is_over(job))
    assert (job.status, job.claim) == ("skipped", 1), "it finished by itself"
    assert not worker.is_alive()


def test_worker_and_job_process_killed_together_are_recovered_by_the_next_worker(chained, make_job, processes, journal):
    job = make_job(chained)
    process = processes.worker()
    processes.until(lambda: journal.has("slow"))
    job.refresh_from_db()
    processes.lose(process)
    Identity.parse(job.owner).signal(signal.SIGKILL)

    processes.worker()

    eventually(lambda: is_over(job))
    assert (job.status, job.claim) == ("failure", 2)
    assert journal.words == ["slow", "start"]


def test_a_planned_stop_of_the_worker_brings_back_services_first(chained, make_job, processes, journal):
    job = make_job(chained)
    process = processes.worker()
    processes.until(lambda: journal.has("slow"))

    process.send_signal(signal.SIGTERM)
    processes.ends(process, expect=0)

    assert is_over(job), "the worker waited for it"
    assert (job.status, job.claim) == ("failure", 1)
    assert "the service was shut down" in job.message
    assert journal.words == ["slow", "start"]


def test_a_planned_stop_reaches_job_processes_that_another_worker_started(chained, make_job, processes, journal):
    job = make_job(chained)
    first = processes.worker()
    processes.until(lambda: journal.has("slow"))
    processes.lose(first)
    second = processes.worker()

    second.send_signal(signal.SIGTERM)
    processes.ends(second, expect=0)

    assert is_over(job)
    assert journal.words == ["slow", "start"]


# --- due times --------------------------------------------------------------------------------------------------------
def test_what_is_due_starts_within_seconds_however_long_the_worker_is_there(quick, processes, journal):
    schedule = schedules.create({"name": "soon", "repositories": [quick.pk], "cron_expression": "0 0 1 1 *"})
    processes.worker()
    eventually(Worker.objects.exists)
    soon = timezone.now() + timedelta(seconds=4)  # long after its first tick, long before its second one
    ScheduledJob.objects.filter(pk=schedule.pk).update(next_run=soon, starts_at=soon)

    eventually(lambda: journal.words == ["quick"])

    run = schedule.runs.get()
    assert run.due_at == soon
    assert timedelta(0) < run.created_at - soon < timedelta(seconds=30)  # its second tick comes after a minute


def test_a_fault_of_one_look_does_not_end_the_worker(db, data_dir, monkeypatch, caplog):
    host = worker.Host(consumer=None, launcher=SimpleNamespace(reap=list))
    host.report(started=True)
    monkeypatch.setattr(scheduling, "anything_due", lambda now: 1 // 0)

    host.serve()

    assert "ZeroDivisionError" in caplog.text


# --- who is there -----------------------------------------------------------------------------------------------------
def test_a_worker_is_alive_as_long_as_its_process_is(data_dir):
    assert not worker.is_alive()
    with worker.present():
        assert worker.is_alive()
    assert not worker.is_alive()


def test_what_a_killed_worker_left_does_not_count_and_is_cleared_away(data_dir, settings):
    me = Identity.current()
    left = settings.RUN_DIR / "workers" / "1"
    left.parent.mkdir(parents=True)
    left.write_text(f"{Identity(me.pid, me.start_time, 'an-earlier-boot')}\n")
    assert not worker.is_alive()

    with worker.present():
        assert not left.exists()


def test_the_heartbeat_moves_the_row_and_never_makes_a_second(db, data_dir):
    host = worker.Host(consumer=None, launcher=None)
    host.report(started=True)
    Worker.objects.update(last_seen="2026-11-22T02:00:00Z")
    host.report()
    assert Worker.objects.get().is_silent(timezone.now()), "every fifteen seconds, not at every look"

    host._beat -= worker.HEARTBEAT
    host.report()
    worker.Host(consumer=None, launcher=None).report(started=True)

    assert not Worker.objects.get().is_silent(timezone.now())


# --- pokes ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def pokes(monkeypatch):
    """How often the worker was poked; that one is alive is pretended."""
    found = []
    monkeypatch.setattr(tasks, "start_jobs", lambda: found.append("start_jobs"))
    monkeypatch.setattr(worker, "is_alive", lambda: True)
    return found


def test_a_poke_is_sent_when_the_row_is_committed_and_not_before(quick, pokes, django_capture_on_commit_callbacks):
    with transaction.atomic():
        queue.enqueue(quick, triggered_by="api")
        transaction.on_commit(tasks.poke)
        assert pokes == []

    assert pokes == ["start_jobs"]


def test_nobody_is_poked_where_nobody_is(data_dir, pokes, monkeypatch):
    monkeypatch.setattr(worker, "is_alive", lambda: False)

    tasks.poke()

    assert pokes == []


def test_a_poke_goes_through_the_queue_and_starts_what_is_due(quick, make_job, launcher, monkeypatch, journal):
    """The task only starts a process, and returns."""
    monkeypatch.setattr(tasks, "launcher", launcher)
    job = make_job(quick)

    tasks.start_jobs.call_local()

    assert list(launcher.children) == [("run_job", job.pk)]
    eventually(launcher.reap)


def test_the_tick_finds_what_a_lost_queue_file_left(quick, make_job, launcher, monkeypatch, journal):
    monkeypatch.setattr(tasks, "launcher", launcher)
    job = make_job(quick)
    tasks.start_jobs()
    HUEY.storage.flush_all()

    tasks.tick.call_local()

    eventually(lambda: launcher.reap() and is_over(job))
    assert journal.words == ["quick"]


def test_the_tick_recovers_what_was_lost(quick, make_job, launcher, monkeypatch):
    monkeypatch.setattr(tasks, "launcher", launcher)
    job = make_job(quick)
    BackupJob.objects.update(status="running", phase="pre-backup", claim=1, host_id=host_id())

    tasks.tick.call_local()

    eventually(lambda: launcher.reap() and is_over(job))
    assert job.claim == 2
