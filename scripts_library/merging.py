"""Two people changed the same text: one text with what both did, and marks where they disagree. Plain Python."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .alignment import pairs

BEGIN, MIDDLE, END = "<<<<<<< yours", "=======", ">>>>>>> saved"
OF_TEMPLATE = ">>>>>>> template"  # the end where the other version is that of a template


@dataclass(frozen=True)
class Merged:
    """`conflicts`: how many places a person has to decide; each stands in `text` between the marks."""

    text: str
    conflicts: int


def merge(base: str, yours: str, saved: str, end: str = END) -> Merged:
    """What both made of `base`. Nothing that either of them wrote is left out.

    `end`: the last mark, which says whose the other version is.

    Lines that only one of them changed are taken from that one; where both did, both versions stand, between marks.
    """
    texts = [text.split("\n") for text in (base, yours, saved)]
    lines: list[str] = []
    conflicts = 0
    for old, mine, others in _chunks(*texts):
        if (chosen := _choose(old, mine, others)) is None:
            conflicts += 1
            chosen = [BEGIN, *mine, MIDDLE, *others, end]
        lines += chosen
    return Merged("\n".join(lines), conflicts)


def undecided(text: str) -> list[int]:
    """The numbers of the lines, from 1, that still are marks of `merge`."""
    lines = text.split("\n")
    marks = {BEGIN, END, OF_TEMPLATE}
    if marks.isdisjoint(lines):  # a line of equals signs alone may be somebody's own
        return []
    return [number for number, line in enumerate(lines, 1) if line in marks or line == MIDDLE]


def _choose(old: list[str], mine: list[str], theirs: list[str]) -> list[str] | None:
    """None where both changed it, and not in the same way."""
    if mine in (old, theirs):
        return theirs
    return mine if theirs == old else None


def _chunks(base: Sequence[str], yours: Sequence[str], saved: Sequence[str]) -> Iterator[tuple[list[str], ...]]:
    """The three texts in step: lines that are in all of them, and what stands between these."""
    in_yours, in_saved = dict(pairs(base, yours)), dict(pairs(base, saved))
    starts: tuple[int, ...] = (0, 0, 0)
    for number in sorted(in_yours.keys() & in_saved.keys()):
        ends = (number, in_yours[number], in_saved[number])
        yield _cut((base, yours, saved), starts, ends)
        yield ([base[number]],) * 3
        starts = tuple(end + 1 for end in ends)
    yield _cut((base, yours, saved), starts, (len(base), len(yours), len(saved)))


def _cut(texts: Sequence[Sequence[str]], starts: Sequence[int], ends: Sequence[int]) -> tuple[list[str], ...]:
    return tuple(list(text[start:end]) for text, start, end in zip(texts, starts, ends, strict=True))
