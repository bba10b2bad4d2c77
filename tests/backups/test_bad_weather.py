"""A database that cannot be written, a full disk, no place for logs: services come back, and nothing is forgotten.

Real jobs with real scripts and the real borg. In most tests the job runs in this process, with little patience.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection

from backups import borgcall, ledger, walk
from backups.finishing import NotFinished
from backups.models import BackupJob, Notification, Repository
from backups.note import RESERVE
from backups.watch import Watch

from . import weather
from .conftest import Journal, eventually, meanwhile, row_of, statuses

pytestmark = pytest.mark.borg
BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'
KEPT = {"stop": "succeeded", "start": "succeeded", "tell": "not_run", "cheer": "succeeded"}


@pytest.fixture
def shop(repository: Repository, attach: Callable[..., Any], journal: Journal) -> Repository:
    """photos with a chain that stops and starts something."""
    attach(repository, "pre-backup", "stop", f"{BLOCK}{journal.note('stop')}")
    attach(repository, "post-backup", "start", f"{BLOCK}{journal.note('start $BACKUP_STATUS')}", run_on="always")
    attach(repository, "post-backup", "tell", journal.note("tell"), run_on="failure")
    attach(repository, "post-backup", "cheer", journal.note("cheer"), run_on="success")
    return repository


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for what the database refuses, not five."""
    monkeypatch.setattr(ledger, "PATIENCE", 0.5)
    monkeypatch.setattr(walk, "PATIENCE", 0.5)
    monkeypatch.setattr(walk, "Ledger", lambda work, note: ledger.Ledger(work, note, patience=0.5))


@pytest.fixture
def lock() -> Iterator[weather.Lock]:
    lock = weather.Lock()
    yield lock
    lock.release()


@pytest.fixture
def after_borg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ExitStack]]:
    """after_borg(weather): from the end of borg on there is this weather, until what is returned is closed."""
    with ExitStack() as open_weather:

        def arrange(bad_weather: Callable[[], Any]) -> ExitStack:
            create = borgcall.create

            def create_and_worsen(*args: Any) -> borgcall.Made:
                made = create(*args)
                open_weather.enter_context(bad_weather())
                return made

            monkeypatch.setattr(borgcall, "create", create_and_worsen)
            return open_weather

        yield arrange


def run_directory(job: BackupJob) -> Path:
    return django_settings.RUN_DIR / "jobs" / str(job.pk)


# --- the database -----------------------------------------------------------------------------------------------------
def test_a_database_that_is_locked_beyond_the_end_of_the_job_holds_up_no_script_and_loses_nothing(
    shop, make_job, counted_borg, processes, installation, journal, lock
):
    counted_borg.slow(3)
    job = make_job(shop)
    process = processes.run_job(job)
    eventually(lambda: counted_borg.calls)
    lock.hold()

    said = processes.ends(process, expect=1)

    assert journal.words == ["stop", "start success", "cheer"], "all while the database was locked"
    job.refresh_from_db()
    assert (job.status, job.phase) == ("running", "backup")
    assert "does not take its end" in said[1]
    lock.release()
    installation.manage("recover")
    job.refresh_from_db()
    assert (job.status, job.outcome, job.data, job.services) == ("success", "success", "good", "up")
    assert statuses(job) == KEPT
    assert all(row.completed_at >= row.started_at for row in job.executions.exclude(status="not_run"))
    assert (journal.words, counted_borg.calls) == (["stop", "start success", "cheer"], 1)
    assert job.message == "Backed up."
    assert not run_directory(job).exists()
    assert Notification.objects.get().event == "recovered"


