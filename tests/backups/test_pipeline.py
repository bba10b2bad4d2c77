"""One job from claim to final status, with real scripts and the real borg; in this process where none has to die."""

import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError

from backups import borgcall, maintenance, queue
from backups.models import BackupJob, Notification, Repository
from backups.watch import StopRequest
from scripts_library import running
from scripts_library.models import RepositoryScript, ScriptExecution

from .conftest import meanwhile, row_of, statuses

borg = pytest.mark.borg
BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'


@pytest.fixture
def shop(repository, attach, journal):
    """photos with a chain that stops and starts something."""
    attach(repository, "pre-backup", "stop", f"{BLOCK}{journal.note('stop')}")
    attach(repository, "post-backup", "start", f"{BLOCK}{journal.note('start $BACKUP_STATUS')}", run_on="always")
    attach(repository, "post-backup", "tell", journal.note("tell"), run_on="failure")
    attach(repository, "post-backup", "cheer", journal.note("cheer"), run_on="success")
    return repository


def names_of_phases(job: BackupJob) -> list[str]:
    return [entry["phase"] for entry in job.phases]


def run_directory(job: BackupJob) -> Path:
    return django_settings.RUN_DIR / "jobs" / str(job.pk)


def assert_brought_back_after_failure(job: BackupJob, journal) -> None:
    """What holds after every failed backup of the shop: everything was put right, and nothing is half-written."""
    assert (job.status, job.outcome, job.data, job.phase) == ("failure", "failure", "none", "")
    assert journal.words[-2:] == ["start failure", "tell"]
    assert not run_directory(job).exists()
    assert not job.executions.filter(status__in=("planned", "running")).exists()
    assert all(entry["ended_at"] for entry in job.phases)
    assert Notification.objects.get(job=job).event == "failure"


# --- a day like every other -------------------------------------------------------------------------------------------
@borg
def test_a_good_backup_goes_through_its_phases_and_leaves_no_run_directory(shop, make_job, run, journal):
    job = run(make_job(shop))

    assert (job.status, job.data, job.services, job.borg_exit_code) == ("success", "good", "up", 0)
    assert job.archive_files == 3
    assert names_of_phases(job) == ["pre-backup", "backup", "post-backup"]
    assert all(entry["ended_at"] >= entry["started_at"] for entry in job.phases)
    assert journal.words == ["stop", "start success", "cheer"]
    assert statuses(job) == {"stop": "succeeded", "start": "succeeded", "tell": "not_run", "cheer": "succeeded"}
    assert not run_directory(job).exists()
    shop.refresh_from_db()
    assert shop.last_good_at == job.completed_at
    assert Notification.objects.get().event == "success"


@borg
def test_services_come_back_before_maintenance(shop, make_job, run):
    Repository.objects.update(compact_after=True, check_every_days=7)

    job = run(make_job(shop))

    assert (job.status, names_of_phases(job)) == ("success", ["pre-backup", "backup", "post-backup", "maintenance"])
    assert row_of(job, "start").completed_at.isoformat() <= job.phases[3]["started_at"]


@borg
def test_borg_never_starts_when_a_pre_backup_script_says_stop(shop, attach, make_job, run, journal, counted_borg):
    attach(shop, "pre-backup", "bad", "echo no luck >&2; exit 3")
    attach(shop, "pre-backup", "last", journal.note("last"))

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert "'bad' failed before the backup started (exit 3: no luck)" in job.message
    assert journal.words == ["stop", "start failure", "tell"]
    assert counted_borg.calls == 0
    assert names_of_phases(job) == ["pre-backup", "post-backup"]


@borg
def test_exit_75_skips_today_and_alarms_nobody(shop, attach, make_job, run, journal, counted_borg):
    attach(shop, "pre-backup", "not now", "exit 75")

    job = run(make_job(shop))

    assert (job.status, job.data, job.services) == ("skipped", "none", "up")
    assert journal.words == ["stop", "start skipped"]
    assert counted_borg.calls == 0


