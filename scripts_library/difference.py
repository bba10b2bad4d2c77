"""Two texts side by side: what went, what came, and what stayed around it. Plain Python.

A page shows it, so it is bounded: rows, the length of a line, and the work of finding words that changed.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import NamedTuple

from .alignment import pairs

AROUND = 3  # lines that stayed, shown before and after a change
MOST = 2000  # rows shown; a person reads no more
WIDEST = 1000  # characters of a line that are shown
COMPARED = 300  # characters of a line in which changed words are looked for
ALIKE = 0.4  # how much two lines have in common before they count as one that was changed
WORDS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Piece:
    """A part of a line; `changed` where the other line has something else."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Side:
    """A line of one text. `number` counts from 1; `cut`: characters at its end that are not shown."""

    number: int
    pieces: tuple[Piece, ...]
    cut: int = 0

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Row:
    """What stood and what stands there now; one of them None where a line went or came."""

    old: Side | None
    new: Side | None
    kind: str = "changed"  # or "same"


@dataclass(frozen=True)
class Block:
    """Rows that belong together. `folded`: how many lines that stayed, shown when asked for; without rows: left out."""

    rows: tuple[Row, ...]
    folded: int = 0


@dataclass(frozen=True)
class Difference:
    """Empty, so false, where nothing but line ends differs. `gone`, `new`: lines; `left_out`: rows with changes."""

    blocks: tuple[Block, ...] = ()
    gone: int = 0
    new: int = 0
    left_out: int = 0

    def __bool__(self) -> bool:
        return bool(self.gone or self.new)

    @property
    def rows(self) -> list[Row]:
        return [row for block in self.blocks for row in block.rows]


def difference(old: str, new: str) -> Difference:
    """From `old` to `new`: `MOST` rows of it, changes first."""
    before, after = old.splitlines(), new.splitlines()
    steps = list(_steps(before, after))
    changed = [step for step in steps if not step.same]
    if not changed:
        return Difference()
    shown = _shown(list(_runs(steps)))
    blocks = tuple(Block(tuple(_row(before, after, step) for step in run), folded) for run, folded in shown)
    told = sum(row.kind == "changed" for block in blocks for row in block.rows)
    gone, came = (sum(step[side] is not None for step in changed) for side in (0, 1))
    return Difference(blocks, gone, came, len(changed) - told)


# --- which line stands beside which -----------------------------------------------------------------------------------
class Step(NamedTuple):
    """Positions in the old and in the new text. `same`: the line stayed."""

    old: int | None
    new: int | None
    same: bool = False


def _steps(before: Sequence[str], after: Sequence[str]) -> Iterator[Step]:
    begin = into = 0
    for old, new in [*pairs(before, after), (len(before), len(after))]:
        for left, right in zip_longest(range(begin, old), range(into, new)):
            yield Step(left, right)
        if old < len(before):
            yield Step(old, new, same=True)
        begin, into = old + 1, new + 1


def _runs(steps: Sequence[Step]) -> Iterator[tuple[list[Step], bool]]:
    """The steps in stretches: those near a change, and those far from one."""
    near = set[int]()
    for number, step in enumerate(steps):
        if not step.same:
            near.update(range(number - AROUND, number + AROUND + 1))
    for is_far, run in groupby(enumerate(steps), lambda numbered: numbered[0] not in near):
        yield [step for _, step in run], is_far


def _shown(runs: Sequence[tuple[list[Step], bool]]) -> Iterator[tuple[list[Step], int]]:
    """What of each stretch there is room for, and how long it is where it is folded. Changes have room first."""
    for_changes = MOST
    for_others = MOST - sum(len(run) for run, is_far in runs if not is_far)
    for run, is_far in runs:
        if is_far:
            fits = len(run) <= for_others
            yield run if fits else [], len(run)
            for_others -= len(run) if fits else 0
        else:
            yield run[: max(for_changes, 0)], 0
            for_changes -= len(run)


# --- what is shown of a line ------------------------------------------------------------------------------------------
def _row(before: Sequence[str], after: Sequence[str], step: Step) -> Row:
    old = before[step.old] if step.old is not None else None
    new = after[step.new] if step.new is not None else None
    if step.same or old is None or new is None:
        left, right = [(old or "", False)], [(new or "", False)]
    else:
        left, right = _words_that_changed(old, new)
    return Row(
        None if step.old is None else _side(step.old, left),
        None if step.new is None else _side(step.new, right),
        "same" if step.same else "changed",
    )


Pieces = list[tuple[str, bool]]


def _side(position: int, pieces: Pieces) -> Side:
    shown, room = list[Piece](), WIDEST
    for text, changed in pieces:
        if cut := text[:room]:
            shown.append(Piece(cut, changed))
        room -= len(cut)
    return Side(position + 1, tuple(shown), max(sum(len(text) for text, _ in pieces) - WIDEST, 0))


def _words_that_changed(old: str, new: str) -> tuple[Pieces, Pieces]:
    """Both lines in pieces; lines that have little in common, or are long, in one."""
    left, right = WORDS.findall(old), WORDS.findall(new)
    whole: tuple[Pieces, Pieces] = ([(old, False)], [(new, False)])
    if max(len(old), len(new)) > COMPARED:
        return whole
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < ALIKE:
        return whole
    pieces: tuple[Pieces, Pieces] = ([], [])
    for tag, begin, end, into, until in matcher.get_opcodes():
        pieces[0].append(("".join(left[begin:end]), tag != "equal"))
        pieces[1].append(("".join(right[into:until]), tag != "equal"))
    return pieces
