"""kill -9 at every place where it hurts: real job processes, and what becomes of their jobs afterwards."""

import os
import signal
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from backups import attempts, recovery
from backups.host import host_id
from backups.models import BackupJob, Notification
from borgui.process import Identity, carriers
from borgui.rundir import RunDirectory
from scripts_library.models import ScriptExecution

from .conftest import eventually, row_of, statuses

pytestmark = pytest.mark.faults
borg = pytest.mark.borg
BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'
NEVER = "# /// borgui\n# rerun = false\n# ///\n"


def waits_at(journal, word: str) -> str:
    """A script that tells where it is and then hangs for a minute, with a process in a session of its own besides."""
    return f"{journal.note(word)}\nsetsid sleep 61 &\nexec sleep 60"


@pytest.fixture
def shop(repository, attach, journal):
    attach(repository, "pre-backup", "stop", f"{BLOCK}{journal.note('stop')}")
    attach(
        repository, "post-backup", "start", f"{BLOCK}{journal.note('start $BACKUP_STATUS $ATTEMPT')}", run_on="always"
    )
    return repository


def lock_of(job: BackupJob) -> RunDirectory:
    return RunDirectory(django_settings.RUN_DIR / "jobs" / str(job.pk))


def assert_nothing_is_left(job: BackupJob) -> None:
    job.refresh_from_db()
    assert job.is_over
    assert job.phase == ""
    assert not job.executions.filter(status__in=("planned", "running")).exists()
    assert not lock_of(job).path.exists()
    for token in [job.token, *job.executions.values_list("token", flat=True)]:
        assert carriers(token) == []


# --- who is lost ------------------------------------------------------------------------------------------------------
@pytest.fixture
def claimed(transactional_db, make_repository, make_job):
    """A running job of this host whose lock file can be written by hand."""
    job = make_job(make_repository())
    BackupJob.objects.update(status="running", phase="pre-backup", claim=1, host_id=host_id())
    lock_of(job).path.mkdir(parents=True)
    return job


def owner_is(job: BackupJob, owner: Identity) -> None:
    lock_of(job).lock_path.write_text(f"{owner}\n")


def test_a_job_whose_process_lives_is_not_lost(claimed):
    owner_is(claimed, Identity.current())

    assert recovery.lost() == []


def test_a_job_is_lost_when_its_number_belongs_to_another_process(claimed):
    me = Identity.current()
    owner_is(claimed, Identity(me.pid, me.start_time + 1, me.boot_id))

    assert recovery.lost() == [("run_job", claimed.pk)]


def test_a_job_of_an_earlier_boot_is_lost(claimed):
    me = Identity.current()
    owner_is(claimed, Identity(me.pid, me.start_time, "an-earlier-boot"))

    assert recovery.lost() == [("run_job", claimed.pk)]


def test_a_zombie_owns_nothing(claimed):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    owner_is(claimed, Identity.of_child(pid))
    try:
        eventually(lambda: recovery.lost() == [("run_job", claimed.pk)])
    finally:
        os.waitpid(pid, 0)


def test_a_job_without_a_lock_file_is_lost(claimed):
    assert recovery.lost() == [("run_job", claimed.pk)]


def test_a_job_of_another_host_is_never_ours_to_find(claimed):
    BackupJob.objects.update(host_id="another-host")

    assert recovery.lost() == []


def test_scripts_that_were_being_run_again_are_lost_too(claimed):
    BackupJob.objects.update(status="failure", phase="post-backup")

    assert recovery.lost() == [("run_job", claimed.pk)]


def test_queued_and_finished_jobs_are_not_lost(claimed):
    for status in ("queued", "success"):
        BackupJob.objects.update(status=status, phase="")
        assert recovery.lost() == []


# --- kill -9 of the job process ---------------------------------------------------------------------------------------
def test_killed_in_a_pre_backup_script(shop, attach, make_job, processes, journal, counted_borg):
    attach(shop, "pre-backup", "slow", waits_at(journal, "slow"))
    attach(shop, "pre-backup", "never reached", journal.note("never reached"))
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    processes.lose(process)
    said = processes.installation.manage("recover")

    assert_nothing_is_left(job)
    assert (job.status, job.data, job.services, job.claim) == ("failure", "none", "up", 2)
    assert journal.words == ["stop", "slow", "start failure 1"]
    assert statuses(job) == {
        "stop": "succeeded", "slow": "interrupted", "never reached": "not_run", "start": "succeeded",
    }  # fmt: skip
    assert counted_borg.calls == 0
    assert f"run_job {job.pk}: failure. The job stopped during pre-backup" in said
    assert Notification.objects.get().event == "recovered"