@borg
def test_a_failed_script_that_may_be_passed_over_makes_the_backup_a_warning(repository, attach, make_job, run):
    attach(repository, "pre-backup", "bad", "exit 1", on_failure="continue")

    job = run(make_job(repository))

    assert (job.status, job.data) == ("warning", "good")
    assert "'bad' failed" in job.message


@borg
def test_a_failing_post_backup_script_makes_a_success_a_warning(shop, attach, make_job, run, journal):
    attach(shop, "post-backup", "last but bad", "exit 9", run_on="completed")

    job = run(make_job(shop))

    assert (job.status, job.outcome, job.data) == ("warning", "success", "good")
    assert "The script 'last but bad' failed afterwards. Your data is safe. Exit 9." in job.message
    assert journal.words == ["stop", "start success", "cheer"]
    assert not job.broken_promises.exists(), "nobody promised that one"


# --- bad input --------------------------------------------------------------------------------------------------------
@borg
def test_a_repository_that_is_gone(shop, make_job, run, journal):
    Path(shop.path).rename(f"{shop.path}-elsewhere")

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert job.message.count("\n") == 0
    assert shop.path in job.message
    assert not Path(shop.path).exists()


@borg
def test_a_wrong_passphrase(make_repository, transactional_db, attach, make_job, run, journal):
    repository = make_repository(real=True, passphrase="the right one")
    attach(repository, "post-backup", "start", journal.note("start $BACKUP_STATUS"), run_on="always")
    attach(repository, "post-backup", "tell", journal.note("tell"), run_on="failure")
    repository.passphrase = "the wrong one"
    repository.save()

    job = run(make_job(repository))

    assert_brought_back_after_failure(job, journal)
    assert "passphrase" in job.message
    assert "the wrong one" not in job.message + str(job.command)


def test_a_borg_that_is_missing_stops_nothing_for_it(shop, make_job, run, journal, settings):
    settings.BORG = "/nonexistent/borg"

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert "/nonexistent/borg" in job.message
    assert "apt-get install" in job.message
    assert statuses(job)["stop"] == "not_run"


@borg
def test_a_source_that_is_not_there_is_told_and_the_rest_is_saved(shop, make_job, run, source):
    Repository.objects.update(source_paths=[str(source), "/nonexistent/source"])

    job = run(make_job(shop))

    assert (job.status, job.data) == ("warning", "good_with_warnings")
    assert "the source /nonexistent/source is not there" in job.message
    assert job.unread == ["/nonexistent/source"]


@borg
def test_an_archive_of_zero_files_is_never_a_success(shop, make_job, run, tmp_path):
    (tmp_path / "empty").mkdir()
    Repository.objects.update(source_paths=[str(tmp_path / "empty")])

    job = run(make_job(shop))

    assert (job.status, job.outcome, job.data, job.archive_files) == ("warning", "warning", "none", 0)
    assert "the archive is empty" in job.message
    shop.refresh_from_db()
    assert shop.last_good_at is None


def test_a_plan_with_problems_stops_nothing_and_tells_them_all(shop, attach, make_job, run, journal):
    block = '# /// borgui\n# [[parameters]]\n# name = "{0}"\n# type = "text"\n# required = true\n# ///\n'
    attach(shop, "pre-backup", "one", block.format("FIRST"))
    attach(shop, "post-backup", "two", block.format("SECOND"), run_on="always")

    job = run(make_job(shop))

    assert (job.status, job.data) == ("failure", "none")
    assert journal.words == ["start failure", "tell"]
    assert "FIRST" in job.message
    assert "SECOND" in job.message
    assert statuses(job) == {
        "stop": "not_run", "one": "failed", "start": "succeeded", "tell": "succeeded", "cheer": "not_run", "two": "failed",
    }  # fmt: skip
    assert job.broken_promises.open().get().script_name == "two"


# --- limits -----------------------------------------------------------------------------------------------------------
@borg
def test_a_backup_timeout_ends_borg_and_services_come_back(shop, make_job, run, journal, counted_borg):
    counted_borg.slow()
    Repository.objects.update(backup_timeout=1)

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert "longer than the time limit of this repository (1 s)" in job.message


