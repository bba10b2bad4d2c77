import os
import signal
import subprocess
import time

import pytest
from django.conf import settings as django_settings
from django.db import IntegrityError, transaction

from backups import claiming, pipeline, takeover
from backups.host import host_id
from backups.models import BackupJob, Notification
from backups.watch import StopRequest
from borgui.process import Identity, boot_id
from borgui.rundir import RunDirectory
from scripts_library import chain
from scripts_library.models import ExecutionStatus, ScriptExecution

from .conftest import eventually, row_of, statuses


def directory_of(job: BackupJob) -> RunDirectory:
    return RunDirectory(django_settings.RUN_DIR / "jobs" / str(job.pk))


def take(job: BackupJob) -> takeover.Claimed[BackupJob] | None:
    """The claim alone, without running anything."""
    directory = directory_of(job)
    directory.acquire()
    try:
        return claiming.claim(job.pk, directory, StopRequest())
    finally:
        directory.release()


@pytest.fixture
def chained(transactional_db, make_repository, attach, journal):
    """A repository whose pre-backup script says "not today": its jobs need no borg."""
    repository = make_repository()
    attach(repository, "pre-backup", "before", f"{journal.note('before')}\nexit 75")
    attach(repository, "post-backup", "after", journal.note("after"), run_on="always")
    return repository


def abandoned(job: BackupJob, **fields) -> BackupJob:
    """Claimed, and then its process was lost; `fields` say how far it came."""
    take(job)
    BackupJob.objects.filter(pk=job.pk).update(**fields)
    (directory_of(job).path / "lock").write_text("999999999 1 another-boot\n")
    job.refresh_from_db()
    return job


# --- a queued job -----------------------------------------------------------------------------------------------------
def test_a_claim_moves_the_job_and_writes_its_whole_plan(chained, make_job):
    job = make_job(chained)

    claimed = take(job)

    job.refresh_from_db()
    assert claimed is not None
    assert (job.status, job.phase, job.claim, job.host_id) == ("running", "pre-backup", 1, host_id())
    assert Identity.parse(job.owner) == Identity.current()
    assert job.archive_name.startswith("photos-")
    assert statuses(job) == {"before": "planned", "after": "planned"}
    assert [row.position for row in job.executions.in_order()] == [0, 1]
    assert len(list(directory_of(job).copies.iterdir())) == 2, "the private copies are there before the first starts"


def test_job_and_plan_are_one_transaction(chained, make_job, monkeypatch):
    job = make_job(chained)
    monkeypatch.setattr(claiming, "set_fields", lambda job, fields: 1 / 0)  # after both statements, before the commit

    assert take(job) is None

    job.refresh_from_db()
    assert (job.status, job.claim, job.started_at) == ("failure", 0, None)
    assert not ScriptExecution.objects.exists()


def test_a_job_that_was_deleted_in_the_queue_is_not_run(chained, make_job, journal):
    job = make_job(chained)
    pk = job.pk
    job.delete()

    with pytest.raises(BackupJob.DoesNotExist):
        pipeline.run(pk, StopRequest())

    assert journal.words == []


def test_a_job_that_was_cancelled_in_the_queue_is_not_run(chained, make_job, run, journal):
    job = make_job(chained)
    BackupJob.objects.filter(pk=job.pk).update(status="cancelled")

    assert run(job).status == "cancelled"
    assert not job.executions.exists()
    assert journal.words == []
    assert not directory_of(job).path.exists()


def test_who_comes_too_late_for_a_job_leaves_no_directory_and_what_a_promise_needs_stays(chained, make_job, run):
    job = make_job(chained)
    assert run(job).is_over
    assert pipeline.run(job.pk, StopRequest()) is None
    assert not directory_of(job).path.exists()

    directory_of(job).state.mkdir(parents=True)
    assert pipeline.run(job.pk, StopRequest()) is None
    assert directory_of(job).state.is_dir()


def test_a_planned_stop_before_the_claim_leaves_the_job_in_the_queue(chained, make_job, run, journal):
    stop = StopRequest()
    stop.ask()

    assert run(make_job(chained), stop).status == "queued"
    assert journal.words == []


def test_a_job_waits_while_another_of_its_repository_runs(chained, make_job, run):
    first, second = make_job(chained), make_job(chained)
    take(first)

    assert run(second).status == "queued"


def test_the_database_refuses_two_running_jobs_of_one_repository(chained, make_job):
    take(make_job(chained))
    second = make_job(chained)

    with pytest.raises(IntegrityError), transaction.atomic():
        BackupJob.objects.filter(pk=second.pk).update(status="running")


def test_a_job_waits_while_its_repository_has_scripts_run_again(chained, make_job, run):
    first, second = make_job(chained), make_job(chained)
    run(first)
    BackupJob.objects.filter(pk=first.pk).update(phase="post-backup")

    assert run(second).status == "queued"


