"""Nothing grows without bound, and nothing goes that somebody still needs."""

import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from backups import housekeeping, tasks
from backups.models import BackupJob, BrokenPromise, Notification, Repository
from borgui.rundir import RunDirectory
from scripts_library import library
from scripts_library.models import Script, ScriptContent, ScriptExecution, ScriptRevision

NOW = timezone.now()
OLD = NOW - timedelta(days=401)
pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(make_repository: Callable[..., Any]) -> Repository:
    return make_repository()


def finished(repository: Repository, at: datetime = OLD, **fields: Any) -> BackupJob:
    defaults = {"status": "success", "outcome": "success", "triggered_by": "api", "created_at": at, "completed_at": at}
    return BackupJob.objects.create(repository=repository, **{**defaults, **fields})


def execution(job: BackupJob | None, at: datetime = OLD, **fields: Any) -> ScriptExecution:
    defaults = {"script_name": "start", "hook_type": "post-backup", "timeout": 60, "triggered_by": "api"}
    times = {"status": "succeeded", "started_at": at, "completed_at": at}
    return ScriptExecution.objects.create(backup_job=job, **{**defaults, **times, **fields})


def broken(job: BackupJob, **fields: Any) -> BrokenPromise:
    return BrokenPromise.objects.create(
        job=job, repository=job.repository, execution_id=1, position=0, script_name="start", message="", **fields
    )


# --- rows -------------------------------------------------------------------------------------------------------------
def test_old_jobs_go_with_their_executions_and_the_last_twenty_stay(repository):
    jobs = [finished(repository) for _ in range(23)]
    for job in jobs:
        execution(job)

    removed = housekeeping.age_out(NOW)

    assert removed["jobs"] == 3
    assert set(BackupJob.objects.all()) == set(jobs[3:])
    assert ScriptExecution.objects.count() == 20


def test_the_last_twenty_are_counted_for_each_repository(repository, make_repository):
    other = make_repository("music")
    first = finished(other)
    for _ in range(21):
        finished(repository)

    housekeeping.age_out(NOW)

    assert BackupJob.objects.filter(repository=repository).count() == 20
    assert BackupJob.objects.filter(pk=first.pk).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"completed_at": NOW - timedelta(days=399)},
        {"status": "queued", "completed_at": None},
        {"status": "running", "completed_at": None, "phase": "backup"},
        {"phase": "post-backup"},
    ],
    ids=["young", "queued", "running", "being run again"],
)
def test_what_is_young_or_not_over_stays(repository, fields):
    job = finished(repository, **fields)
    for _ in range(20):
        finished(repository)

    assert housekeeping.age_out(NOW)["jobs"] == 0
    assert BackupJob.objects.filter(pk=job.pk).exists()


def test_a_job_whose_promise_is_broken_stays_until_the_promise_is_closed(repository):
    job = finished(repository)
    promise = broken(job)
    for _ in range(20):
        finished(repository)

    assert housekeeping.age_out(NOW)["jobs"] == 0
    BrokenPromise.objects.filter(pk=promise.pk).update(closed_at=NOW)
    assert housekeeping.age_out(NOW)["jobs"] == 1

    assert not BrokenPromise.objects.exists()


def test_the_ages_are_settings(repository, settings):
    settings.KEEP_ROWS_DAYS = 10
    for _ in range(21):
        finished(repository, NOW - timedelta(days=11))

    assert housekeeping.age_out(NOW)["jobs"] == 1


def test_many_rows_go_in_portions(repository, monkeypatch):
    monkeypatch.setattr(housekeeping, "AT_ONCE", 7)
    for _ in range(20 + 20):
        finished(repository)

    assert housekeeping.age_out(NOW)["jobs"] == 20
    assert BackupJob.objects.count() == 20


