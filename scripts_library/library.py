"""What people do with scripts: create, save, rename, delete, restore, keep or revert an outside edit.

Row and file change together (behaviour.md, section 11): the file appears last inside the transaction, under the lock on
the row, and is put back should the commit fail. So call these outside a transaction.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from borgui.accounts import audit

from . import approval, draft
from .errors import Conflict, InUse, Invalid, ReadOnly, Refused, Use
from .interpreter import file_ending
from .manifest import Manifest
from .models import RepositoryScript, Script, ScriptRevision, WindowScript
from .origin import Origin, columns
from .parameters import Declared, told
from .revising import accepted_revision, add_revision, change_row, current_revision, locked, named
from .sight import CHANGED, MISSING, SAME, UNREADABLE, Sight, look, store
from .store import OutsideFolder, digest

__all__ = [
    "CHANGED",
    "MISSING",
    "SAME",
    "UNREADABLE",
    "Sight",
    "accepted_revision",
    "current_revision",
    "look",
    "store",
]

Source = ScriptRevision.Source
BY_PEOPLE = (Source.EDITOR, Source.API, Source.TEMPLATE, Source.RESTORE)


# --- create and change ------------------------------------------------------------------------------------------------
def create(
    name: str | None,
    content: str,
    *,
    source: str,
    description: str | None = None,
    timeout: int | None = None,
    run_on: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    is_template: bool | None = None,
    user: Any = None,
    origin: Origin | None = None,
    also: Callable[[Script], object] | None = None,
) -> Script:
    """A new script and its file. A field that is None comes from the block, else it is the default (section 10).

    `parameters`: default values; `also`: what is done in the same transaction, so that all of it happens or nothing.
    Raises Invalid, NameTaken, ReadOnly, StoreError, and what `also` raises.
    """
    _refuse_read_only(source)
    given = {"name": name, "description": description, "timeout": timeout, "run_on": run_on}
    manifest = draft.check({**given, "content": content})
    fields = draft.settle(given, Manifest(), manifest)
    script = Script(
        **fields,
        is_template=bool(is_template),
        created_by_user=user,
        manifest=manifest.to_dict(),
        sha256=digest(content),
        parameters=draft.merge_parameters(manifest, {}, parameters or {}),
        file_path=new_path(fields["name"], content),
    )
    with store().change(script.file_path, content) as file, transaction.atomic():
        for column, value in columns(origin).items():
            setattr(script, column, value)
        with named(script.name):
            script.save(force_insert=True)
        add_revision(script, content, source=source, user=user)
        audit.record("script created", script, after=audited(script), user=user)
        if also:
            also(script)
        file.write(content)
    return script


def update(
    script: Script,
    *,
    changes: Mapping[str, Any],
    source: str,
    base_sha256: str | None = None,
    user: Any = None,
    origin: Origin | None = None,
) -> Script:
    """Change the fields given in `changes` (those of `draft.FIELDS`); None clears.

    Content needs `base_sha256`, the hash of the text that was edited. A value that a new content changes in its block
    is followed, unless `changes` has the field. `origin`: the template text that the script has taken in with this.
    Raises Invalid, Conflict, NameTaken, ReadOnly, StoreError.
    """
    draft.refuse_unknown(changes)
    block = draft.check(changes)
    if "content" in changes:
        _refuse_read_only(source)
        look(script)
        return _save(script, changes, block, base_sha256, source, user, origin)
    with locked(script):
        before, manifest, values = audited(script), Manifest.from_dict(script.manifest), script.parameters
        _change_settings(script, changes, manifest, manifest, **columns(origin))
        audit.record_change("script changed", script, before, audited(script, values))
    return script


def audited(script: Script, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the audit log keeps of a script: of its text the hash, of its values what is no secret.

    `before`: the values that it had.
    """
    fields = {name: getattr(script, name) for name in ("name", "description", "timeout", "run_on", "sha256")}
    fields |= {"is_template": script.is_template, "template_version": script.template_version}
    return {**fields, "values": told(declared(script), script.parameters, before)}


def _save(
    script: Script,
    changes: Mapping[str, Any],
    block: Manifest,
    base_sha256: str | None,
    source: str,
    user: Any,
    origin: Origin | None = None,
) -> Script:
    """Row, revision and file in one. The same text again makes no revision."""
    content = changes["content"]
    with store().change(script.file_path, content) as file, locked(script):
        was, before, values = script.sha256, audited(script), script.parameters
        _refuse_stale(was, base_sha256)
        old = Manifest.from_dict(script.manifest)
        new = old.kept_with(block.errors) if block.errors else block
        text = {"manifest": new.to_dict(), "sha256": digest(content), "unseen_edit": False, "seen_stat": ""}
        text |= {} if text["sha256"] == was else {"turned_down_sha256": ""}  # written once more, it waits once more
        _change_settings(script, changes, old, new, **text, **columns(origin))
        if script.sha256 != was:
            add_revision(script, content, source=source, user=user)
        audit.record_change("script changed", script, before, audited(script, values))
        file.write(content)
    return script


