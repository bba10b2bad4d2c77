"""Bringing what a lost process left in its note into the rows, before anything else (behaviour.md, section 6)."""

import logging
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, models, transaction

from scripts_library.models import ScriptExecution

from .models import BackupJob, Notification, WindowRun, Work
from .note import Note

log = logging.getLogger(__name__)
MODELS: dict[str, type[models.Model]] = {
    BackupJob.word: BackupJob,
    WindowRun.word: WindowRun,
    "execution": ScriptExecution,
    "notification": Notification,
}
UNFIT = (LookupError, ValueError, TypeError, ValidationError, DataError, IntegrityError)


def replay(model: type[Work], pk: int, note: Note) -> None:
    """Write the entries of the note and clear it; those of another claim are not its to write.

    Raises DoesNotExist of the model, and DatabaseError where the database still takes nothing: the note stays then.
    """
    if note.is_blank():
        return
    entries = list(note.entries())
    with transaction.atomic():
        claim = model._default_manager.values_list("claim", flat=True).get(pk=pk)
        for entry in entries:
            if entry.get("claim") == claim:
                bring_in(entry)
    note.clear()
    log.warning("%s %s: %s writes were brought in from the note", model.word, pk, len(entries))


def bring_in(entry: dict[str, Any]) -> None:
    """Write one entry. One that does not fit any more, after an upgrade, must not keep the others out."""
    model = MODELS.get(entry.get("model", ""))
    if model is None:
        log.error("the note speaks of %s, which is unknown", entry.get("model"))
        return
    try:
        with transaction.atomic():
            write(model, entry["id"], known_fields(model, entry["fields"]))
    except UNFIT as problem:
        log.error("an entry of the note does not fit: %r", problem)


def write(model: type[models.Model], pk: int, fields: dict[str, Any]) -> None:
    if model is Notification:
        Notification.objects.create(**fields)
    elif fields:
        model._default_manager.filter(pk=pk).update(**fields)


def known_fields(model: type[models.Model], fields: dict[str, Any]) -> dict[str, Any]:
    """Without those that a newer version of the product no longer has."""
    names = {one.name for one in model._meta.fields} | {one.attname for one in model._meta.fields}
    return {name: value for name, value in fields.items() if name in names}
