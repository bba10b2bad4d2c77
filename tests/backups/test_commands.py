"""The commands as people type them: exit codes, what is printed, and what they leave."""

import json
import signal
from pathlib import Path

import pytest
from django.core.management import call_command

from backups.host import host_id
from backups.models import BackupJob, BrokenPromise, Repository
from backups.schemas import JobOut
from backups.watch import StopRequest
from borgui.commands import Refused
from borgui.process import Identity

from .conftest import eventually, row_of, statuses

borg = pytest.mark.borg
MISSING = {"BORGUI_BORG": "/nonexistent"}


@pytest.fixture
def quick(transactional_db, make_repository, attach, journal):
    """Its backups need no borg: every day is "not today"."""
    repository = make_repository()
    attach(repository, "pre-backup", "before", f"{journal.note('before')}\nexit 75")
    attach(repository, "post-backup", "after", journal.note("after $BACKUP_STATUS"), run_on="always")
    return repository


def hang(attach, repository, journal) -> None:
    attach(repository, "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60")
    attach(repository, "post-backup", "after", journal.note("after $BACKUP_STATUS"), run_on="always")


# --- backup: exit codes -----------------------------------------------------------------------------------------------
@borg
def test_a_good_backup_ends_with_0_and_prints_what_happened(repository, attach, installation):
    attach(repository, "pre-backup", "before", "echo hello from before")
    attach(repository, "post-backup", "after", "echo hello from after", run_on="always")

    said = installation.manage("backup", "photos")

    for expected in ("== pre-backup", "   | hello from before", "== backup", "== post-backup", "   | hello from after"):
        assert expected in said.splitlines()
    assert "photos: success" in said
    assert "Data:     good - archive photos-" in said
    assert "Services: nothing was stopped" in said


@borg
def test_a_warning_ends_with_1(repository, installation):
    Repository.objects.update(source_paths=[*repository.source_paths, "/nonexistent"])

    assert "the source /nonexistent is not there" in installation.manage("backup", "photos", expect=1)


def test_a_failure_ends_with_2(quick, installation):
    assert "/nonexistent" in installation.manage("backup", "photos", expect=2, extra=MISSING)


def test_a_skipped_backup_ends_with_75_and_an_id_is_as_good_as_a_name(quick, installation, journal):
    installation.manage("backup", str(quick.pk), expect=75)

    assert journal.words == ["before", "after skipped"]


def test_a_broken_promise_ends_with_4_whatever_became_of_the_backup(quick, attach, installation):
    attach(quick, "post-backup", "bad", "exit 1", run_on="always")

    said = installation.manage("backup", "photos", expect=4)

    assert "Services: a promise is broken" in said
    assert "The script 'bad' failed afterwards. Exit 1." in said


def test_an_unknown_repository_ends_with_64_and_leaves_no_job(quick, installation, processes):
    process = processes.start("backup", "fotos")
    out, err = processes.ends(process, expect=64)

    assert out == ""
    assert "There is no repository 'fotos'. There are: photos." in err
    assert "Traceback" not in err
    assert not BackupJob.objects.exists()


def test_a_deleted_repository_is_unknown(quick):
    Repository.objects.update(deleted_at="2026-11-22T02:00:00Z")

    with pytest.raises(Refused, match=r"There is no repository 'photos'\. There is none yet\."):
        call_command("backup", "photos")


def test_bad_usage_ends_with_64(installation):
    assert installation.manage("backup", "photos", "--nonsense", expect=64) == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["backup"],
        ["backup", "nobody"],
        ["run_job", "x"],
        ["run_job", "4711"],
        ["cancel"],
        ["cancel", "4711"],
        ["post_backup", "4711"],
        ["borg", "nobody", "--", "list"],
    ],
)
def test_bad_usage_and_unknown_names_are_refused(transactional_db, data_dir, arguments, monkeypatch):
    monkeypatch.setattr(StopRequest, "listen", lambda self: self)  # the signals of this process are the tests' own

    with pytest.raises(Refused) as refusal:
        call_command(*arguments)

    assert refusal.value.returncode == 64


