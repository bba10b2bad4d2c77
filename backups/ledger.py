"""How a job process writes its rows (behaviour.md, sections 2 and 6).

Every write is fenced by the claim number: one that finds another number means that somebody else has taken the job
over, and this process starts nothing more (`Superseded`). A database that cannot be written never stops a post-backup
script: a write is tried again for five seconds per job in all, then it goes to the note, and from then on every write
goes to the note first, until the database has them all. A pre-backup script never starts on such a row (`Unwritten`).
"""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, connection, models, transaction

from scripts_library.models import ExecutionStatus, Hook, ScriptExecution
from scripts_library.running import Superseded

from .models import BackupJob
from .note import Note

log = logging.getLogger(__name__)
PATIENCE = 5.0  # seconds for all writes of a job that the database refuses
PAUSE = 0.25  # seconds between two tries


class Unwritten(Exception):
    """The database did not take a row on which something was to start."""


@dataclass(frozen=True)
class Entry:
    """One write that waits: which row, which fields."""

    model: str
    pk: int
    fields: dict[str, Any]

    def as_note(self, claim: int) -> dict[str, Any]:
        return {"claim": claim, "model": self.model, "id": self.pk, "fields": self.fields}


@dataclass
class Ledger:
    """The only way by which a claimed job changes its rows."""

    job_id: int
    claim: int
    note: Note
    unsaved: list[Entry] = field(default_factory=list)
    patience: float = PATIENCE
    vanished: bool = False  # somebody removed the job's row: there is nothing left to write to

    @property
    def own_job(self) -> models.QuerySet[BackupJob]:
        return BackupJob.objects.filter(pk=self.job_id, claim=self.claim)

    # --- writing ------------------------------------------------------------------------------------------------------
    def job(self, job: BackupJob, **fields: Any) -> None:
        """Set the fields on the job and make them durable. Raises Superseded."""
        for name, value in fields.items():
            setattr(job, name, value)
        self._write(Entry("job", self.job_id, fields))

    def execution(self, row: ScriptExecution, fields: dict[str, Any]) -> None:
        """Make fields of an execution durable. Raises Superseded, and Unwritten for the start of a pre-backup script."""
        must = row.hook_type == Hook.PRE and fields.get("status") == ExecutionStatus.RUNNING
        self._write(Entry("execution", row.pk, fields), must=must)

    def add(self, rows: list[ScriptExecution]) -> bool:
        """Make new rows durable; False where the database does not take them. Raises Superseded."""
        try:
            with transaction.atomic():
                if not self.own_job.update(claim=self.claim):
                    raise Superseded(f"job {self.job_id} has another owner")
                ScriptExecution.objects.bulk_create(rows)
        except DatabaseError as error:
            log.error("job %s: no further attempts could be planned: %s", self.job_id, error)
            return False
        return True

    def settle(self) -> bool:
        """Try once more to bring everything into the database; whether it has it all."""
        return not self.unsaved or self._save_with_patience()

    def _write(self, entry: Entry, must: bool = False) -> None:
        if self.vanished:
            return
        if self.unsaved:
            self.note.append(entry.as_note(self.claim))
        self.unsaved.append(entry)
        if self._save_with_patience():
            return
        if must:
            self.unsaved.pop()
            raise Unwritten("The database could not be written, so no script was started.")
        if len(self.unsaved) == 1:
            self.note.append(entry.as_note(self.claim))

    def _save_with_patience(self) -> bool:
        while True:
            began = time.monotonic()
            try:
                self._save_all()
                return True
            except DatabaseError as error:
                problem = error
            if is_full(problem) and self.note.free_reserve():
                log.error("job %s: the disk is full, the reserve was given up", self.job_id)
                continue
            if self.patience <= 0:
                log.error("job %s: not written, kept in the note: %s", self.job_id, problem)
                return False
            time.sleep(min(PAUSE, self.patience))
            self.patience = max(0.0, self.patience - (time.monotonic() - began))
            wait_at_most(self.patience)

    def _save_all(self) -> None:
        if len(self.unsaved) == 1:
            self._save(self.unsaved[0])
        else:
            with transaction.atomic():
                for entry in self.unsaved:
                    self._save(entry)
            self.note.clear()
        self.unsaved.clear()

    def _save(self, entry: Entry) -> None:
        rows: models.QuerySet[Any] = (
            self.own_job
            if entry.model == "job"
            else ScriptExecution.objects.filter(pk=entry.pk, backup_job__in=self.own_job)
        )
        if not rows.update(**entry.fields):
            self._why_nothing_changed(entry)

    def _why_nothing_changed(self, entry: Entry) -> None:
        """Somebody else's claim ends this process; a row that was removed does not: services have to come back."""
        claim = BackupJob.objects.filter(pk=self.job_id).values_list("claim", flat=True).first()
        if claim is not None and claim != self.claim:
            raise Superseded(f"job {self.job_id} has another owner")
        if claim is None:
            self.vanished = True
        log.error("job %s: %s %s was removed while the job ran", self.job_id, entry.model, entry.pk)


def replay(job_id: int, note: Note) -> None:
    """Bring what a lost process left in its note into the rows; entries of another claim are not its to write."""
    entries = list(note.entries())
    if not entries:
        return
    with transaction.atomic():
        claim = BackupJob.objects.values_list("claim", flat=True).get(pk=job_id)
        for entry in entries:
            if entry["claim"] == claim:
                model = BackupJob if entry["model"] == "job" else ScriptExecution
                model.objects.filter(pk=entry["id"]).update(**known_fields(model, entry["fields"]))
    note.clear()
    log.warning("job %s: %s writes were brought in from the note", job_id, len(entries))


def known_fields(model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
    """Without those that a newer version of the product no longer has."""
    names = {one.name for one in model._meta.fields} | {one.attname for one in model._meta.fields}
    return {name: value for name, value in fields.items() if name in names}


def is_full(error: DatabaseError) -> bool:
    return "full" in str(error)


def commit_to_disk() -> None:
    """From here on a commit of this process survives a power cut (SQLite; other databases do it anyway)."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")


def wait_at_most(seconds: float) -> None:
    """How long a write waits for a locked database (SQLite)."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