@borg
def test_max_downtime_ends_borg_and_services_come_back(shop, make_job, run, journal, counted_borg):
    counted_borg.slow()
    Repository.objects.update(max_downtime=5)

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert "as long as this repository allows" in job.message
    assert job.services == "up"


def test_max_downtime_ends_a_pre_backup_script_too(shop, attach, make_job, run, journal, counted_borg):
    Repository.objects.update(max_downtime=5)
    attach(shop, "pre-backup", "slow", "exec sleep 30", on_failure="continue")

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert statuses(job)["slow"] == "timed_out"
    assert counted_borg.calls == 0


# --- faults of our own ------------------------------------------------------------------------------------------------
@borg
def test_a_fault_of_our_own_code_still_runs_the_post_backup_chain(shop, make_job, run, journal, monkeypatch):
    def fault(*args):
        raise RuntimeError("a bug")

    monkeypatch.setattr(borgcall, "create", fault)

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert "internal fault" in job.message


def test_a_fault_while_a_pre_backup_script_runs_leaves_no_running_row(shop, make_job, run, journal, monkeypatch):
    real = running.ending

    def ending(row, *rest):
        if row.hook_type == "pre-backup":
            raise RuntimeError("a bug")
        return real(row, *rest)

    monkeypatch.setattr(running, "ending", ending)

    job = run(make_job(shop))

    assert_brought_back_after_failure(job, journal)
    assert statuses(job)["stop"] == "failed"
    assert job.services == "up", "it had begun to stop something"


@borg
def test_a_fault_after_borg_looks_whether_there_is_an_archive(shop, make_job, run, monkeypatch):
    monkeypatch.setattr(borgcall, "made", lambda *args: 1 / 0)

    job = run(make_job(shop))

    assert (job.status, job.data) == ("failure", "good")


def test_a_fault_in_maintenance_makes_a_success_a_warning(shop, make_job, run, monkeypatch):
    Repository.objects.update(compact_after=True)
    monkeypatch.setattr(maintenance, "step", lambda *args: 1 / 0)

    job = run(make_job(shop))

    assert (job.status, job.outcome, job.data) == ("warning", "success", "good")


# --- progress ---------------------------------------------------------------------------------------------------------
@borg
def test_progress_is_written_at_most_once_a_second(shop, source, make_job, run, monkeypatch):
    for number in range(600):
        (source / f"{number}.bin").write_bytes(b"%d" % number * 20000)
    written = []
    monkeypatch.setattr(
        borgcall, "tell_progress", lambda ledger, progress: written.append((time.monotonic(), progress))
    )

    job = run(make_job(shop))

    assert job.progress == {}, "none is left of a job that is over"
    assert written
    assert all(later[0] - earlier[0] >= 0.95 for earlier, later in pairwise(written))


def test_progress_waits_for_nobody(shop, make_job, run, monkeypatch):
    """It is written in the loop that reads what borg prints: the database is not waited for there."""

    class Locked:
        @property
        def own_row(self):
            raise OperationalError("database is locked")

    borgcall.tell_progress(Locked(), {"files": 1})


# --- cancel -----------------------------------------------------------------------------------------------------------
def test_a_cancel_in_a_pre_backup_script_ends_it_and_brings_back_services(
    shop, attach, make_job, run, journal, counted_borg
):
    attach(shop, "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60")
    job = make_job(shop)

    with meanwhile(lambda: journal.has("slow"), lambda: queue.request_cancel(job)):
        run(job)

    job.refresh_from_db()
    assert (job.status, job.data, job.services) == ("cancelled", "none", "up")
    assert statuses(job)["slow"] == "cancelled"
    assert journal.words == ["stop", "slow", "start cancelled", "tell"]
    assert counted_borg.calls == 0
    assert Notification.objects.get().event == "cancelled"