def test_the_slots_are_counted_again_in_the_claim(chained, make_job, make_repository, run, settings):
    settings.WORKERS = 1
    take(make_job(make_repository("music")))
    job = make_job(chained)

    assert run(job).status == "queued"

    BackupJob.objects.exclude(pk=job.pk).update(host_id="another-host")
    assert run(job).status == "skipped"


def test_what_a_job_interrupts_is_asked_again_in_the_claim(make_job, make_repository, attach, run, transactional_db):
    block = '# /// borgui\n# interrupts = "the shop"\n# ///\nexit 75'
    for name in ("one", "two"):
        attach(make_repository(name), "pre-backup", "stop the shop", block)
    first, second = (
        make_job(BackupJob.repository.field.related_model.objects.get(name=name)) for name in ("one", "two")
    )
    take(first)

    assert run(second).status == "queued"


def test_a_disk_that_is_nearly_full_refuses_the_job_with_a_trace(chained, make_job, run, settings, journal):
    settings.MIN_FREE = 2**60

    job = run(make_job(chained))

    assert (job.status, job.outcome, job.data, job.services) == ("failure", "failure", "none", "untouched")
    assert "BORGUI_MIN_FREE" in job.message
    assert "Nothing was stopped" in job.message
    assert journal.words == []
    assert Notification.objects.get().event == "failure"


def test_a_run_directory_that_cannot_be_made_fails_the_job_with_a_trace(chained, make_job, run, settings, journal):
    settings.RUN_DIR.mkdir(exist_ok=True)
    (settings.RUN_DIR / "jobs").write_text("a file where a folder should be")

    job = run(make_job(chained))

    assert job.status == "failure"
    assert job.message.startswith("Not started: ")
    assert journal.words == []


def test_a_fault_of_our_own_before_the_claim_fails_the_job_with_a_trace(chained, make_job, run, monkeypatch):
    monkeypatch.setattr(chain, "plan", lambda *args, **kwargs: 1 / 0)

    job = run(make_job(chained))

    assert job.status == "failure"
    assert "internal fault" in job.message


def test_two_jobs_of_one_second_make_archives_of_two_names(chained, make_job):
    chained.archive_name_template = "always-the-same"
    chained.save()
    first, second = make_job(chained), make_job(chained)
    take(first)
    BackupJob.objects.filter(pk=first.pk).update(status="success", phase="")
    take(second)

    first.refresh_from_db()
    second.refresh_from_db()
    assert {first.archive_name, second.archive_name} == {"always-the-same", f"always-the-same-{second.pk}"}


# --- a lost job -------------------------------------------------------------------------------------------------------
def test_a_lost_job_is_taken_over_and_runs_only_its_post_backup_scripts(chained, make_job, run, journal):
    job = run(abandoned(make_job(chained)))

    assert (job.status, job.claim) == ("failure", 2)
    assert "stopped during pre-backup" in job.message
    assert statuses(job) == {"before": "not_run", "after": "succeeded"}
    assert journal.words == ["after"]
    assert job.data == "none"


def test_a_job_that_was_lost_after_a_cancel_is_cancelled(chained, make_job, run):
    job = abandoned(make_job(chained), cancel_requested_at="2026-11-22T02:00:00Z")

    assert (run(job).status, job.outcome) == ("cancelled", "cancelled")


def test_an_outcome_that_was_recorded_stays(chained, make_job, run):
    job = abandoned(make_job(chained), outcome="warning", phase="post-backup", data="good", message="It was warm.")

    assert (run(job).status, job.data, job.message) == ("warning", "good", "It was warm.")


def test_a_job_that_was_lost_in_maintenance_is_a_warning(chained, make_job, run):
    begun = [{"phase": "maintenance", "started_at": "2026-11-22T02:00:00+00:00", "ended_at": None}]
    job = abandoned(make_job(chained), outcome="success", phase="maintenance", phases=begun, data="good")
    job.executions.update(status="succeeded")

    assert run(job).status == "warning"
    assert "maintenance was cut off" in job.message


def test_a_job_of_a_window_that_was_lost_before_its_maintenance_began_is_a_warning(chained, make_job, run):
    over = [{"phase": "post-backup", "started_at": "2026-11-22T02:00:00Z", "ended_at": "2026-11-22T02:00:01Z"}]
    job = abandoned(make_job(chained), outcome="success", phase="maintenance", phases=over, data="good")
    job.executions.update(status="succeeded")

    assert run(job).status == "warning"
    assert "maintenance after it had not begun" in job.message


