"""Old inline texts become scripts of the library, and what runs around the backup stays the same (section 12).

The old text stays where it is, so that a person can go back.
"""

from typing import Any

from django.conf import settings
from django.db import transaction

from scripts_library import assignments, inline, library
from scripts_library.errors import Conflict, ReadOnly
from scripts_library.facts import InlineText
from scripts_library.interpreter import BYTE_ORDER_MARK
from scripts_library.models import Hook, RepositoryScript, RunOn, Script, ScriptRevision
from scripts_library.store import digest

from . import facts
from .models import Repository

MIGRATED = {Hook.PRE: "pre_hook_migrated", Hook.POST: "post_hook_migrated"}
NAMES = {Hook.PRE: "{}: before the backup", Hook.POST: "{}: after the backup"}
LONGEST_NAME = 200


def move(repository: Repository, hook: str, user: Any = None) -> RepositoryScript:
    """Make a script of the inline text of a hook, attach it, and mark the hook as migrated.

    A text that does not run (section 12) is attached switched off. The same text of another repository is the same
    script. Call it outside a transaction. Raises Conflict where there is nothing to move, Invalid where the library
    cannot take the text, ReadOnly, StoreError.
    """
    if settings.SCRIPTS_READONLY:
        raise ReadOnly
    old = to_move(repository, hook)
    script, is_new = script_of(old.text, NAMES[Hook(hook)].format(repository.name), user)
    try:
        return attach(repository.pk, hook, script, old)
    except BaseException:
        if is_new:
            library.delete(script)
        raise


def to_move(repository: Repository, hook: str) -> InlineText:
    """Raises Conflict."""
    old = facts.of(repository).inline(hook)
    if not old.text.strip():
        raise Conflict(f"'{repository.name}' has no inline text there.")
    if old.migrated:
        raise Conflict("This text is in the library already.")
    return old


# --- the script -------------------------------------------------------------------------------------------------------
def script_of(text: str, name: str, user: Any) -> tuple[Script, bool]:
    """The library script of an inline text, and whether it was made just now."""
    content = with_shebang(text.replace("\0", ""))
    if found := moved_before(content):
        return found, False
    return library.create(free_name(name), content, source=ScriptRevision.Source.MIGRATION, user=user), True


def with_shebang(text: str) -> str:
    """What ran it so far is written into it: the library would take sh where no interpreter is named."""
    plain = text.removeprefix(BYTE_ORDER_MARK)
    return text if plain.startswith("#!") else f"#!{inline.SHELL}\n{plain}"


def moved_before(content: str) -> Script | None:
    """A script that came from the same text, and still is that text."""
    same = Script.objects.kept().filter(sha256=digest(content), revisions__source=ScriptRevision.Source.MIGRATION)
    return next((script for script in same.distinct() if library.look(script).state == library.SAME), None)


def free_name(name: str) -> str:
    """The name, with a number where another script has it."""
    wanted = name[:LONGEST_NAME]
    number = 1
    while Script.objects.kept().filter(name=wanted).exists():
        number += 1
        wanted = f"{name[: LONGEST_NAME - 8]} ({number})"
    return wanted


# --- its place --------------------------------------------------------------------------------------------------------
def attach(repository_id: int, hook: str, script: Script, old: InlineText) -> RepositoryScript:
    """Assignment and mark in one transaction. Raises Conflict where somebody has changed the text meanwhile."""
    with transaction.atomic():
        repository = Repository.objects.select_for_update().get(pk=repository_id)
        if to_move(repository, hook) != old:
            raise Conflict("The text was changed meanwhile: look at it again.")
        entry = assignments.assign(repository_id, script, hook, **settings_of(repository, hook, old))
        to_the_front(entry)
        Repository.objects.filter(pk=repository_id).update(**{MIGRATED[Hook(hook)]: True})
    return entry


def settings_of(repository: Repository, hook: str, old: InlineText) -> dict[str, Any]:
    """How the text has run until now, as settings of its assignment."""
    return {
        "enabled": inline.is_in_force(facts.of(repository), hook),
        "custom_timeout": old.timeout,
        "custom_run_on": RunOn.ALWAYS if hook == Hook.POST else None,
        "on_failure": old.on_failure if hook == Hook.PRE else None,
    }


def to_the_front(entry: RepositoryScript) -> None:
    """The text stood before the assignments of its hook."""
    others = RepositoryScript.objects.chain(entry.repository_id, entry.hook_type).exclude(pk=entry.pk)
    order = [entry.pk, *others.values_list("pk", flat=True)]
    assignments.reorder(entry.repository_id, entry.hook_type, order)