def _change_settings(script: Script, changes: Mapping[str, Any], old: Manifest, new: Manifest, **others: Any) -> None:
    fields = approval.held_back(script, draft.settle(changes, old, new), changes)
    if "parameters" in changes:
        fields["parameters"] = draft.merge_parameters(new, script.parameters, changes["parameters"])
    fields = {name: value for name, value in {**fields, **others}.items() if getattr(script, name) != value}
    if fields:
        with named(fields.get("name"), script):
            change_row(script, **fields)


def _refuse_read_only(source: str) -> None:
    if settings.SCRIPTS_READONLY and source in BY_PEOPLE:
        raise ReadOnly


def _refuse_stale(sha256: str, base_sha256: str | None) -> None:
    if not base_sha256:
        raise Invalid({"sha256": "needed with content: the sha256 of the text that was edited"})
    if base_sha256 != sha256:
        raise Conflict("Somebody else has changed this script meanwhile.", sha256, "content")


def new_path(name: str, content: str) -> str:
    """Where the file of a new script may lie: no other script, also a deleted one, ever had it."""
    return store().new_path(name, file_ending(content), lambda path: Script.objects.filter(file_path=path).exists())


# --- older and outside contents ---------------------------------------------------------------------------------------
def declared(script: Script) -> tuple[Declared, ...]:
    """The parameters of its newest revision."""
    return Manifest.from_dict(script.manifest).parameters


def pinned_content(revision: ScriptRevision) -> str:
    """The exact text that a plan pinned, whatever became of the file."""
    return revision.text


def restore(script: Script, revision: ScriptRevision, *, user: Any = None, base_sha256: str | None = None) -> Script:
    """Make the content of an older revision the current one; a new revision says so.

    Its block need not be right: it was accepted once. Raises Conflict, NameTaken, ReadOnly, StoreError.
    """
    _refuse_read_only(Source.RESTORE)
    look(script)
    changes = {"content": pinned_content(revision)}
    block = draft.check(changes, strict=False)
    return _save(script, changes, block, base_sha256 or script.sha256, Source.RESTORE, user)


def restore_missing(script: Script, *, user: Any = None) -> Script:
    """Write the last revision where the file is gone. Raises Refused where it is there, ReadOnly, StoreError."""
    sight = look(script)
    if sight.state != MISSING or sight.revision is None:
        raise Refused("The file of this script is not missing.")
    return restore(script, sight.revision, user=user)


def keep_edit(script: Script, *, user: Any = None, source: str = Source.EDITOR) -> Script:
    """A person accepts what was changed outside. Raises Refused where there is nothing to accept."""
    look(script)
    if settings.FOUR_EYES:
        raise Refused("A change from outside is kept by approving it (four eyes): look at it on the script's page.")
    with locked(script):
        revision = current_revision(script)
        if not script.unseen_edit or revision is None:
            raise Refused("No change from outside is waiting.")
        change_row(script, unseen_edit=False)
        add_revision(script, revision.text, source=source, user=user, remark="kept")
        audit.record("outside edit kept", script, after={"sha256": script.sha256})
    return script


def revert_edit(script: Script, *, user: Any = None) -> Script:
    """Back to the content before the outside edit; where the file is missing or no text, back to the last revision.

    Raises Refused where there is nothing to go back from, else as `restore`.
    """
    sight = look(script)
    if sight.state in (MISSING, UNREADABLE) and sight.revision:
        return restore(script, sight.revision, user=user)
    accepted = accepted_revision(script)
    if not script.unseen_edit or accepted is None:
        raise Refused("No change from outside is waiting.")
    return restore(script, accepted, user=user, base_sha256=script.sha256)


# --- delete -----------------------------------------------------------------------------------------------------------
def users(script: Script) -> list[Use]:
    """The assignments that use it, enabled or not."""
    entries = RepositoryScript.objects.filter(script=script).select_related("repository").in_order()
    inside = WindowScript.objects.filter(script=script).select_related("window").in_order()
    return [
        *(Use(one.pk, one.repository_id, str(one.repository), one.hook_type) for one in entries),
        *(Use(one.pk, None, str(one.window), one.hook_type, one.window_id) for one in inside),
    ]


def delete(script: Script) -> None:
    """Hide the row and remove the file; revisions and executions stay. Raises InUse, ReadOnly, StoreError."""
    try:
        if settings.SCRIPTS_READONLY and look(script).state != MISSING:
            raise ReadOnly
        with store().change(script.file_path) as file, locked(script):
            hide(script)
            file.remove()
    except OutsideFolder:  # not a file of ours to remove
        with locked(script):
            hide(script)


def hide(script: Script) -> None:
    """The row alone, inside `locked`; its file is no script any more. Raises InUse."""
    if uses := users(script):
        raise InUse(uses)
    audit.record("script deleted", script, before=audited(script))
    change_row(script, deleted_at=timezone.now(), unseen_edit=False)
