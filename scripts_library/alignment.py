"""Which lines of two texts are the same ones. Plain Python.

difflib needs minutes for some texts of 10,000 lines, and a page waits for this. So: what is common at both ends, then
lines that occur once in each text as fixed points (patience diff), and the short stretches between them line by line,
as long as that stays cheap. The answer is always right; where it was too much work it only knows of fewer lines.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

CLOSE = 40_000  # lines times lines of a stretch that is compared line by line
PATIENCE = 4_000_000  # the same of all stretches together: about a second

Pair = tuple[int, int]
Span = tuple[int, int, int, int]  # from and to in the old lines, from and to in the new ones


def pairs(before: Sequence[str], after: Sequence[str]) -> list[Pair]:
    """The positions of equal lines, rising in both texts."""
    found: list[Pair] = []
    waiting: list[Span] = [(0, len(before), 0, len(after))]
    left = PATIENCE
    while waiting:
        same, span = _without_ends(before, after, waiting.pop())
        found += same
        if anchors := _anchors(before, after, span):
            found += anchors
            waiting += _between(anchors, span)
        elif 0 < (work := _work(span)) <= min(CLOSE, left):
            left -= work
            found += _line_by_line(before, after, span)
    return sorted(found)


def _work(span: Span) -> int:
    begin, end, into, until = span
    return (end - begin) * (until - into)


def _without_ends(before: Sequence[str], after: Sequence[str], span: Span) -> tuple[list[Pair], Span]:
    """What both have in common at the beginning and at the end, and the rest."""
    begin, end, into, until = span
    same: list[Pair] = []
    while begin < end and into < until and before[begin] == after[into]:
        same.append((begin, into))
        begin, into = begin + 1, into + 1
    while begin < end and into < until and before[end - 1] == after[until - 1]:
        end, until = end - 1, until - 1
        same.append((end, until))
    return same, (begin, end, into, until)


def _anchors(before: Sequence[str], after: Sequence[str], span: Span) -> list[Pair]:
    """The longest row of lines that occur once in each, and in the same order."""
    begin, end, into, until = span
    once, again = _once(before, begin, end), _once(after, into, until)
    return _rising([(number, again[line]) for line, number in once.items() if line in again])


def _once(lines: Sequence[str], begin: int, end: int) -> dict[str, int]:
    counted = Counter(lines[begin:end])
    return {lines[number]: number for number in range(begin, end) if counted[lines[number]] == 1}


def _rising(found: Sequence[Pair]) -> list[Pair]:
    """The longest part of pairs that rise in the first place that rises in the second too (patience sorting)."""
    tops: list[int] = []  # the second place of the last card of each pile
    piles: list[int] = []  # which pair lies there
    below: list[int] = []
    for number, (_, place) in enumerate(found):
        pile = bisect_left(tops, place)
        below.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1], piles[pile : pile + 1] = [place], [number]
    rising: list[Pair] = []
    number = piles[-1] if piles else -1
    while number >= 0:
        rising.append(found[number])
        number = below[number]
    return rising[::-1]


def _between(anchors: Sequence[Pair], span: Span) -> Iterator[Span]:
    begin, end, into, until = span
    for old, new in [*anchors, (end, until)]:
        yield (begin, old, into, new)
        begin, into = old + 1, new + 1


def _line_by_line(before: Sequence[str], after: Sequence[str], span: Span) -> Iterator[Pair]:
    """The longest common subsequence."""
    begin, end, into, until = span
    longest = _lengths(before[begin:end], after[into:until])
    while begin < end and into < until:
        row, place = begin - span[0], into - span[2]
        if before[begin] == after[into]:
            yield begin, into
            begin, into = begin + 1, into + 1
        elif longest[row + 1][place] >= longest[row][place + 1]:
            begin += 1
        else:
            into += 1


def _lengths(before: Sequence[str], after: Sequence[str]) -> list[list[int]]:
    """`[n][m]`: how many lines `before[n:]` and `after[m:]` have in common at most."""
    rows = [[0] * (len(after) + 1)]
    for line in reversed(before):
        below, row = rows[-1], [0] * (len(after) + 1)
        for place in range(len(after) - 1, -1, -1):
            same = line == after[place]
            row[place] = below[place + 1] + 1 if same else max(below[place], row[place + 1])
        rows.append(row)
    return rows[::-1]