def test_no_wait_ends_with_0_once_it_is_queued(quick, installation, journal):
    said = installation.manage("backup", "photos", "--no-wait")

    job = BackupJob.objects.get()
    assert said.strip() == f"Queued as job {job.pk}."
    assert (job.status, job.triggered_by) == ("queued", "command")
    assert journal.words == []
    assert installation.json("backup", "photos", "--no-wait")["status"] == "queued"


def test_json_is_one_thing_on_standard_output_the_job_of_the_api(quick, installation):
    said = installation.manage("backup", "photos", "--json", expect=75)

    job = json.loads(said)
    assert said.count("\n") == 1
    assert set(JobOut.model_fields) == set(job)
    assert (job["status"], job["outcome"], job["phase"]) == ("skipped", "skipped", None)
    assert [row["status"] for row in job["executions"]] == ["failed", "succeeded"]


# --- backup without a worker ------------------------------------------------------------------------------------------
def test_it_runs_first_what_was_queued_before_it(quick, make_job, installation):
    """There is nobody else who would."""
    first = make_job(quick)

    second = installation.json("backup", "photos", expect=75)

    first.refresh_from_db()
    assert first.status == "skipped"
    assert second["started_at"] >= first.completed_at.isoformat()[:19]


def test_it_recovers_a_lost_job_that_is_in_its_way(quick, make_job, installation, processes, journal, attach):
    first = make_job(quick)
    BackupJob.objects.update(status="running", phase="pre-backup", claim=1, host_id=host_id())

    installation.manage("backup", "photos", expect=75)

    first.refresh_from_db()
    assert (first.status, first.claim) == ("failure", 2)


def test_its_own_job_is_brought_to_an_end_when_its_process_is_killed(
    transactional_db, make_repository, attach, processes, journal
):
    hang(attach, make_repository(), journal)
    process = processes.start("backup", "photos")
    processes.until(lambda: journal.has("slow"))

    Identity.parse(BackupJob.objects.get().owner).signal(signal.SIGKILL)

    processes.ends(process, expect=2)
    assert journal.words == ["slow", "after failure"]


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------
def test_ctrl_c_is_a_planned_stop_where_the_command_runs_the_backup(
    transactional_db, make_repository, attach, processes, journal
):
    hang(attach, make_repository(), journal)
    process = processes.start("backup", "photos")
    processes.until(lambda: journal.has("slow"))

    process.send_signal(signal.SIGINT)
    out, err = processes.ends(process, expect=2)

    assert "services are brought back first" in err
    assert "the service was shut down" in out
    assert journal.words == ["slow", "after failure"]


def test_ctrl_c_only_ends_the_following_where_a_worker_runs_the_backup(
    transactional_db, make_repository, attach, processes, journal
):
    hang(attach, make_repository(), journal)
    processes.worker()
    process = processes.start("backup", "photos")
    processes.until(lambda: journal.has("slow"))

    process.send_signal(signal.SIGINT)
    _, err = processes.ends(process, expect=130)

    job = BackupJob.objects.get()
    assert job.status == "running"
    assert f"manage.py cancel {job.pk}" in err


def test_ctrl_c_takes_a_job_out_of_a_queue_that_nobody_serves(
    transactional_db, make_repository, attach, make_job, processes, journal
):
    repository = make_repository()
    hang(attach, repository, journal)
    first = processes.start("backup", "photos")
    processes.until(lambda: journal.has("slow"))
    second = processes.start("backup", "photos")
    eventually(lambda: BackupJob.objects.filter(message__startswith="Waiting for another").exists())

    second.send_signal(signal.SIGINT)
    processes.ends(second, expect=3)

    assert BackupJob.objects.order_by("-id").first().status == "cancelled"
    first.send_signal(signal.SIGINT)
    processes.ends(first, expect=2)


# --- cancel -----------------------------------------------------------------------------------------------------------
def test_cancel_ends_a_running_backup_with_3(transactional_db, make_repository, attach, processes, journal):
    hang(attach, make_repository(), journal)
    process = processes.start("backup", "photos")
    processes.until(lambda: journal.has("slow"))
    job = BackupJob.objects.get()

    said = processes.installation.manage("cancel", str(job.pk))

    assert said.strip() == "Asked to stop; the scripts after the backup still run."
    processes.ends(process, expect=3)
    assert journal.words == ["slow", "after cancelled"]
    with pytest.raises(Refused, match=r"This backup is over already \(cancelled\)."):
        call_command("cancel", str(job.pk))