def test_a_cancel_between_two_scripts_is_seen_before_the_next(shop, attach, make_job, run, journal, monkeypatch):
    """Also one that comes in the second after the last look."""
    attach(shop, "pre-backup", "next", journal.note("next"))
    job = make_job(shop)

    def cancel_at_the_end(row, *rest):
        if row.script_name == "stop":
            queue.request_cancel(job)
        return real(row, *rest)

    real = running.pass_on_notice
    monkeypatch.setattr(running, "pass_on_notice", cancel_at_the_end)

    run(job)

    assert job.status == "cancelled"
    assert statuses(job)["next"] == "not_run"
    assert journal.words == ["stop", "start cancelled", "tell"]


@borg
def test_a_cancel_ends_borg_within_seconds(shop, make_job, run, journal, counted_borg):
    counted_borg.slow()
    job = make_job(shop)
    asked_at = []

    def cancel() -> None:
        queue.request_cancel(job)
        asked_at.append(time.monotonic())

    with meanwhile(lambda: counted_borg.calls, cancel):
        run(job)

    job.refresh_from_db()
    assert time.monotonic() - asked_at[0] < 30
    assert (job.status, job.data) == ("cancelled", "none")
    assert journal.words == ["stop", "start cancelled", "tell"]


@borg
def test_a_cancel_in_the_last_second_of_borg_counts_and_the_archive_is_told(shop, make_job, run, journal, monkeypatch):
    job = make_job(shop)
    real = borgcall.made

    def made(*args):
        queue.request_cancel(job)
        return real(*args)

    monkeypatch.setattr(borgcall, "made", made)
    run(job)

    assert (job.status, job.data) == ("cancelled", "good")
    assert "complete already" in job.message
    assert journal.words == ["stop", "start cancelled", "tell"]


@borg
def test_a_cancel_in_the_post_backup_chain_is_refused_with_words(shop, attach, make_job, run, journal):
    attach(shop, "post-backup", "slow", f"{journal.note('slow')}\nsleep 1", run_on="always")
    job, refusals = make_job(shop), []

    def cancel() -> None:
        with pytest.raises(queue.TooLate) as refusal:
            queue.request_cancel(job)
        refusals.append(str(refusal.value))

    with meanwhile(lambda: journal.has("slow"), cancel):
        run(job)

    job.refresh_from_db()
    assert job.status == "success"
    assert "bring services back" in refusals[0]


@borg
def test_one_post_backup_script_can_be_stopped_and_the_chain_goes_on(shop, attach, make_job, run, journal):
    attach(shop, "post-backup", "slow", f"{journal.note('slow')}\nexec sleep 60", run_on="always")
    attach(shop, "post-backup", "last", journal.note("last"), run_on="always")
    job = make_job(shop)

    def stop() -> None:
        queue.request_execution_cancel(row_of(job, "slow"))

    with meanwhile(lambda: journal.has("slow"), stop):
        run(job)

    job.refresh_from_db()
    assert (job.status, job.services) == ("warning", "broken_promise")
    assert (statuses(job)["slow"], statuses(job)["last"]) == ("cancelled", "succeeded")
    assert journal.words[-1] == "last"
    assert job.broken_promises.open().get().script_name == "slow"


@pytest.mark.parametrize(("on_failure", "status"), [("abort", "failure"), ("skip", "skipped"), ("continue", "warning")])
@borg
def test_stopping_one_pre_backup_script_is_a_bad_end_like_any_other(
    repository, attach, make_job, run, journal, on_failure, status
):
    attach(repository, "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60", on_failure=on_failure)
    job = make_job(repository)

    with meanwhile(lambda: journal.has("slow"), lambda: queue.request_execution_cancel(row_of(job, "slow"))):
        run(job)

    job.refresh_from_db()
    assert (job.status, statuses(job)["slow"]) == (status, "cancelled")