def test_a_loss_is_counted_and_a_restart_of_the_machine_is_told_from_a_lost_process(chained, make_job):
    job = abandoned(make_job(chained), owner=f"4711 1 {boot_id()}")

    take(job)
    job.refresh_from_db()
    first = job.lost_at
    assert (job.losses, job.restarted) == (1, False)

    BackupJob.objects.filter(pk=job.pk).update(owner="4711 1 another-boot")
    take(job)
    job.refresh_from_db()
    assert (job.losses, job.restarted, job.lost_at) == (2, True, first)


def test_scripts_that_a_person_has_run_again_are_no_loss(chained, make_job):
    job = abandoned(make_job(chained), status="failure", outcome="failure", phase="post-backup")

    take(job)

    job.refresh_from_db()
    assert (job.claim, job.losses, job.lost_at) == (2, 0, None)


def test_a_job_of_another_host_is_never_taken_over(chained, make_job, run, journal):
    job = abandoned(make_job(chained), host_id="another-host")

    assert (run(job).status, job.claim) == ("running", 1)
    assert journal.words == []


def test_a_job_that_is_lost_a_sixth_time_is_finished_as_it_stands_and_told(chained, make_job, run, attach, journal):
    attach(chained, "post-backup", "only after success", journal.note("success"), run_on="success")
    job = abandoned(make_job(chained), claim=6, outcome="failure", phase="post-backup", data="none")
    row_of(job, "before").delete()

    job = run(job)

    assert job.status == "failure"
    assert statuses(job) == {"after": "failed", "only after success": "not_run"}
    assert journal.words == []
    assert job.broken_promises.open().get().script_name == "after"


def test_a_script_that_was_cut_off_in_the_sixth_loss_does_not_keep_the_job_open(chained, make_job, run):
    job = abandoned(make_job(chained), claim=6, outcome="failure", phase="post-backup", data="none")
    job.executions.filter(script_name="after").update(status="running", claim=6)

    job = run(job)

    assert (job.status, job.services) == ("failure", "broken_promise")
    assert statuses(job)["after"] == "interrupted"


def test_the_fifth_loss_is_still_made_good(chained, make_job, run, journal):
    job = abandoned(make_job(chained), claim=5, outcome="failure", phase="post-backup", data="none")

    assert statuses(run(job))["after"] == "succeeded"


# --- what a lost process left behind ----------------------------------------------------------------------------------
@pytest.fixture
def stranger():
    """A process that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def lock_names(job: BackupJob, child: Identity, token: str, boot: str | None = None) -> None:
    lock = directory_of(job).path / "lock"
    lock.write_text(f"999999999 1 {boot or boot_id()}\n{child.pid} {child.start_time} {token}\n")


def test_a_foreign_process_with_the_recorded_number_is_never_touched(chained, make_job, run, stranger):
    job = abandoned(make_job(chained))
    found = Identity.of(stranger.pid)
    lock_names(job, Identity(found.pid, found.start_time - 1, found.boot_id), "a-token-of-nobody")

    run(job)

    assert stranger.poll() is None


def test_a_recorded_session_of_an_earlier_boot_is_never_touched(chained, make_job, run, stranger):
    job = abandoned(make_job(chained))
    lock_names(job, Identity.of(stranger.pid), "a-token-of-nobody", boot="an-earlier-boot")

    assert run(job).status == "failure"
    assert stranger.poll() is None


def test_the_recorded_session_is_ended_also_where_the_token_is_gone(chained, make_job, run, stranger):
    """A script that starts something with an empty environment."""
    job = abandoned(make_job(chained))
    lock_names(job, Identity.of(stranger.pid), "a-token-of-nobody")

    run(job)

    assert stranger.wait(timeout=20) == -signal.SIGTERM


def test_everything_that_carries_the_token_is_ended_whatever_its_session_is(chained, make_job, run, tmp_path):
    job = abandoned(make_job(chained))
    row = row_of(job, "before")
    ScriptExecution.objects.filter(pk=row.pk).update(status=ExecutionStatus.RUNNING)
    pid_file = tmp_path / "pid"
    daemon = subprocess.Popen(
        ["/bin/sh", "-c", f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 60' &"],
        env={**os.environ, "EXECUTION_TOKEN": row.token},
    )
    daemon.wait()
    pid = int(eventually(lambda: pid_file.exists() and pid_file.read_text().strip()))

    run(job)

    eventually(lambda: Identity.of(pid) is None)


def test_what_a_script_that_ended_well_left_running_is_left_alone(chained, make_job, run):
    job = abandoned(make_job(chained), outcome="failure", phase="post-backup", data="none")
    row = row_of(job, "before")
    ScriptExecution.objects.filter(pk=row.pk).update(status=ExecutionStatus.SUCCEEDED)
    daemon = subprocess.Popen(["sleep", "60"], env={**os.environ, "EXECUTION_TOKEN": row.token})

    try:
        run(job)
        time.sleep(0.1)
        assert daemon.poll() is None
    finally:
        daemon.kill()
        daemon.wait()
