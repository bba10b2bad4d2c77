"""How the process of a job, or of a window's run, writes its rows (behaviour.md, sections 2 and 6).

Every write is fenced by the claim number: one that finds another number means that somebody else has taken the job
over, and this process starts nothing more (`Superseded`). A database that cannot be written never stops a post-backup
script: a write is tried again for five seconds per job in all, then it goes to the note, and from then on every write
goes to the note first, until the database has them all. A pre-backup script never starts on such a row (`Unwritten`).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import Error, connection, models, transaction

from scripts_library.models import ExecutionStatus, Hook, ScriptExecution
from scripts_library.running import Superseded

from . import quick
from .models import Event, Notification, Work
from .note import Note

log = logging.getLogger(__name__)
PATIENCE = 5.0  # seconds for all writes of a job that the database refuses
PAUSE = 0.25  # seconds between two tries
SLOW = 1.0  # seconds from which on a write that went well has waited for somebody, and counts
T = TypeVar("T")


class Unwritten(Exception):
    """The database did not take a row on which something was to start."""


@dataclass(frozen=True)
class Entry:
    """One write that waits: which row (0: a new one), which fields."""

    model: str
    pk: int
    fields: dict[str, Any]

    def as_note(self, claim: int) -> dict[str, Any]:
        return {"claim": claim, "model": self.model, "id": self.pk, "fields": self.fields}


@dataclass
class Ledger:
    """The only way by which a claimed job, or a window's run, changes its rows."""

    work: Work
    note: Note
    unsaved: list[Entry] = field(default_factory=list)
    patience: float = PATIENCE
    vanished: bool = False  # somebody removed the row: there is nothing left to write to

    def __post_init__(self) -> None:
        self.claim = self.work.claim  # a later one is somebody else's
        self.called = f"{self.work.word} {self.work.pk}"

    @property
    def own_row(self) -> models.QuerySet[Any]:
        return type(self.work)._default_manager.filter(pk=self.work.pk, claim=self.claim)

    # --- writing ------------------------------------------------------------------------------------------------------
    def own(self, **fields: Any) -> None:
        """Set the fields on the job, or on the window's run, and make them durable. Raises Superseded."""
        set_fields(self.work, fields)
        self._write(Entry(self.work.word, self.work.pk, fields))

    def execution(self, row: ScriptExecution, fields: dict[str, Any]) -> None:
        """Make fields of an execution durable. Raises Superseded, and Unwritten for the start of a pre-backup script."""
        must = row.hook_type == Hook.PRE and fields.get("status") == ExecutionStatus.RUNNING
        self._write(Entry("execution", row.pk, fields), must=must)

    def message(self, title: str, text: str) -> None:
        """Keep what a script wrote into NOTIFY_FILE, to be sent. Raises Superseded."""
        about = self.work.told_about
        self._write(Entry("notification", 0, {"event": Event.MESSAGE, **about, "title": title[:250], "text": text}))

    def add(self, rows: list[ScriptExecution]) -> bool:
        """Make new rows durable; False where the database does not take them. Raises Superseded."""
        try:
            with transaction.atomic():
                if not self.own_row.update(claim=self.claim):
                    raise Superseded(f"{self.called} has another owner")
                ScriptExecution.objects.bulk_create(rows)
        except Error as error:
            log.error("%s: no further attempts could be planned: %s", self.called, error)
            return False
        return True

    def _write(self, entry: Entry, must: bool = False) -> None:
        if self.vanished:
            return
        if self.unsaved and not must:
            self.note.append(entry.as_note(self.claim))
        self.unsaved.append(entry)
        if self._save_with_patience():
            return
        if must:
            self.unsaved.pop()
            raise Unwritten("The database could not be written, so no script was started.")
        if len(self.unsaved) == 1:
            self.note.append(entry.as_note(self.claim))

    # --- the end of the job -------------------------------------------------------------------------------------------
    def settle(self) -> bool:
        """Bring everything into the database; whether it has it all.

        Services are back by now and nobody waits, so there is as much patience as at the beginning.
        """
        self.patience = PATIENCE
        wait_at_most(self.patience)
        return not self.unsaved or self._save_with_patience()

    def whole(self, work: Callable[[], T]) -> T:
        """Do what belongs together in one transaction, as often as the patience allows; nothing of it goes to the note.

        Raises django.db.Error.
        """

        def once() -> T:
            with transaction.atomic():
                return work()

        return self._patiently(once)

    def set(self, **fields: Any) -> None:
        """Like `own`, within `whole`: what the database refuses is raised. Raises Superseded."""
        set_fields(self.work, fields)
        self._save(Entry(self.work.word, self.work.pk, fields))

    # --- saving -------------------------------------------------------------------------------------------------------
    def _save_with_patience(self) -> bool:
        try:
            self._patiently(self._save_all)
        except Error as problem:
            log.error("%s: not written, kept in the note: %s", self.called, problem)
            return False
        return True

    def _patiently(self, work: Callable[[], T]) -> T:
        """Raises what the database said last, when the patience is used up."""
        while True:
            began = time.monotonic()
            try:
                result = work()
            except Error as problem:
                quick.reconnect_if_broken()
                if is_full(problem) and self.note.free_reserve():
                    log.error("%s: the disk is full, the reserve was given up", self.called)
                    continue
                if self.patience <= 0:
                    raise
                time.sleep(min(PAUSE, self.patience))
                self._spend(time.monotonic() - began)
                continue
            if (waited := time.monotonic() - began) >= SLOW:
                self._spend(waited)
            return result

    def _spend(self, seconds: float) -> None:
        self.patience = max(0.0, self.patience - seconds)
        wait_at_most(self.patience)

    def _save_all(self) -> None:
        if len(self.unsaved) == 1:
            self._save(self.unsaved[0])
        elif self.unsaved:
            with transaction.atomic():
                for entry in self.unsaved:
                    self._save(entry)
            self.note.clear()
        self.unsaved.clear()

    def _save(self, entry: Entry) -> None:
        if not self._changed(entry):
            self._why_nothing_changed(entry)

    def _changed(self, entry: Entry) -> bool:
        if entry.model == "notification":
            return self.own_row.exists() and bool(Notification.objects.create(**entry.fields))
        if entry.model == self.work.word:
            return bool(self.own_row.update(**entry.fields))
        rows = ScriptExecution.objects.filter(pk=entry.pk, **{f"{self.work.column}__in": self.own_row})
        return bool(rows.update(**entry.fields))

    def _why_nothing_changed(self, entry: Entry) -> None:
        """Somebody else's claim ends this process; a row that was removed does not: services have to come back."""
        rows = type(self.work)._default_manager.filter(pk=self.work.pk)
        claim = rows.values_list("claim", flat=True).first()
        if claim is not None and claim != self.claim:
            raise Superseded(f"{self.called} has another owner")
        if claim is None:
            self.vanished = True
        log.error("%s: %s %s was removed while it ran", self.called, entry.model, entry.pk)


def set_fields(work: Work, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(work, name, value)


def is_full(error: Error) -> bool:
    """Also a quota that is used up: SQLite calls that an I/O error, and a reserve given up in vain costs nothing."""
    return "full" in str(error) or "disk I/O error" in str(error)


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
