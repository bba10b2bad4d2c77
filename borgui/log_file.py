"""The log file of one child: how it is written, and how the page reads on from where it stopped.

One line per piece: milliseconds since the start, a letter, the text, as UTF-8. Letters: `o` standard output, `e`
standard error, `r` a remark of the product itself, `g` the gap where output was left out ("N bytes left out"). The file
is only ever appended to, so an offset stays what it was.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

OUTPUT, ERROR, REMARK, GAP = "o", "e", "r", "g"


@dataclass(frozen=True)
class Line:
    ms: int
    stream: str
    text: str


@dataclass(frozen=True)
class Page:
    """`next_offset` is where the next page begins, also when this one is empty."""

    lines: list[Line]
    next_offset: int


def prefix(ms: int, stream: str) -> str:
    return f"{ms} {stream} "


def text_size(line: bytes) -> int:
    """Bytes of a line without its prefix, its newline included."""
    return len(line) - line.index(b" ") - 3


class LogFile:
    """Appends until the first failure; from then on `error` says why, and everything else is dropped in silence."""

    def __init__(self, path: Path | None) -> None:
        """A file that is there already is begun anew. Without a path nothing is ever written."""
        self.size = 0
        self.error = ""
        self._path = path
        self._descriptor: int | None = None
        if path:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            except OSError as error:
                self._fail(error)

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def append(self, data: bytes) -> None:
        """All of it, or nothing that a reader would see."""
        if self._descriptor is None or not data:
            return
        try:
            _write_all(self._descriptor, data)
        except OSError as error:
            self._take_back()
            self._fail(error)
        else:
            self.size += len(data)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._descriptor or -1, self.size)
        except OSError:
            pass  # a reader passes over the last line while it has no newline

    def _fail(self, error: OSError) -> None:
        self.error = f"The log {self._path} could not be written: {error.strerror or error}."
        self.close()


def read(path: Path, offset: int, limit: int = 500_000) -> Page:
    """Whole lines from a byte offset on, at most `limit` bytes of them but always one if there is one.

    An offset inside a line goes on with the next line, one past the end is the end. A missing file is an empty page.
    """
    try:
        with open(path, "rb") as file:
            start = _line_start(file, max(0, offset))
            file.seek(start)
            data = file.read(max(1, limit))
            if b"\n" not in data:
                data += file.readline()
    except FileNotFoundError:
        return Page([], 0)
    data = data[: data.rfind(b"\n") + 1]
    return Page([_line(raw) for raw in data.split(b"\n")[:-1]], start + len(data))


def _line_start(file: BinaryIO, offset: int) -> int:
    """The first start of a line at or after the offset; at the end of the file the start of a line still unfinished."""
    offset = min(offset, file.seek(0, os.SEEK_END))
    if not offset:
        return 0
    file.seek(offset - 1)
    skipped = file.readline()
    if skipped.endswith(b"\n"):
        return offset - 1 + len(skipped)
    return offset


def _line(raw: bytes) -> Line:
    text = raw.decode(errors="replace")
    ms, _, rest = text.partition(" ")
    stream, _, rest = rest.partition(" ")
    return Line(int(ms), stream, rest) if ms.isdecimal() else Line(0, OUTPUT, text)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
