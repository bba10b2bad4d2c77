"""Every write of a claimed job: fenced, durable, and never in the way of a post-backup script."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from backups import ledger as ledger_module
from backups.ledger import Ledger, Unwritten, wait_at_most
from backups.models import BackupJob, Notification
from backups.note import Note
from scripts_library.models import ScriptExecution
from scripts_library.running import Superseded

from . import weather


@pytest.fixture
def job(transactional_db: None, make_repository: Callable[..., Any]) -> BackupJob:
    return BackupJob.objects.create(
        repository=make_repository(), status="running", phase="post-backup", claim=1, triggered_by="api"
    )


@pytest.fixture
def ledger(job: BackupJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    """With a patience that tests can wait for."""
    monkeypatch.setattr(ledger_module, "PATIENCE", 0.3)
    note = Note(tmp_path)
    note.prepare()
    connection.ensure_connection()
    [usual] = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    wait_at_most(0.3)
    yield Ledger(job, note, patience=0.3)
    wait_at_most(usual / 1000)


@pytest.fixture
def row(job: BackupJob) -> Callable[..., ScriptExecution]:
    def make(hook: str = "post-backup", **fields: Any) -> ScriptExecution:
        defaults = {"script_name": "start", "timeout": 60, "triggered_by": "api", "run_on": "always"}
        return ScriptExecution.objects.create(backup_job=job, hook_type=hook, **{**defaults, **fields})

    return make


def noted(ledger: Ledger) -> list[dict[str, Any]]:
    return [entry["fields"] for entry in ledger.note.entries()]


# --- the fence --------------------------------------------------------------------------------------------------------
def test_a_write_is_in_the_row_and_on_the_object(ledger, job):
    ledger.own(outcome="success", message="Backed up.")

    assert (job.outcome, job.message) == ("success", "Backed up.")
    job.refresh_from_db()
    assert (job.outcome, job.message) == ("success", "Backed up.")
    assert ledger.note.is_blank()


def test_whoever_lost_the_claim_writes_nothing_any_more(ledger, job, row):
    execution = row()
    BackupJob.objects.update(claim=2)

    for write in (
        lambda: ledger.own(outcome="success"),
        lambda: ledger.execution(execution, {"status": "succeeded"}),
        lambda: ledger.message("title", "text"),
        lambda: ledger.add([execution]),
        lambda: ledger.whole(lambda: ledger.set(outcome="success")),
    ):
        ledger.unsaved.clear()
        with pytest.raises(Superseded):
            write()

    assert BackupJob.objects.get().outcome == ""
    assert ScriptExecution.objects.get().status == "planned"
    assert not Notification.objects.exists()


def test_a_job_that_was_removed_does_not_end_its_process(ledger, job, row):
    execution = row()
    BackupJob.objects.all().delete()

    ledger.execution(execution, {"status": "running"})
    ledger.own(outcome="success")
    ledger.message("title", "text")

    assert ledger.vanished
    assert ledger.settle()
    assert not Notification.objects.exists()


def test_a_row_that_was_removed_does_not_stop_the_others(ledger, row):
    gone, there = row(), row(position=1)
    ScriptExecution.objects.filter(pk=gone.pk).delete()

    ledger.execution(gone, {"status": "running"})
    ledger.execution(there, {"status": "running"})

    assert not ledger.vanished
    there.refresh_from_db()
    assert there.status == "running"


# --- a database that refuses ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bad_weather", [weather.locked, weather.read_only])
def test_what_the_database_refuses_is_in_the_note_and_comes_later(ledger, job, row, bad_weather):
    execution = row()

    with bad_weather():
        ledger.own(outcome="failure", message="No.")
        ledger.execution(execution, {"status": "running", "started_at": timezone.now()})
        ledger.message("title", "text")
        assert BackupJob.objects.get().outcome == ""
        assert [next(iter(fields)) for fields in noted(ledger)] == ["outcome", "status", "event"]
        assert not ledger.settle()

    assert ledger.settle()
    assert BackupJob.objects.get().message == "No."
    assert ScriptExecution.objects.get().status == "running"
    assert Notification.objects.get().title == "title"
    assert ledger.note.is_blank()


def test_the_next_write_brings_everything_in_as_soon_as_the_database_is_back(ledger, job, row):
    execution = row()
    with weather.read_only():
        ledger.own(outcome="failure")

    ledger.execution(execution, {"status": "succeeded"})

    assert BackupJob.objects.get().outcome == "failure"
    assert ScriptExecution.objects.get().status == "succeeded"
    assert (ledger.unsaved, ledger.note.is_blank()) == ([], True)


def test_the_patience_is_for_the_whole_job_and_not_for_each_write(ledger, job):
    with weather.read_only():
        ledger.own(outcome="failure")
        assert ledger.patience == 0
        began = time.monotonic()
        for _ in range(20):
            ledger.own(message="again")
        assert time.monotonic() - began < 20 * 0.3, "each of them would have waited"

    assert len(noted(ledger)) == 21


def test_waiting_for_a_lock_counts_also_where_it_was_worth_it(ledger, job, monkeypatch):
    monkeypatch.setattr(ledger_module, "SLOW", 0.05)
    ledger.patience = 30.0
    monkeypatch.setattr(ledger, "_save", lambda entry: time.sleep(0.1))

    ledger.own(message="at last")

    assert ledger.patience <= 29.9


def test_a_pre_backup_script_never_starts_on_an_unwritten_row(ledger, job, row):
    execution = row("pre-backup")
    with weather.read_only():
        ledger.own(message="something before it")
        with pytest.raises(Unwritten):
            ledger.execution(execution, {"status": "running"})
        assert noted(ledger) == [{"message": "something before it"}], "nothing was started, so nothing is noted"

    assert ledger.settle()
    assert ScriptExecution.objects.get().status == "planned"


def test_a_pre_backup_script_starts_when_the_database_takes_all_that_waited(ledger, job, row):
    execution = row("pre-backup")
    with weather.read_only():
        ledger.own(message="something before it")

    ledger.execution(execution, {"status": "running"})

    assert ScriptExecution.objects.get().status == "running"
    assert BackupJob.objects.get().message == "something before it"


def test_the_reserve_is_given_up_when_the_disk_is_full(ledger, row):
    execution = row()

    with weather.full():
        ledger.execution(execution, {"status": "failed", "exit_code": 3, "stdout": "x" * 60_000})

    assert not ledger.note.reserve.exists()
    assert noted(ledger) == [{"status": "failed", "exit_code": 3}]


def test_where_the_reserve_makes_room_nothing_has_to_wait(ledger, job, monkeypatch):
    save = ledger._save

    def save_with_room(entry: Any) -> None:
        if ledger.note.reserve.exists():
            raise OperationalError("database or disk is full")
        save(entry)

    monkeypatch.setattr(ledger, "_save", save_with_room)

    ledger.own(outcome="success")

    assert BackupJob.objects.get().outcome == "success"
    assert (ledger.patience, ledger.note.is_blank()) == (0.3, True)


def test_without_note_and_database_the_job_goes_on_all_the_same(ledger, job):
    ledger.note.path.unlink()

    with weather.read_only():
        ledger.own(outcome="failure")

    assert ledger.settle()
    assert BackupJob.objects.get().outcome == "failure"


# --- what belongs together --------------------------------------------------------------------------------------------
def test_the_end_of_a_job_is_written_whole_or_not_at_all_and_never_noted(ledger, job):
    def work() -> None:
        ledger.set(outcome="success")
        Notification.objects.create(event="success", title="done", text="x" * 60_000)

    with weather.full(), pytest.raises(OperationalError, match="full"):
        ledger.whole(work)
    assert BackupJob.objects.get().outcome == ""
    assert ledger.note.is_blank()
    assert not ledger.note.reserve.exists()

    ledger.whole(work)
    assert BackupJob.objects.get().outcome == "success"
    assert Notification.objects.count() == 1


def test_further_attempts_that_cannot_be_written_are_not_made(ledger, row):
    with weather.read_only():
        assert not ledger.add([ScriptExecution(script_name="again", timeout=1, hook_type="post-backup")])

    assert not ScriptExecution.objects.exists()
