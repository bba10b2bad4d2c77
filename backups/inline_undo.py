"""Back to the inline texts that were moved to the library (section 12).

Going back changes nothing of what runs, and takes nothing away that a person did since: where it would, the hook stays
as it is and the reason is told.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import transaction

from scripts_library import assignments, draft, inline, library, sameness
from scripts_library.errors import Conflict, Invalid, Refused
from scripts_library.facts import InlineText
from scripts_library.manifest import Manifest
from scripts_library.models import Hook, RepositoryScript, Script
from scripts_library.revising import locked
from scripts_library.store import StoreError

from . import facts
from .inline_migration import MIGRATED, Left, as_script, settings_of
from .inline_traces import alone, in_turn, revisions, state, sweep
from .models import BrokenPromise, ImportedRow, Repository


@dataclass(frozen=True)
class Return:
    """A hook whose old text counts again: `entry` goes. `sha256`: of the text that was moved."""

    repository: Repository
    hook: str
    old: InlineText
    entry: RepositoryScript
    sha256: str


def plan(repositories: Iterable[Repository]) -> tuple[list[Return], list[Left]]:
    """Every hook of these repositories that was moved. Nothing is changed."""
    found = [(one, hook, facts.of(one).inline(hook)) for one in repositories for hook in Hook]
    imported = brought_by_import() if any(old.migrated for _, _, old in found) else set()
    moved = [(one, hook, old) for one, hook, old in found if old.migrated and (one.pk, str(hook)) not in imported]
    origins = {revision.script_id: revision for revision in reversed(revisions())} if moved else {}
    key_of = cache(sameness.key)  # a text of a megabyte takes a while
    keys = {pk: key_of(revision.text) for pk, revision in origins.items()}
    entries = RepositoryScript.objects.filter(repository__in={one.pk for one, _, _ in moved}).select_related("script")
    chains: dict[tuple[int, str], list[RepositoryScript]] = {}
    for entry in entries.in_order():
        chains.setdefault((entry.repository_id, entry.hook_type), []).append(entry)
    back, left = list[Return](), list[Left]()
    for repository, hook, old in moved:
        chain = chains.get((repository.pk, str(hook)), [])
        key = key_of(as_script(old.text))
        own = next((one for one in chain if keys.get(one.script_id) == key), None)
        if own is None:
            left.append(Left(repository, hook, no_entry(old)))
        elif reason := text_problem(own.script, sha256 := origins[own.script_id].sha256) or problem(old, own, chain):
            left.append(Left(repository, hook, reason))
        else:
            back.append(Return(repository, hook, old, own, sha256))
    return back, left


def brought_by_import() -> set[tuple[int, str]]:
    """Where an import made a script of the text, because it had parameters: there nothing was moved, and no text waits.

    Such a script is no row of the other installation, and its assignment stands for the text.
    """
    rows = ImportedRow.objects
    entries = RepositoryScript.objects.filter(pk__in=rows.filter(kind=ImportedRow.Kind.ASSIGNMENT).values("here_id"))
    of_library = rows.filter(kind=ImportedRow.Kind.SCRIPT, here_id__isnull=False).values("here_id")
    return set(entries.exclude(script_id__in=of_library).values_list("repository_id", "hook_type"))


def no_entry(old: InlineText) -> str:
    if not old.text.strip():
        return "The old text has been emptied since: there is nothing to go back to."
    return "The script made of it has been taken away there since; the old text would run again."


def text_problem(script: Script, sha256: str) -> str:
    """What would be lost of the text; "" where nothing is. `sha256`: of the one that was moved."""
    if state(script, sha256) in (library.SAME, library.MISSING):
        return ""
    return f"'{script.name}' has been changed since; the old text would run instead of it."


def problem(old: InlineText, entry: RepositoryScript, chain: Sequence[RepositoryScript]) -> str:
    """What would run otherwise, or be lost; "" where nothing is. By rows alone."""
    was = settings_of(entry.hook_type, old)
    if changed := [name.removeprefix("custom_") for name, value in was.items() if getattr(entry, name) != value]:
        return f"Its settings have been changed since ({', '.join(changed)}); the old ones would count again."
    others = any(one.enabled for one in chain if one.pk != entry.pk)
    if entry.enabled and others:
        return "Other scripts run there too by now; beside them an old text does not run."
    if not entry.enabled and not others:
        return f"'{entry.script.name}' is switched off there; the old text would run."
    return ""


# --- doing it ---------------------------------------------------------------------------------------------------------
def carry_out(repositories: Iterable[Repository]) -> tuple[list[Return], list[Left], list[str]]:
    """Go back wherever that can be; the hooks, those that stay, and the names of the scripts that went with it."""
    with alone():
        foreseen, left = plan(repositories)
        done, gone = list[Return](), list[str]()
        for one in in_turn(foreseen):
            try:
                gone += go_back(one)
                done.append(one)
            except (Refused, Invalid) as error:
                left.append(Left(one.repository, one.hook, str(error)))
        sweep()
    return done, left, gone


def go_back(one: Return) -> list[str]:
    """The assignment goes, the mark too, and the script where nothing else uses it: one transaction. The file is looked
    at before it, as everybody waits while it lasts, and goes after it, for a file without a row harms nobody."""
    script = Script.objects.get(pk=one.entry.script_id)
    if reason := text_problem(script, one.sha256):
        raise Conflict(reason)
    with transaction.atomic():
        repository = Repository.objects.select_for_update().get(pk=one.repository.pk)
        refuse_changed(one, repository, script)
        assignments.remove(one.entry)
        Repository.objects.filter(pk=repository.pk).update(**{MIGRATED[Hook(one.hook)]: False})
        if (
            one.hook == Hook.POST
        ):  # the other way round: by its name the text finds the promise that the script has broken
            broken = BrokenPromise.objects.open().filter(repository_id=repository.pk, script_id=script.pk)
            broken.update(script_name=inline.NAMES[Hook.POST])
        is_gone = is_untouched(script) and not library.users(script)
        if is_gone:
            with locked(script):
                library.hide(script)
    if not is_gone:
        return []
    with suppress(StoreError), library.store().change(script.file_path) as file:
        file.remove()
    return [script.name]


def refuse_changed(one: Return, repository: Repository, script: Script) -> None:
    """Raises Conflict where the rows are others than those that were looked at."""
    chain = list(RepositoryScript.objects.filter(repository=repository, hook_type=one.hook).select_related("script"))
    entry = next((other for other in chain if other.pk == one.entry.pk), None)
    is_same = entry is not None and (entry.script.sha256, entry.script.file_path) == (script.sha256, script.file_path)
    is_moved = facts.of(repository).inline(one.hook) == one.old and (repository.pk, one.hook) not in brought_by_import()
    if entry is None or not is_same or not is_moved or problem(one.old, entry, chain):
        raise Conflict("Somebody has changed what runs there meanwhile: look at it again.")


def is_untouched(script: Script) -> bool:
    """Nobody has given it anything of its own that would go with it. Files that are read-only stay too."""
    block = Manifest.from_dict(script.manifest)
    as_made = draft.settle(dict.fromkeys(("description", "timeout", "run_on")), block, block)
    is_alone = script.revisions.count() == 1 and not script.parameters and not script.is_template
    return (
        is_alone
        and not settings.SCRIPTS_READONLY
        and all(getattr(script, name) == value for name, value in as_made.items())
    )