@borg
def test_killed_in_borg(shop, make_job, processes, journal, counted_borg, run):
    counted_borg.slow()
    job = make_job(shop)
    process = processes.run_job(job, extra={"BORGUI_BORG": str(counted_borg.path)})
    processes.until(lambda: counted_borg.calls)

    processes.lose(process)
    run(job)

    assert_nothing_is_left(job)
    assert (job.status, job.data, job.services) == ("failure", "none", "up")
    assert "stopped during backup" in job.message
    assert journal.words == ["stop", "start failure 1"]
    assert counted_borg.calls == 1, "borg is never begun again"


@borg
def test_killed_after_borg_had_made_the_archive(shop, make_job, processes, journal, run, tmp_path, real_borg):
    """borg was through, its job process had not written it down yet: the archive is found."""
    slow = tmp_path / "slow-to-end"
    slow.write_text(
        f'#!/bin/sh\n{real_borg} "$@" || exit\ncase "$1" in create) {journal.note("borg")}; sleep 60;; esac\n'
    )
    slow.chmod(0o755)
    job = make_job(shop)
    process = processes.run_job(job, extra={"BORGUI_BORG": str(slow)})
    processes.until(lambda: journal.has("borg"))

    processes.lose(process)
    run(job)

    assert_nothing_is_left(job)
    assert (job.status, job.data) == ("failure", "good")
    assert journal.words == ["stop", "borg", "start failure 1"]


@borg
def test_killed_in_a_post_backup_script(shop, attach, make_job, processes, journal, counted_borg, run):
    attach(
        shop,
        "post-backup",
        "slow",
        f"[ $ATTEMPT = 1 ] || exec {again(journal)}\n{waits_at(journal, 'slow')}",
        run_on="always",
    )
    attach(shop, "post-backup", "last", journal.note("last"), run_on="success")
    job = make_job(shop)
    process = processes.run_job(job, extra={"BORGUI_BORG": str(counted_borg.path)})
    processes.until(lambda: journal.has("slow"))

    processes.lose(process)
    run(job)

    assert_nothing_is_left(job)
    assert (job.status, job.outcome, job.data, job.services) == ("success", "success", "good", "up")
    assert journal.words == ["stop", "start success 1", "slow", "again", "last"], "in the order of the chain"
    assert [(row.attempt, row.status) for row in job.executions.filter(script_name="slow").order_by("attempt")] == [
        (1, "interrupted"),
        (2, "succeeded"),
    ]
    assert counted_borg.calls == 1


def again(journal) -> str:
    return f"sh -c '{journal.note('again')}'"


def test_a_second_kill_during_recovery_and_a_third_start_not_before_five_minutes(
    shop, attach, make_job, processes, journal, run, settings
):
    """A script that brings the machine down must not do so for ever."""
    settings.BORG = "/nonexistent"
    attach(shop, "post-backup", "slow", f"{journal.note('slow $ATTEMPT')}\nexec sleep 60", run_on="always")
    job = make_job(shop)
    for attempt in (1, 2):
        process = processes.run_job(job, extra={"BORGUI_BORG": "/nonexistent"})
        processes.until(lambda word=f"slow {attempt}": journal.has(word))
        processes.lose(process)

    third = processes.run_job(job)
    planned = eventually(lambda: job.executions.filter(script_name="slow", attempt=3).first())
    assert timedelta(minutes=4) < planned.not_before - timezone.now() <= timedelta(minutes=5)
    third.send_signal(signal.SIGTERM)
    processes.ends(third, expect=2)
    job.refresh_from_db()
    assert job.status == "running", "what is planned for later outlives a planned stop"

    ScriptExecution.objects.filter(pk=planned.pk).update(not_before=timezone.now())
    fourth = processes.run_job(job)
    processes.until(lambda: journal.has("slow 3"))
    processes.lose(fourth)
    run(job)

    assert job.status == "failure"
    assert journal.words == ["start failure 1", "slow 1", "slow 2", "slow 3"]
    assert {row.status for row in job.executions.filter(script_name="slow")} == {"interrupted"}
    assert job.broken_promises.open().get().script_name == "slow"