def test_cancel_of_a_queued_job(quick, make_job, installation, journal):
    job = make_job(quick)

    assert installation.json("cancel", str(job.pk))["status"] == "cancelled"
    assert journal.words == []


# --- post_backup ------------------------------------------------------------------------------------------------------
def test_post_backup_puts_a_broken_promise_right(quick, attach, installation, journal, tmp_path):
    attach(
        quick,
        "post-backup",
        "fragile",
        f"{journal.note('fragile $ATTEMPT')}\n[ -e {tmp_path}/mended ]",
        run_on="always",
    )
    installation.manage("backup", "photos", expect=4)
    job = BackupJob.objects.get()
    (tmp_path / "mended").touch()

    said = installation.manage("post_backup", str(job.pk))

    assert "Services: nothing was stopped" in said
    assert journal.words == ["before", "after skipped", "fragile 1", "fragile 2"]
    assert not BrokenPromise.objects.open().exists()
    job.refresh_from_db()
    assert (job.status, job.phase) == ("skipped", "")
    assert row_of(job, "fragile", attempt=2).triggered_by == "rerun"
    with pytest.raises(Refused, match="nothing to put right"):
        call_command("post_backup", str(job.pk))


def test_post_backup_by_a_worker(quick, attach, processes, journal, tmp_path):
    attach(quick, "post-backup", "fragile", f"[ -e {tmp_path}/mended ]", run_on="always")
    processes.installation.manage("backup", "photos", expect=4)
    (tmp_path / "mended").touch()
    processes.worker()

    processes.installation.manage("post_backup", str(BackupJob.objects.get().pk))

    assert not BrokenPromise.objects.open().exists()


# --- run_job ----------------------------------------------------------------------------------------------------------
def test_run_job_of_a_job_that_another_process_holds_ends_with_64(
    transactional_db, make_repository, attach, make_job, processes, journal
):
    repository = make_repository()
    hang(attach, repository, journal)
    job = make_job(repository)
    first = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    second = processes.run_job(job)

    assert "in use by process" in processes.ends(second, expect=64)[1]
    first.send_signal(signal.SIGTERM)
    processes.ends(first, expect=2)
    job.refresh_from_db()
    assert job.claim == 1
    assert journal.words == ["slow", "after failure"]


def test_two_processes_for_one_queued_job_run_it_once(quick, make_job, processes, journal):
    job = make_job(quick)

    for process in [processes.run_job(job) for _ in range(3)]:
        processes.ends(process)

    assert journal.words == ["before", "after skipped"]
    assert statuses(job) == {"before": "failed", "after": "succeeded"}


def test_run_job_ends_with_the_code_of_the_job_and_says_nothing_new_of_one_that_is_over(
    quick, make_job, installation, journal
):
    job = make_job(quick)

    installation.manage("run_job", str(job.pk), expect=75)
    installation.manage("run_job", str(job.pk), expect=75)

    assert journal.words == ["before", "after skipped"]


# --- borg -------------------------------------------------------------------------------------------------------------
@borg
def test_borg_by_hand_knows_the_passphrase_and_hands_its_exit_code_on(
    transactional_db, make_repository, installation, processes
):
    make_repository(real=True, passphrase="a very secret phrase")
    installation.manage("backup", "photos")

    listed = installation.manage("borg", "photos", "--", "list", "--short", "::")

    assert listed.strip() == BackupJob.objects.get().archive_name
    process = processes.start("borg", "photos", "--", "info", "::nonexistent")
    _, err = processes.ends(process)
    assert process.returncode in (2, 31), err
    assert "a very secret phrase" not in err


@borg
def test_borg_by_hand_restores_a_file(repository, installation, source, tmp_path):
    installation.manage("backup", "photos")
    archive = BackupJob.objects.get().archive_name
    wanted = str(source / "one.txt").lstrip("/")

    printed = installation.manage("borg", "photos", "--", "extract", "--stdout", f"::{archive}", wanted)

    assert printed == Path(source / "one.txt").read_text()


def test_borg_by_hand_without_borg_says_what_to_install(quick, processes):
    process = processes.start("borg", "photos", "--", "list", extra=MISSING)

    assert "apt-get install" in processes.ends(process, expect=64)[1]