def test_a_database_that_comes_back_in_mid_job_gets_everything_from_the_same_process(
    shop, attach, make_job, run, journal, lock, counted_borg, impatient
):
    attach(shop, "post-backup", "last", journal.note("last"), run_on="always")
    counted_borg.slow(0.5)

    def hold_until_services_are_back() -> None:
        lock.hold()
        eventually(lambda: journal.has("cheer"))
        lock.release()

    with meanwhile(lambda: counted_borg.calls, hold_until_services_are_back):
        job = run(make_job(shop))

    assert (job.status, job.claim, job.services) == ("success", 1, "up")
    assert statuses(job) == {**KEPT, "last": "succeeded"}
    assert [entry["phase"] for entry in job.phases] == ["pre-backup", "backup", "post-backup"]
    assert Notification.objects.get().event == "success"


def test_no_further_pre_backup_script_starts_while_the_database_is_locked(
    shop, attach, make_job, run, journal, lock, counted_borg, impatient
):
    attach(shop, "pre-backup", "slow", f"{journal.note('slow')}; sleep 3")
    attach(shop, "pre-backup", "never", journal.note("never"))

    def hold_until_services_are_back() -> None:
        lock.hold()
        eventually(lambda: journal.has("tell"))
        lock.release()

    with meanwhile(lambda: journal.has("slow"), hold_until_services_are_back):
        job = run(make_job(shop))

    assert journal.words == ["stop", "slow", "start failure", "tell"]
    assert (job.status, job.data, counted_borg.calls) == ("failure", "none", 0)
    assert "database could not be written" in job.message
    assert (row_of(job, "slow").status, row_of(job, "never").status) == ("succeeded", "not_run")
    assert row_of(job, "never").started_at is None


def test_a_database_that_cannot_be_written_at_all_leaves_its_rows_to_the_next_run(
    shop, make_job, run, journal, after_borg, impatient
):
    unwritable = after_borg(weather.read_only)
    job = make_job(shop)

    with pytest.raises(NotFinished):
        run(job)
    assert journal.words == ["stop", "start success", "cheer"]
    unwritable.close()

    job = run(job)

    assert (job.status, job.data, job.services, job.claim) == ("success", "good", "up", 2)
    assert statuses(job) == KEPT
    assert journal.words == ["stop", "start success", "cheer"], "nothing ran twice"


def test_a_job_that_ends_while_its_end_cannot_be_written_is_not_half_ended(
    shop, attach, make_job, run, journal, monkeypatch, impatient
):
    """A broken promise and what people are told belong to the final status: all of it, or none."""
    attach(shop, "post-backup", "bad", "exit 4", run_on="always")
    job = make_job(shop)
    with monkeypatch.context() as patch:

        def full(*args: Any) -> None:
            raise OperationalError("database or disk is full")

        patch.setattr("backups.promises.record", full)
        with pytest.raises(NotFinished):
            run(job)
    job.refresh_from_db()
    assert (job.status, job.broken_promises.count(), Notification.objects.count()) == ("running", 0, 0)

    job = run(job)

    assert (job.status, job.services) == ("warning", "broken_promise")
    assert job.broken_promises.open().get().script_name == "bad"
    assert job.message.count("The script 'bad' failed afterwards.") == 1
    assert Notification.objects.get().event == "broken_promise"


def test_what_a_script_wants_to_be_told_is_told_when_the_database_is_back(
    shop, attach, make_job, run, after_borg, impatient
):
    attach(shop, "post-backup", "say", 'printf "title\\ntext\\n" > "$NOTIFY_FILE"', run_on="always")
    unwritable = after_borg(weather.read_only)
    job = make_job(shop)
    with pytest.raises(NotFinished):
        run(job)
    unwritable.close()

    run(job)

    assert Notification.objects.filter(event="message", job=job).values_list("title", "text").get() == ("title", "text")


def test_a_database_that_cannot_be_read_is_no_cancel_and_no_failure(shop, make_job, run, monkeypatch, counted_borg):
    def unreadable(*args: Any) -> str:
        raise OperationalError("database is locked")

    monkeypatch.setattr(Watch, "_read", unreadable)
    counted_borg.slow(1.5)

    job = run(make_job(shop))

    assert (job.status, statuses(job)) == ("success", KEPT)


