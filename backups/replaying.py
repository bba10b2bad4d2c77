"""Bringing what a lost process left in its note into the rows, before anything else (behaviour.md, section 6)."""

import logging
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, models, transaction

from scripts_library.models import ScriptExecution

from .models import BackupJob, Notification
from .note import Note

log = logging.getLogger(__name__)
MODELS: dict[str, type[models.Model]] = {
    "job": BackupJob,
    "execution": ScriptExecution,
    "notification": Notification,
}
UNFIT = (LookupError, ValueError, TypeError, ValidationError, DataError, IntegrityError)


def replay(job_id: int, note: Note) -> None:
    """Write the entries of the note and clear it; those of another claim are not its to write.

    Raises BackupJob.DoesNotExist, and DatabaseError where the database still takes nothing: the note stays then.
    """
    if note.is_blank():
        return
    entries = list(note.entries())
    with transaction.atomic():
        claim = BackupJob.objects.values_list("claim", flat=True).get(pk=job_id)
        for entry in entries:
            if entry.get("claim") == claim:
                bring_in(entry)
    note.clear()
    log.warning("job %s: %s writes were brought in from the note", job_id, len(entries))


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