def test_a_script_that_must_not_run_again_does_not(shop, attach, make_job, processes, journal, run, settings):
    attach(shop, "post-backup", "once", f"{NEVER}{waits_at(journal, 'once')}", run_on="always")
    settings.BORG = "/nonexistent"
    job = make_job(shop)
    process = processes.run_job(job, extra={"BORGUI_BORG": "/nonexistent"})
    processes.until(lambda: journal.has("once"))

    processes.lose(process)
    run(job)

    assert journal.words == ["start failure 1", "once"]
    assert (job.status, statuses(job)["once"]) == ("failure", "interrupted")
    assert job.broken_promises.open().get().script_name == "once"


def test_what_the_state_directory_held_is_there_after_the_loss(shop, attach, make_job, processes, journal, run):
    attach(shop, "pre-backup", "slow", f"echo web > $STATE_DIR/stopped\n{waits_at(journal, 'slow')}")
    attach(shop, "post-backup", "read", journal.note("was: $(cat $STATE_DIR/stopped)"), run_on="always")
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    processes.lose(process)
    run(job)

    assert journal.words[-1] == "was: web"


def test_private_copies_that_are_gone_are_made_again(shop, attach, make_job, processes, journal, run):
    attach(shop, "pre-backup", "slow", waits_at(journal, "slow"))
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))
    processes.lose(process)
    for copy in lock_of(job).copies.iterdir():
        copy.unlink()

    run(job)

    assert journal.words[-1] == "start failure 1"


def test_killed_before_the_claim_nothing_has_happened(shop, make_job, processes, journal):
    job = make_job(shop)

    processes.lose(processes.run_job(job))

    job.refresh_from_db()
    assert job.status == "queued"
    assert recovery.lost() == []


# --- failing while a job is recovered ---------------------------------------------------------------------------------
def test_a_promise_that_fails_in_recovery_is_tried_again_and_may_come_to_a_good_end(
    shop, attach, make_job, processes, journal, run, monkeypatch
):
    """Docker may not be up yet."""
    monkeypatch.setattr(attempts, "RETRY_AFTER", [timedelta(0)] * 5)
    attach(shop, "pre-backup", "slow", waits_at(journal, "slow"))
    attach(shop, "post-backup", "docker", f"{journal.note('docker')}\n[ $ATTEMPT = 3 ]", run_on="always")
    attach(shop, "post-backup", "last", journal.note("last"), run_on="always")
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    processes.lose(process)
    run(job)

    assert journal.words[2:] == ["start failure 1", "docker", "last", "docker", "docker"], "after the whole chain"
    assert (job.status, job.services) == ("failure", "up")
    assert row_of(job, "docker", attempt=3).status == "succeeded"


def test_a_promise_that_always_fails_in_recovery_is_broken_after_five_more_tries(
    shop, attach, make_job, processes, journal, run, monkeypatch
):
    monkeypatch.setattr(attempts, "RETRY_AFTER", [timedelta(0)] * 5)
    attach(shop, "pre-backup", "slow", waits_at(journal, "slow"))
    attach(shop, "post-backup", "bad", f"{journal.note('bad')}\nexit 1", run_on="failure")
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    processes.lose(process)
    run(job)

    assert journal.words.count("bad") == 6
    assert job.services == "broken_promise"
    assert "6 times" in job.broken_promises.get().message


# --- the recover command ----------------------------------------------------------------------------------------------
def test_recover_says_when_nothing_was_lost(installation):
    assert installation.manage("recover").strip() == "Nothing was lost."


def test_recover_tells_in_json_what_it_did(claimed, installation):
    found = installation.json("recover")

    claimed.refresh_from_db()
    assert claimed.status == "failure"
    assert found == {
        "recovered": [{"command": "run_job", "id": claimed.pk, "status": "failure", "message": claimed.message}]
    }
