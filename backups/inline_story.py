"""The page that moves old inline texts to the library: what would be done, script by script, and what could be taken back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scripts_library.models import Hook, OnFailure

from . import inline_migration, inline_undo
from .inline_migration import Left, Move
from .inline_undo import Return
from .models import Repository

SHOWN = 4000  # characters of a text
ON_FAILURE = {
    OnFailure.ABORT: "no backup if it fails",
    OnFailure.CONTINUE: "backs up anyway if it fails",
    OnFailure.SKIP: "skips the day if it fails",
}


@dataclass(frozen=True)
class Use:
    """Where a text runs, with the settings that it keeps."""

    repository: Repository
    where: str
    words: str
    runs: bool


@dataclass(frozen=True)
class Proposal:
    """One script, and all that becomes it."""

    name: str
    script: Any  # the one that is in the library already; None: it is made
    text: str
    lines: int
    is_cut: bool
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Story:
    proposals: tuple[Proposal, ...]
    left: tuple[Left, ...]
    texts: int
    repositories: int
    new_scripts: int
    back: tuple[Return, ...]
    stays: tuple[Left, ...]


def of(repositories: Iterable[Repository]) -> Story:
    rows = list(repositories)
    plan = inline_migration.plan(rows)
    back, stays = inline_undo.plan(rows)
    return Story(
        proposals=tuple(proposals(plan.moves)),
        left=plan.left,
        texts=len(plan.moves),
        repositories=len({move.repository.pk for move in plan.moves}),
        new_scripts=plan.new_scripts,
        back=tuple(back),
        stays=tuple(stays),
    )


def proposals(moves: Sequence[Move]) -> list[Proposal]:
    groups: dict[str, list[Move]] = {}
    for move in moves:
        groups.setdefault(move.key, []).append(move)
    return [proposal(group) for group in groups.values()]


def proposal(group: Sequence[Move]) -> Proposal:
    first = group[0]
    return Proposal(
        name=first.name,
        script=first.script,
        text=first.content[:SHOWN],
        lines=len(first.content.splitlines()),
        is_cut=len(first.content) > SHOWN,
        uses=tuple(use(move) for move in group),
    )


def use(move: Move) -> Use:
    is_pre = move.hook == Hook.PRE
    fails = ON_FAILURE[OnFailure(move.old.on_failure)] if is_pre else "also after a failed backup"
    return Use(move.repository, "before" if is_pre else "after", f"{move.old.timeout} s, {fails}", move.runs)