def test_maintenance_that_was_over_when_the_database_went_away_is_no_warning(
    shop, make_job, run, monkeypatch, impatient
):
    Repository.objects.update(compact_after=True)
    job = make_job(shop)
    with monkeypatch.context() as patch:

        def locked(*args: Any) -> None:
            raise OperationalError("database is locked")

        patch.setattr("backups.promises.record", locked)
        with pytest.raises(NotFinished):
            run(job)

    job = run(job)

    assert (job.status, job.message) == ("success", "Backed up.")


# --- the disk ---------------------------------------------------------------------------------------------------------
def test_a_job_that_cannot_have_its_reserve_does_not_begin(shop, make_job, run, journal):
    job = make_job(shop)
    run_directory(job).mkdir(parents=True)
    (run_directory(job) / "reserve").symlink_to("/dev/full")

    job = run(job)

    assert (job.status, job.data, journal.words) == ("failure", "none", [])
    assert job.message.startswith("Not started: ")
    assert "No space left on device" in job.message
    assert Notification.objects.get().event == "failure"


def test_a_job_that_finds_too_little_room_does_not_begin(shop, make_job, run, journal, settings):
    settings.MIN_FREE = 2**60

    job = run(make_job(shop))

    assert (job.status, journal.words) == ("failure", [])
    assert "BORGUI_MIN_FREE" in job.message


def test_a_database_that_may_not_grow_gives_up_the_reserve_and_keeps_the_promise(
    shop, attach, make_job, run, journal, after_borg, impatient
):
    attach(shop, "post-backup", "talk", "head -c 60000 /dev/zero | tr '\\0' x; exit 3", run_on="always")
    attach(shop, "post-backup", "last", journal.note("last"), run_on="always")
    disk = after_borg(weather.full)
    job = make_job(shop)

    with pytest.raises(NotFinished):
        run(job)

    assert journal.words == ["stop", "start success", "cheer", "last"]
    assert not (run_directory(job) / "reserve").exists()
    disk.close()
    job = run(job)
    assert (job.status, row_of(job, "talk").exit_code) == ("warning", 3)
    assert job.broken_promises.open().get().script_name == "talk"
    assert (run_directory(job) / "reserve").stat().st_size == RESERVE, "a recovery takes it again"
    assert journal.words[-1] == "last"


@pytest.mark.parametrize("folder", ["executions", "jobs"])
def test_without_a_place_for_logs_the_scripts_run_and_the_row_says_so(shop, make_job, run, journal, folder):
    django_settings.LOGS_DIR.mkdir()
    (django_settings.LOGS_DIR / folder).write_text("in the way")

    job = run(make_job(shop))

    assert (job.status, statuses(job)) == ("success", KEPT)
    assert journal.words == ["stop", "start success", "cheer"]
    assert bool(row_of(job, "start").error_message) == (folder == "executions")


# --- what borg needs --------------------------------------------------------------------------------------------------
def test_a_passphrase_that_no_longer_decrypts_stops_nothing_and_keeps_the_promise(
    shop, make_job, run, journal, counted_borg
):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE repositories SET passphrase = 'gAAAAABwritten-with-a-key-that-is-gone'")

    job = run(make_job(shop))

    assert journal.words == ["start failure", "tell"]
    assert (job.status, job.data, job.services, counted_borg.calls) == ("failure", "none", "untouched", 0)
    assert "can no longer be decrypted" in job.message
    assert statuses(job)["stop"] == "not_run"


def test_a_repository_that_another_host_has_locked_is_a_failure_that_names_it(shop, make_job, run, journal):
    Repository.objects.update(lock_wait=1)
    held = Path(shop.path) / "lock.exclusive" / "nas@123456.4711-0"
    held.parent.mkdir()
    held.touch()

    job = run(make_job(shop))

    assert (job.status, job.data, job.services) == ("failure", "none", "up")
    assert "host nas, process 4711" in job.message
    assert journal.words == ["stop", "start failure", "tell"]
    assert held.exists(), "it is never broken by itself"
