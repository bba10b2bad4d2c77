"""What a lost process left in its note is brought into the rows, as far as it fits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from backups.ledger import Entry
from backups.models import BackupJob, Notification
from backups.note import Note
from backups.replaying import replay
from scripts_library.models import ScriptExecution

from . import weather


@pytest.fixture
def job(transactional_db: None, make_repository: Callable[..., Any]) -> BackupJob:
    return BackupJob.objects.create(
        repository=make_repository(), status="running", phase="backup", claim=3, triggered_by="api"
    )


@pytest.fixture
def row(job: BackupJob) -> ScriptExecution:
    return ScriptExecution.objects.create(
        backup_job=job, hook_type="post-backup", script_name="start", timeout=60, triggered_by="api"
    )


@pytest.fixture
def note(tmp_path: Path) -> Note:
    note = Note(tmp_path)
    note.prepare()
    return note


def test_entries_are_written_in_their_order_and_the_note_is_cleared(job, row, note):
    now = timezone.now().replace(microsecond=0)
    note.append(Entry("job", job.pk, {"phase": "post-backup", "outcome": "failure"}).as_note(3))
    note.append(Entry("execution", row.pk, {"status": "running", "started_at": now}).as_note(3))
    note.append(Entry("execution", row.pk, {"status": "succeeded", "completed_at": now, "hints": []}).as_note(3))
    note.append(Entry("notification", 0, {"event": "message", "job_id": job.pk, "title": "hello"}).as_note(3))

    replay(BackupJob, job.pk, note)

    job.refresh_from_db()
    row.refresh_from_db()
    assert (job.phase, job.outcome) == ("post-backup", "failure")
    assert (row.status, row.started_at, row.completed_at) == ("succeeded", now, now)
    assert Notification.objects.get().title == "hello"
    assert note.is_blank()


def test_entries_of_a_claim_that_was_taken_over_are_dropped(job, note):
    note.append(Entry("job", job.pk, {"outcome": "failure"}).as_note(2))

    replay(BackupJob, job.pk, note)

    assert BackupJob.objects.get().outcome == ""
    assert note.is_blank()


def test_a_field_and_a_table_that_an_upgrade_has_removed_are_left_out(job, note):
    note.append(Entry("job", job.pk, {"outcome": "failure", "mood": "grim"}).as_note(3))
    note.append(Entry("job", job.pk, {"mood": "grim"}).as_note(3))
    note.append(Entry("horoscope", 1, {"sign": "leo"}).as_note(3))
    note.append(Entry("job", job.pk, {"message": "last"}).as_note(3))

    replay(BackupJob, job.pk, note)

    job.refresh_from_db()
    assert (job.outcome, job.message) == ("failure", "last")


@pytest.mark.parametrize(
    "unfit",
    [
        '{"claim": 3, "model": "job", "id": JOB, "fields": {"started_at": "yesterday"}}',
        '{"claim": 3, "model": "job", "id": JOB, "fields": {"triggered_by": null}}',
        '{"claim": 3, "model": "job", "fields": {"outcome": "success"}}',
        '{"claim": 3, "model": "job", "id": JOB}',
        '{"claim": 3, "model": "notification", "id": 0, "fields": {"title": null}}',
        '{"claim": 3}',
        '{"claim": 3, "model": "job", "id": JOB, "fields": {"outcome": "suc',
    ],
)
def test_an_entry_that_does_not_fit_keeps_no_other_out(job, note, unfit):
    after = Entry("job", job.pk, {"message": "after it"}).as_note(3)
    with open(note.path, "r+b") as file:
        file.write(unfit.replace("JOB", str(job.pk)).encode() + b"\n" + json.dumps(after).encode() + b"\n")

    replay(BackupJob, job.pk, note)

    job.refresh_from_db()
    assert (job.message, job.outcome, job.triggered_by) == ("after it", "", "api")
    assert note.is_blank()


def test_a_note_that_was_torn_is_cleared_so_that_the_next_one_can_be_read(job, note):
    with open(note.path, "r+b") as file:
        file.write(b'{"claim": 3, "mod')

    replay(BackupJob, job.pk, note)
    again = Note(note.path.parent)
    again.prepare()
    again.append(Entry("job", job.pk, {"outcome": "failure"}).as_note(3))
    replay(BackupJob, job.pk, again)

    assert BackupJob.objects.get().outcome == "failure"


def test_a_database_that_still_refuses_leaves_the_note_as_it_is(job, note):
    note.append(Entry("job", job.pk, {"outcome": "failure"}).as_note(3))

    with weather.read_only(), pytest.raises(OperationalError):
        replay(BackupJob, job.pk, note)

    assert [entry["fields"] for entry in note.entries()] == [{"outcome": "failure"}]


def test_an_empty_note_asks_the_database_nothing(note, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        replay(BackupJob, 1, note)
