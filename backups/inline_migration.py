"""Old inline texts become scripts of the library, and what runs around the backup stays the same (section 12).

The old text stays where it is, so that a person can go back (`inline_undo`). One hook is moved at a time, script, file,
assignment and mark together: a process that is killed leaves moved hooks and old ones behind, and running it again
moves the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from scripts_library import approving, assignments, draft, inline, library, manifest, sameness
from scripts_library.errors import Conflict, Invalid, NameTaken, ReadOnly, Refused
from scripts_library.facts import InlineText
from scripts_library.interpreter import BYTE_ORDER_MARK
from scripts_library.models import Assignment, Hook, RepositoryScript, RunOn, Script, ScriptRevision

from . import facts, inline_names
from .inline_traces import alone, in_turn, moved_scripts, sweep
from .models import BrokenPromise, Repository

MIGRATED = {Hook.PRE: "pre_hook_migrated", Hook.POST: "post_hook_migrated"}
IN_THE_LIBRARY = "This text is in the library already."


@dataclass(frozen=True)
class Move:
    """One text that can be moved. `script` is the one of the library that it becomes, None where it is made first,
    under the name `name`; `runs`: it is in force, else it is attached switched off."""

    repository: Repository
    hook: str
    old: InlineText
    content: str
    key: str
    name: str
    script: Script | None = None
    runs: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """How the text has run until now, as settings of its assignment."""
        return {**settings_of(self.hook, self.old), "enabled": self.runs}


@dataclass(frozen=True)
class Left:
    """A text that stays as it is, and goes on running where it ran."""

    repository: Repository
    hook: str
    reason: str


@dataclass(frozen=True)
class Plan:
    moves: tuple[Move, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def new_scripts(self) -> int:
        return len({move.key for move in self.moves if move.script is None})


# --- what would be done -----------------------------------------------------------------------------------------------
def plan(repositories: Iterable[Repository]) -> Plan:
    """Every text of these repositories that is not moved yet. Nothing is changed."""
    found = [(one, hook, facts.of(one).inline(hook)) for one in repositories for hook in Hook]
    texts = [(one, hook, old) for one, hook, old in found if old.text.strip() and not old.migrated]
    made = moved_scripts() if texts else {}
    taken, dormant = assigned(texts)
    key_of = cache(sameness.key)  # a text of a megabyte takes a while
    moves, left = list[Move](), list[Left]()
    for repository, hook, old in texts:
        content = as_script(old.text)
        key = key_of(content)
        script = made.get(key)
        if reason := problem(hook, old, content) or place_problem(script, (repository.pk, hook), taken):
            left.append(Left(repository, hook, reason))
        else:
            runs = (repository.pk, hook) not in dormant
            moves.append(Move(repository, hook, old, content, key, "", script, runs))
    return Plan(tuple(named(moves)), tuple(left))


def assigned(texts: Sequence[tuple[Repository, str, InlineText]]) -> tuple[set[tuple[int, str, int]], set[Any]]:
    """Which scripts stand at which hook already, and at which one is switched on: there an old text does not run."""
    rows = RepositoryScript.objects.filter(repository__in={one.pk for one, _, _ in texts})
    columns = list(rows.values_list("repository_id", "hook_type", "script_id", "enabled"))
    return {row[:3] for row in columns}, {row[:2] for row in columns if row[3]}


def problem(hook: str, old: InlineText, content: str) -> str:
    """Why this text cannot be moved without changing what runs; "" if it can."""
    if reason := draft.readable_problem(content):
        return f"The text {reason}."
    if reason := manifest.timeout_problem(old.timeout):
        return f"Its time limit of {old.timeout} s is none that a script can have: {reason}."
    block = manifest.parse(content)
    if block.errors:
        return f"It has a block that does not count in an old text, and would not be valid: {block.errors[0]}."
    counts = {
        "parameters": bool(block.parameters),
        "interrupts": bool(block.interrupts),
        "rerun": not block.rerun,
        "hooks": bool(block.hooks) and hook not in block.hooks,
    }
    if said := [name for name, does in counts.items() if does]:
        return f"It has a block that does not count in an old text, and would change what runs: {', '.join(said)}."
    return ""


def place_problem(script: Script | None, place: tuple[int, str], taken: set[tuple[int, str, int]]) -> str:
    if script is None or (*place, script.pk) not in taken:
        return ""
    return f"'{script.name}', which is this very text, is attached there already."


def named(moves: Sequence[Move]) -> Iterable[Move]:
    """Each with the name that its script has, or will have."""
    uses: dict[str, list[tuple[str, str]]] = {}
    for move in moves:
        uses.setdefault(move.key, []).append((move.repository.name, move.hook))
    texts = {move.key: move.content for move in reversed(moves)}
    new = {move.key for move in moves if move.script is None}
    names = inline_names.free({key: inline_names.wanted(texts[key], uses[key]) for key in uses if key in new})
    for move in moves:
        name = move.script.name if move.script else names[move.key]
        yield replace(move, name=name, content=texts[move.key])


# --- doing it ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Moved:
    move: Move
    entry: Assignment


def carry_out(repositories: Iterable[Repository], user: Any = None) -> tuple[list[Moved], list[Left]]:
    """Move every text that can be. Call it outside a transaction. Raises ReadOnly."""
    if settings.SCRIPTS_READONLY:
        raise ReadOnly
    with alone():
        foreseen = plan(repositories)
        made: dict[str, Script] = {}
        moved, left = list[Moved](), list(foreseen.left)
        for move in in_turn(foreseen.moves):
            try:
                moved.append(Moved(move, carry_out_one(move, made, user)))
            except (Refused, Invalid) as error:
                left.append(Left(move.repository, move.hook, str(error)))
        sweep()
    return moved, left


def carry_out_one(move: Move, made: dict[str, Script], user: Any) -> Assignment:
    """`made`: the scripts of this run by key, to which a new one is added. Raises Refused, Invalid."""
    script = made.get(move.key) or move.script
    if script is not None:
        return attach(move, script)
    entries: list[Assignment] = []
    made[move.key] = create(move, lambda script: entries.append(attach(move, script)), user)
    return entries[0]


def create(move: Move, also: Any, user: Any) -> Script:
    """Under the name that was planned or, where somebody has taken that meanwhile, another one."""

    def attach_approved(script: Script) -> None:
        also(script)
        if settings.FOUR_EYES and as_script(move.old.text) == move.content:  # what was approved before goes on running
            approving.carry_over(inline.revision(move.old.text), script)

    given = {"source": ScriptRevision.Source.MIGRATION, "user": user, "also": attach_approved}
    try:
        return library.create(move.name, move.content, **given)
    except NameTaken:
        [name] = inline_names.free({"": move.name}).values()
        return library.create(name, move.content, **given)


def move(repository: Repository, hook: str, user: Any = None) -> Assignment:
    """The text of one hook. A text that does not run (section 12) is attached switched off.

    The same text of another repository is the same script. Call it outside a transaction. Raises Conflict where there
    is nothing to move, Invalid where that would change what runs, ReadOnly, StoreError.
    """
    if settings.SCRIPTS_READONLY:
        raise ReadOnly
    to_move(repository, hook)
    with alone():
        foreseen = plan([repository])
        for left in foreseen.left:
            if left.hook == hook:
                raise Invalid({"text": left.reason})
        entries = [carry_out_one(one, {}, user) for one in foreseen.moves if one.hook == hook]
    return entries[0]


def to_move(repository: Repository, hook: str) -> InlineText:
    """Raises Conflict."""
    old = facts.of(repository).inline(hook)
    if not old.text.strip():
        raise Conflict(f"'{repository.name}' has no inline text there.")
    if old.migrated:
        raise Conflict(IN_THE_LIBRARY)
    return old


def as_script(text: str) -> str:
    """What the library keeps of it: with the repairs that every run of it makes."""
    return with_shebang(text.replace("\0", "")).removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")


def with_shebang(text: str) -> str:
    """What ran it so far is written into it: the library would take sh where no interpreter is named."""
    plain = text.removeprefix(BYTE_ORDER_MARK)
    return text if plain.startswith("#!") else f"#!{inline.SHELL}\n{plain}"


# --- its place --------------------------------------------------------------------------------------------------------
def attach(move: Move, script: Script) -> Assignment:
    """Assignment and mark in one transaction. Raises Conflict where somebody has changed the text meanwhile."""
    with transaction.atomic():
        repository = Repository.objects.select_for_update().get(pk=move.repository.pk)
        if to_move(repository, move.hook) != move.old:
            raise Conflict("The text was changed meanwhile: look at it again.")
        given = {**settings_of(move.hook, move.old), "enabled": inline.is_in_force(facts.of(repository), move.hook)}
        entry = assignments.assign(repository.pk, script, move.hook, at=0, **given)
        Repository.objects.filter(pk=repository.pk).update(**{MIGRATED[Hook(move.hook)]: True})
        if move.hook == Hook.POST:  # a promise that the text has broken is kept by a good run of the script
            broken_by_text(repository).update(script_id=script.pk)
    return entry


def broken_by_text(repository: Repository) -> QuerySet[BrokenPromise]:
    return BrokenPromise.objects.open().filter(repository_id=repository.pk, script_name=inline.NAMES[Hook.POST])


def settings_of(hook: str, old: InlineText) -> dict[str, Any]:
    """What its assignment says about a text, besides whether it runs."""
    return {
        "custom_timeout": old.timeout,
        "custom_run_on": RunOn.ALWAYS.value if hook == Hook.POST else None,
        "on_failure": old.on_failure,
    }


# --- told -------------------------------------------------------------------------------------------------------------
def told(move: Move, script: Script | None = None, enabled: bool | None = None) -> dict[str, Any]:
    """One moved text for programs; `script` None where it is only foreseen."""
    found = script or move.script
    return {
        **place(move.repository, move.hook),
        "script": found.name if found else move.name,
        "script_id": found.pk if found else None,
        "enabled": move.runs if enabled is None else enabled,
        **{name.removeprefix("custom_"): value for name, value in settings_of(move.hook, move.old).items()},
    }


def left_behind(left: Iterable[Any]) -> list[dict[str, Any]]:
    return [{**place(one.repository, one.hook), "reason": one.reason} for one in left]


def place(repository: Repository, hook: str) -> Mapping[str, Any]:
    return {"repository": repository.name, "repository_id": repository.pk, "hook": str(hook)}