# --- a planned stop ---------------------------------------------------------------------------------------------------
def test_a_planned_stop_in_a_pre_backup_script_brings_back_services(shop, attach, make_job, processes, journal):
    attach(shop, "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60", on_failure="continue")
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    process.send_signal(signal.SIGTERM)
    processes.ends(process, expect=2)

    job.refresh_from_db()
    assert_brought_back_after_failure(job, journal)
    assert "the service was shut down" in job.message
    assert statuses(job)["slow"] == "interrupted"


@borg
def test_a_planned_stop_in_borg_brings_back_services(shop, make_job, processes, journal, counted_borg):
    counted_borg.slow()
    job = make_job(shop)
    process = processes.run_job(job, extra={"BORGUI_BORG": str(counted_borg.path)})
    processes.until(lambda: counted_borg.calls)

    process.send_signal(signal.SIGTERM)
    processes.ends(process, expect=2)

    job.refresh_from_db()
    assert_brought_back_after_failure(job, journal)
    assert "the service was shut down" in job.message


@borg
def test_a_planned_stop_lets_the_post_backup_chain_finish_and_leaves_out_maintenance(
    shop, attach, make_job, processes, journal
):
    Repository.objects.update(compact_after=True)
    attach(
        shop, "post-backup", "slow", f"{journal.note('slow')}\nsleep 1\n{journal.note('slow is over')}", run_on="always"
    )
    attach(shop, "post-backup", "last", journal.note("last"), run_on="always")
    job = make_job(shop)
    process = processes.run_job(job)
    processes.until(lambda: journal.has("slow"))

    process.send_signal(signal.SIGTERM)
    processes.ends(process, expect=1)

    job.refresh_from_db()
    assert (job.status, job.outcome, job.data) == ("warning", "success", "good")
    assert journal.words[-2:] == ["slow is over", "last"]
    assert "Maintenance after the backup was left out. Stopped: the service was shut down." in job.message


def test_what_the_grace_of_a_planned_stop_does_not_see_the_end_of_is_left_to_recovery(
    shop, attach, make_job, processes, journal, run
):
    """The running script is ended and counts as interrupted; those after it stay planned."""
    Path(shop.path).rename(f"{shop.path}-elsewhere")
    attach(
        shop,
        "post-backup",
        "slow",
        f"{journal.note('slow $ATTEMPT')}\n[ $ATTEMPT = 2 ] || exec sleep 60",
        run_on="always",
    )
    attach(shop, "post-backup", "last", journal.note("last"), run_on="always")
    job = make_job(shop)
    process = processes.run_job(job, extra={"BORGUI_STOP_GRACE": "1"})
    processes.until(lambda: journal.has("slow 1"))

    process.send_signal(signal.SIGTERM)
    processes.ends(process, expect=2)

    job.refresh_from_db()
    assert (job.status, job.phase) == ("running", "post-backup")
    assert (statuses(job)["slow"], statuses(job)["last"]) == ("interrupted", "planned")
    assert run(job).status == "failure"
    assert journal.words[-2:] == ["slow 2", "last"]
    assert journal.words.count("stop") == 1


def test_a_stop_between_two_pre_backup_scripts_starts_no_further(shop, attach, make_job, run, journal, monkeypatch):
    stop = StopRequest()
    attach(shop, "pre-backup", "next", journal.note("next"))
    monkeypatch.setattr(running, "pass_on_notice", lambda row, run: stop.ask())

    job = run(make_job(shop), stop)

    assert_brought_back_after_failure(job, journal)
    assert "next" not in journal.words


# --- what people change meanwhile -------------------------------------------------------------------------------------
@borg
def test_what_people_change_afterwards_does_not_touch_a_claimed_job(shop, make_job, run, journal, monkeypatch):
    real = borgcall.create

    def create(*args):
        RepositoryScript.objects.all().delete()
        for path in django_settings.LIBRARY_DIR.iterdir():
            path.unlink()
        return real(*args)

    monkeypatch.setattr(borgcall, "create", create)

    job = run(make_job(shop))

    assert job.status == "success"
    assert journal.words == ["stop", "start success", "cheer"]
    assert ScriptExecution.objects.filter(backup_job=job, status="succeeded").count() == 3
