"""Pages of a log file with line numbers: a stretch from a byte offset on, or its end. Plain Python.

A log holds up to 10 MiB, in lines of one character as well as of thousands: a page is bounded in lines and in what it
weighs as HTML, where one hidden character takes as much as fourteen others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from borgui.log_file import GAP, Line, read

MOST_BYTES = 500_000
MOST_SENT = 440_000  # bytes of HTML for the lines of a page; with all around them it stays below 500 KB
MOST_LINES = 2_000
TAIL_BYTES = 64 * 1024
CHUNK = 1 << 20
LINE = 200  # bytes of HTML around what was said
CONTROLS = bytes(range(32))
BECOMES_LONGER = (
    *((sign, 5) for sign in (b"&", b"<", b">", b'"', b"'")),
    (b"\x1b", 40),  # a colour begins and ends
    (b"\x7f", 13),
    *((begin, 12) for begin in (b"\xc2", b"\xe2\x80", b"\xe2\x81", b"\xef\xbb\xbf", b"\xd8\x9c")),  # <U+202E>
)


@dataclass(frozen=True)
class LogPage:
    """`first` is the number of the first line, counted from 1; `next_offset` is where the next page begins."""

    lines: tuple[Line, ...]
    first: int
    next_offset: int
    at_end: bool

    @property
    def numbered(self) -> list[tuple[int, Line]]:
        return list(enumerate(self.lines, self.first))

    @property
    def next_number(self) -> int:
        return self.first + len(self.lines)


def page(path: Path, offset: int = 0, most_lines: int = MOST_LINES) -> LogPage:
    """Whole lines from a byte offset on. A missing file is an empty page at its end."""
    begin = max(0, offset)
    found = read(path, begin, _bytes_of(path, begin, most_lines))
    size = path.stat().st_size if path.exists() else 0
    return LogPage(
        lines=tuple(found.lines),
        first=_number_at(path, found.next_offset) - len(found.lines),
        next_offset=found.next_offset,
        at_end=found.next_offset >= size or not found.lines,
    )


def tail(path: Path, most_lines: int) -> LogPage:
    """The last lines; its `next_offset` is the end of the last whole line."""
    size = path.stat().st_size if path.exists() else 0
    found = read(path, max(0, size - TAIL_BYTES), TAIL_BYTES)
    lines = tuple(found.lines[-most_lines:])
    return LogPage(lines, _number_at(path, found.next_offset) - len(lines), found.next_offset, at_end=True)


def plain(path: Path) -> Iterator[str]:
    """What was printed, line by line, as a file to keep: without times, the gap told in brackets."""
    offset = 0
    while lines := (found := read(path, offset, MOST_BYTES)).lines:
        for line in lines:
            yield f"[{line.text}]\n" if line.stream == GAP else f"{line.text}\n"
        offset = found.next_offset


def _bytes_of(path: Path, offset: int, most_lines: int) -> int:
    """How many bytes from the offset on hold so many lines, and are not too much for a page; at least one line."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        return MOST_BYTES
    size = weight = 0
    for raw in islice(data.split(b"\n")[:-1], most_lines):
        weight += _weight(raw)
        if weight > MOST_SENT and size:
            break
        size += len(raw) + 1
    return size or MOST_BYTES


def _weight(raw: bytes) -> int:
    """About how many bytes of HTML a line becomes: entities, names of what is hidden, and the ends of colours."""
    controls = len(raw) - len(raw.translate(None, CONTROLS))
    longer = sum(raw.count(sign) * more for sign, more in BECOMES_LONGER)
    return LINE + len(raw) + 2 * controls + longer


def _number_at(path: Path, offset: int) -> int:
    """The number of the line that begins at this offset."""
    count, left = 1, offset
    try:
        with open(path, "rb") as file:
            while left > 0 and (data := file.read(min(CHUNK, left))):
                count += data.count(b"\n")
                left -= len(data)
    except FileNotFoundError:
        pass
    return count