def test_old_notifications_go_whether_they_were_sent_or_not(repository):
    Notification.objects.create(event="failure", title="sent", created_at=OLD, routed_at=OLD)
    Notification.objects.create(event="failure", title="never sent", created_at=OLD)
    Notification.objects.create(event="failure", title="waits", created_at=NOW - timedelta(days=3))

    assert housekeeping.age_out(NOW)["notifications"] == 2
    assert Notification.objects.get().title == "waits"


def test_old_test_runs_go_and_the_last_twenty_of_a_script_stay(make_script):
    script = make_script("stop")
    rows = [execution(None, script=script, test_run_id=number) for number in range(22)]

    assert housekeeping.age_out(NOW)["test runs"] == 2
    assert set(ScriptExecution.objects.all()) == set(rows[2:])


def test_revisions_go_when_nothing_names_them_any_more(make_script, repository):
    script = make_script("stop")
    for number in range(24):
        changes = {"content": f"#!/bin/sh\n# {number}\n"}
        script = library.update(script, changes=changes, source="editor", base_sha256=script.sha256)
    ScriptRevision.objects.update(created_at=OLD)
    ordered = list(ScriptRevision.objects.order_by("pk"))
    execution(finished(repository), revision=ordered[0])

    removed = housekeeping.age_out(NOW)

    assert removed["revisions"] == removed["contents"] == 4
    assert set(ScriptRevision.objects.all()) == {ordered[0], *ordered[5:]}
    assert ScriptContent.objects.count() == 21


def test_the_text_of_a_template_stays_while_a_script_was_made_from_it(make_script):
    script = make_script("stop")
    text = ScriptContent.objects.create(sha256="a" * 64, content="of the template")
    ScriptContent.objects.create(sha256="b" * 64, content="of nobody")
    Script.objects.filter(pk=script.pk).update(template_content=text)

    assert housekeeping.age_out(NOW)["contents"] == 1
    assert ScriptContent.objects.filter(pk=text.pk).exists()


def test_keeping_house_again_finds_nothing_to_do(repository):
    for _ in range(25):
        execution(finished(repository))
    housekeeping.age_out(NOW)

    assert set(housekeeping.age_out(NOW).values()) == {0}


# --- logs -------------------------------------------------------------------------------------------------------------
def log_of(folder: str, name: str, days: int) -> Path:
    path = django_settings.LOGS_DIR / folder / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("1 o text\n")
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


def test_old_logs_go_but_not_those_of_the_last_twenty_jobs_or_of_a_broken_promise(repository):
    old, promised = finished(repository), finished(repository)
    broken(promised)
    last = [finished(repository) for _ in range(20)][-1]
    kept, gone = [], []
    for job, logs in ((old, gone), (promised, kept), (last, kept)):
        row = execution(job)
        logs += [log_of("jobs", str(job.pk), 91), log_of("jobs", f"{job.pk}-check", 91)]
        logs += [log_of("executions", str(row.pk), 91)]
    young = log_of("jobs", str(old.pk + 1000), 89)

    assert housekeeping.age_out(NOW)["logs"] == 3

    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in [*kept, young])


def test_a_log_that_another_worker_removed_first_is_no_error(data_dir, monkeypatch):
    path = log_of("jobs", "7", 91)
    assert housekeeping.written_at(path) < NOW.timestamp()
    path.unlink()

    assert housekeeping.written_at(path) >= NOW.timestamp()


# --- run directories --------------------------------------------------------------------------------------------------
def run_directory(job_id: int, folder: str = "jobs") -> RunDirectory:
    directory = RunDirectory(django_settings.RUN_DIR / folder / str(job_id))
    directory.acquire()
    (directory.state / "stopped").write_text("nextcloud\n")
    directory.release()
    return directory


def is_left(job_id: int, folder: str = "jobs") -> bool:
    return (django_settings.RUN_DIR / folder / str(job_id)).exists()


