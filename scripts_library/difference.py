"""Two texts side by side in one column: what went, what came, and a few lines around it. Plain Python."""

import difflib
from dataclasses import dataclass

AROUND = 3  # lines that stayed, shown before and after a change
MOST = 2000  # lines shown; a person reads no more


@dataclass(frozen=True)
class Line:
    """One line of the comparison. `kind`: "same", "gone", "new", or "gap" where lines that stayed are left out.

    Numbers count from 1, in the old and in the new text; None where the line is not in it.
    """

    kind: str
    text: str = ""
    old: int | None = None
    new: int | None = None

    @property
    def sign(self) -> str:
        return {"gone": "−", "new": "+"}.get(self.kind, "")


def difference(old: str, new: str) -> list[Line]:
    """The lines that differ, with `AROUND` lines around them; empty where nothing but line ends differs."""
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after)
    shown: list[Line] = []
    if before == after:
        return shown
    for group in matcher.get_grouped_opcodes(AROUND):
        if group[0][1] or group[0][3]:
            shown.append(Line("gap"))
        for tag, *places in group:
            shown += _lines(tag, before, after, *places)
        if len(shown) > MOST:
            return [*shown[:MOST], Line("gap")]
    return shown if group[-1][2] == len(before) else [*shown, Line("gap")]


def _lines(tag: str, before: list[str], after: list[str], begin: int, end: int, into: int, until: int) -> list[Line]:
    if tag == "equal":
        return [Line("same", before[begin + n], begin + n + 1, into + n + 1) for n in range(end - begin)]
    gone = [Line("gone", before[number], old=number + 1) for number in range(begin, end)]
    return gone + [Line("new", after[number], new=number + 1) for number in range(into, until)]
