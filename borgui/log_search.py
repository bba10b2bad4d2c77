"""Words in a log file: in which lines they stand, and where such a line begins. Plain Python.

Searched is what a page shows: without colours, and without the time and the letter before each line. Capitals do not
matter. A line of more than 8,192 characters is several lines of the file; words that lie across are not found.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from borgui.ansi import SEQUENCE

MOST_HITS = 1_000
CHUNK = 1 << 20


@dataclass(frozen=True)
class Hits:
    """`numbers` of lines, counted from 1; `is_more`: there are others behind the last one."""

    words: str
    numbers: tuple[int, ...]
    is_more: bool


def search(path: Path, words: str, most: int = MOST_HITS) -> Hits:
    """The first lines that hold the words. In a missing file there are none."""
    wanted, found, before = words.lower(), [], 0
    for data in whole_lines(path):
        text = SEQUENCE.sub("", data.decode(errors="replace")).lower()
        if wanted in text:
            found += [number for number, line in enumerate(text.split("\n"), before + 1) if wanted in _said(line)]
        if len(found) > most:
            break
        before += data.count(b"\n")
    return Hits(words, tuple(found[:most]), is_more=len(found) > most)


def offset_of(path: Path, number: int) -> int:
    """The byte at which this line begins; the end of the file where there are not so many."""
    offset, left = 0, number - 1
    for data in whole_lines(path):
        count = data.count(b"\n")
        if left < count:
            return offset + _after_newlines(data, left)
        offset, left = offset + len(data), left - count
    return offset


def whole_lines(path: Path) -> Iterator[bytes]:
    """The file in pieces that end with a line; what is not finished yet is left out."""
    try:
        with open(path, "rb") as file:
            while data := file.read(CHUNK):
                data += file.readline() if not data.endswith(b"\n") else b""
                yield data[: data.rfind(b"\n") + 1]
    except FileNotFoundError:
        return


def _said(line: str) -> str:
    """Without `12345 o `."""
    return line[line.find(" ") + 3 :]


def _after_newlines(data: bytes, count: int) -> int:
    at = 0
    for _ in range(count):
        at = data.index(b"\n", at) + 1
    return at