@pytest.fixture
def gone_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote itself into a lock file is dead."""
    monkeypatch.setattr(RunDirectory, "is_owned", lambda self: False)


@pytest.mark.parametrize(
    ("fields", "is_needed"),
    [
        ({}, False),
        ({"status": "queued", "completed_at": None}, True),
        ({"status": "running", "completed_at": None, "phase": "backup"}, True),
        ({"phase": "post-backup"}, True),
    ],
)
def test_the_directory_of_a_job_goes_when_the_job_is_over(repository, gone_owner, fields, is_needed):
    job = finished(repository, NOW, **fields)
    run_directory(job.pk)

    housekeeping.sweep_run_directories()

    assert is_left(job.pk) == is_needed


def test_the_directory_stays_while_a_promise_of_it_is_broken(repository, gone_owner):
    job = finished(repository, NOW)
    promise = broken(job)
    run_directory(job.pk)

    housekeeping.sweep_run_directories()
    assert is_left(job.pk)
    BrokenPromise.objects.filter(pk=promise.pk).update(closed_at=NOW)
    assert housekeeping.sweep_run_directories() == [django_settings.RUN_DIR / "jobs" / str(job.pk)]

    assert not is_left(job.pk)


def test_a_job_that_breaks_its_promise_while_the_directories_are_looked_at_keeps_its_own(
    repository, gone_owner, monkeypatch
):
    """It ends between two queries: after the look at the jobs, before the look at the promises."""
    job = finished(repository, NOW, status="running", phase="post-backup", completed_at=None)
    run_directory(job.pk)
    open_promises = BrokenPromise.objects.open

    def end_first() -> Any:
        BackupJob.objects.update(status="warning", phase="", completed_at=NOW)
        if not BrokenPromise.objects.exists():
            broken(job)
        return open_promises()

    monkeypatch.setattr(BrokenPromise.objects, "open", end_first)

    assert housekeeping.sweep_run_directories() == []
    assert is_left(job.pk)


def test_a_directory_with_a_living_owner_is_never_touched(data_dir):
    ready, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            RunDirectory(django_settings.RUN_DIR / "jobs" / "7").acquire()
            os.write(say, b"!")
            signal.pause()
        finally:
            os._exit(1)
    assert os.read(ready, 1) == b"!"

    assert housekeeping.sweep_run_directories() == []
    assert is_left(7)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert len(housekeeping.sweep_run_directories()) == 1
    assert not is_left(7)


def test_a_directory_whose_lock_somebody_holds_is_left(data_dir, gone_owner):
    directory = RunDirectory(django_settings.RUN_DIR / "jobs" / "7")
    directory.acquire()

    assert housekeeping.sweep_run_directories() == []

    directory.release()
    assert len(housekeeping.sweep_run_directories()) == 1


def test_test_runs_have_directories_of_their_own(make_script, gone_owner):
    running = execution(None, script=make_script("stop"), status="running", completed_at=None, test_run_id=5)
    for number in (5, 6):
        run_directory(number, "tests")

    housekeeping.sweep_run_directories()

    assert (is_left(5, "tests"), is_left(6, "tests")) == (True, False)
    assert running.test_run_id == 5


def test_what_is_no_run_directory_is_left_alone(data_dir, gone_owner):
    folder = django_settings.RUN_DIR / "jobs"
    folder.mkdir(parents=True)
    (folder / "notes").mkdir()
    (folder / "9").write_text("a file")

    assert housekeeping.sweep_run_directories() == []
    assert sorted(path.name for path in folder.iterdir()) == ["9", "notes"]


# --- what others keep -------------------------------------------------------------------------------------------------
def test_sessions_that_are_over_go_with_the_night(data_dir):
    for seconds in (-1, 3600):
        session = SessionStore()
        session.set_expiry(seconds)
        session.save()

    tasks.age_out.call_local()

    assert Session.objects.count() == 1


@pytest.mark.usefixtures("transactional_db")
def test_thousands_of_pokes_without_a_worker_leave_no_trace(data_dir):
    from huey.contrib.djhuey import HUEY

    before = HUEY.pending_count()
    for _ in range(2000):
        tasks.poke()

    assert HUEY.pending_count() == before
