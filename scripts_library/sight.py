"""Looking at a script's file: an edit made outside becomes a revision, a renamed file is followed, a missing one told.

The file is the truth for content, so everybody who is about to run, plan or show a script looks first
(behaviour.md, section 11). A look costs one `stat` and one query while nothing has changed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from borgui.accounts import audit

from . import approval
from . import manifest as manifests
from .draft import follow_block
from .manifest import Manifest
from .models import Script, ScriptRevision
from .provenance import commit_of
from .revising import (
    accepted_revision,
    add_revision,
    change_row,
    current_revision,
    free_paths,
    is_name_taken,
    locked,
)
from .store import Missing, Read, Store, StoreError

SAME, CHANGED, MISSING, UNREADABLE = "same", "changed", "missing", "unreadable"


@dataclass(frozen=True)
class Sight:
    """What a look found. `changed` stays until the edit is kept or reverted; with a `problem` the script cannot run."""

    state: str
    revision: ScriptRevision | None
    problem: str = ""


@dataclass(frozen=True)
class Found:
    """What is on disk, nothing recorded yet. `read` is None where there is no text; then `problem` says why."""

    state: str
    file_path: str
    read: Read | None = None
    problem: str = ""


def store() -> Store:
    return Store(settings.LIBRARY_DIR.parent)


def look(script: Script) -> Sight:
    """The script as it is on disk now, recorded; `script` is brought up to date."""
    if not is_as_seen(script):
        found = inspect(script)
        if found.read is None:
            return Sight(found.state, current_revision(script), found.problem)
        if (script.sha256, script.seen_stat, script.file_path) != (
            found.read.sha256,
            found.read.stamp,
            found.file_path,
        ):
            record(script, found.file_path)
    return Sight(CHANGED if script.unseen_edit else SAME, current_revision(script), _blocked(script))


def is_as_seen(script: Script) -> bool:
    """Nobody touched the file since it was last read; costs a `stat`."""
    return bool(script.seen_stat) and store().stamp(script.file_path) == script.seen_stat


def _blocked(script: Script) -> str:
    if script.unseen_edit and settings.EXTERNAL_EDITS == "block":
        how = "approve" if settings.FOUR_EYES else "keep"
        return f"The script {script.name!r} was changed outside: {how} or revert the change first."
    return ""


# --- what is on disk --------------------------------------------------------------------------------------------------
def spare_files() -> dict[str, str]:
    """The files in the folder that are no script yet: content hash to path. Empty where the folder cannot be read."""
    found: dict[str, str] = {}
    with suppress(StoreError):
        for file_path in unregistered_paths():
            with suppress(StoreError):
                found.setdefault(store().read(file_path).sha256, file_path)
    return found


def spare_file(sha256: str) -> str | None:
    return spare_files().get(sha256)


def inspect(script: Script, spare: Callable[[str], str | None] = spare_file) -> Found:
    """What is on disk, without recording anything. Where the file is gone `spare` says which one may be it, renamed."""
    try:
        return _read(script, script.file_path)
    except Missing as error:
        gone = Found(MISSING, script.file_path, problem=f"{error} Restore it on the script's page.")
    except StoreError as error:
        return Found(UNREADABLE, script.file_path, problem=str(error))
    try:
        file_path = spare(script.sha256)
        return _read(script, file_path) if file_path else gone
    except StoreError:
        return gone


def _read(script: Script, file_path: str) -> Found:
    read = store().read(file_path)
    return Found(SAME if read.sha256 == script.sha256 else CHANGED, file_path, read)


def unregistered_paths() -> list[str]:
    """Raises Unreadable for the folder itself."""
    taken = set(Script.objects.kept().values_list("file_path", flat=True))
    return [file_path for file_path in store().candidates() if file_path not in taken]


# --- what is recorded -------------------------------------------------------------------------------------------------
def record(script: Script, file_path: str) -> None:
    """Bring the row up to the file, which is read again under the lock: another process may have been here."""
    remark = commit_of(store().path(file_path))
    with locked(script):
        try:
            read = store().read(file_path)
        except StoreError:  # gone again; the next look tells
            return
        if read.sha256 != script.sha256:
            _record_edit(script, read, remark)
        if (script.file_path, script.seen_stat) != (file_path, read.stamp):
            free_paths([file_path])
            change_row(script, file_path=file_path, seen_stat=read.stamp, updated_at=script.updated_at)


def _record_edit(script: Script, read: Read, remark: str) -> None:
    accepted = accepted_revision(script)
    old, new = Manifest.from_dict(script.manifest), manifests.parse(read.content)
    fields = {} if new.errors else follow_block(old, new)
    if is_name_taken(fields.get("name"), script):
        new = new.kept_with((f"name: there is another script named {fields.pop('name')!r}",))
    elif new.errors:
        new = old.kept_with(new.errors)
    is_approved = settings.FOUR_EYES and read.sha256 == script.approved_sha256
    unseen = not is_approved and (accepted is None or accepted.sha256 != read.sha256)
    fields = approval.held_back(script, fields)
    text = {"manifest": new.to_dict(), "sha256": read.sha256, "turned_down_sha256": ""}
    before = script.sha256
    change_row(script, **text, unseen_edit=unseen, **fields)
    add_revision(script, read.content, source=ScriptRevision.Source.DISK, remark=remark)
    was, now = {"sha256": before}, {"sha256": script.sha256}
    audit.record("outside edit found", script, before=was, after=now, acting=audit.ITSELF)


def record_stamps(found: Sequence[tuple[Script, Read]]) -> None:
    """Remember that these files have the content that their rows name, in one go; rows that moved on are left alone."""
    stamps = {script.pk: read.stamp for script, read in found}
    read_from = {script.pk: (script.sha256, script.file_path) for script, _ in found}
    with transaction.atomic():
        rows = Script.objects.kept().select_for_update().filter(pk__in=stamps)
        same = [row for row in rows if (row.sha256, row.file_path) == read_from[row.pk]]
        for row in same:
            row.seen_stat = stamps[row.pk]
        Script.objects.bulk_update(same, ["seen_stat"], batch_size=len(stamps))
