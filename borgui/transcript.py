"""What a script printed: a live log file for the page, and two short texts for the row (behaviour.md, section 8).

The file gets its head live. When that is full nothing is decoded or written any more: the end of the output waits in
memory as it came, however much there is, and follows at `close` after a line that tells how much was left out.
"""

from collections import deque
from collections.abc import Collection, Iterable
from pathlib import Path

from borgui.excerpt import Excerpt
from borgui.lines import LineMaker
from borgui.log_file import ERROR, GAP, OUTPUT, REMARK, Line, LogFile, Page, prefix, read, text_size
from borgui.masking import Masker

__all__ = ["ERROR", "GAP", "OUTPUT", "REMARK", "Line", "Page", "Transcript", "read"]

PATIENCE = 500  # ms that an unfinished line waits for its end before it is shown
SLICE = 64 * 1024  # bytes made into lines at a time: lines take many times the memory of their bytes
GAP_ROOM = 64  # bytes for the gap line
SMALL = 4096  # bytes of a read that may share an entry with the next one
TOGETHER = 100  # ms within which they do
ENTRY_COST = 256  # bytes that an entry of the ring takes besides its data


class Transcript:
    """Takes the output of one child: `feed` is `process.run`'s `on_output`, `tick` its `on_tick`.

    It never raises: where the log cannot be written `error` says why, and the script and the row's texts go on.
    """

    def __init__(
        self, path: Path | None, secrets: Iterable[str] = (), *, limit: int = 10 << 20, row_limit: int = 64 << 10
    ) -> None:
        """`limit` bytes for the file (4 KiB at least), `row_limit` for each of the two texts. No path, no file."""
        self._masker = Masker(secrets)
        self._excerpts = {stream: Excerpt(self._masker, row_limit) for stream in (OUTPUT, ERROR)}
        self._makers = {stream: LineMaker(stream, self._masker.fresh()) for stream in (OUTPUT, ERROR, REMARK)}
        self._file = LogFile(path)
        self._limit = limit
        self._head_room = limit - limit // 5
        self._margin = 2 * self._masker.longest + 4
        self._ring = _Ring(limit // 5 + self._margin)
        self._spilt: list[bytes] = []  # lines that were made already when the head was full
        self._full_at: int | None = None
        self._ms = 0
        self._received = 0
        self._shown = 0

    @property
    def stdout(self) -> str:
        return self._excerpts[OUTPUT].text()

    @property
    def stderr(self) -> str:
        return self._excerpts[ERROR].text()

    @property
    def log_bytes(self) -> int:
        return self._file.size

    @property
    def error(self) -> str:
        return self._file.error

    def feed(self, stream: str, data: bytes, ms: int) -> None:
        self._excerpts[stream].feed(data)
        self._log(stream, data, ms)

    def remark(self, text: str, ms: int) -> None:
        """A line of the product's own, for the log only."""
        self._log(REMARK, f"{text}\n".encode(errors="replace"), ms)

    def tick(self, ms: int) -> None:
        """Show what has been waiting for the end of its line."""
        if self._full_at is None:
            for maker in self._makers.values():
                self._append_to_head(maker.waiting(ms, PATIENCE), ms)

    def close(self) -> None:
        """Write what is still to come. The log is complete then; the texts stay readable."""
        if not self._file.is_open:
            return
        if self._full_at is None:
            for maker in self._makers.values():
                self._append_to_head(maker.finish(self._ms), self._ms)
        if self._full_at is not None:
            self._append_tail(self._full_at)
        self._file.close()

    def _log(self, stream: str, data: bytes, ms: int) -> None:
        if not self._file.is_open:
            return
        self._ms = ms
        self._received += len(data)
        taken = 0
        while taken < len(data) and self._full_at is None:
            self._append_to_head(self._makers[stream].feed(data[taken : taken + SLICE], ms), ms)
            taken += SLICE
        if taken < len(data):
            self._ring.add(stream, data[taken:], ms)

    def _append_to_head(self, lines: list[bytes], ms: int) -> None:
        room = self._head_room - self._file.size
        fitting = 0 if self._full_at is not None else _fitting(lines, room)
        self._append(lines[:fitting])
        if fitting < len(lines):
            self._full_at = ms
            self._spilt += lines[fitting:]

    def _append(self, lines: Collection[bytes]) -> None:
        data = b"".join(lines)
        self._shown += sum(map(text_size, lines))
        self._file.append(data)

    def _append_tail(self, full_at: int) -> None:
        tail = _Tail(self._limit - self._file.size - GAP_ROOM)
        if not self._ring.lost:
            tail.add(self._spilt)
        self._make_tail(tail)
        if self._ring.lost or tail.is_cut:
            shown = self._shown + sum(map(text_size, tail.lines))
            self._file.append(f"{prefix(full_at, GAP)}{max(1, self._received - shown)} bytes left out\n".encode())
        self._append(tail.lines)

    def _make_tail(self, tail: "_Tail") -> None:
        """Streams of which nothing was lost go on where the head left them, the others begin anew."""
        for stream in self._ring.lost:
            self._makers[stream] = LineMaker(stream, self._masker.fresh(), swallow=self._margin)
        for entry in self._ring.entries:
            for at in range(0, len(entry.data), SLICE):
                tail.add(self._makers[entry.stream].feed(bytes(entry.data[at : at + SLICE]), entry.ms))
        for maker in self._makers.values():
            tail.add(maker.finish(self._ms))


class _Entry:
    __slots__ = ("data", "ms", "stream")

    def __init__(self, stream: str, data: bytes | bytearray, ms: int) -> None:
        self.stream = stream
        self.data = data
        self.ms = ms

    def takes(self, stream: str, data: bytes, ms: int) -> bool:
        """Whether it is worth while to put these bytes in here too: a script may print byte by byte."""
        alike = stream == self.stream and ms - self.ms <= TOGETHER and isinstance(self.data, bytearray)
        return alike and len(data) + len(self.data) <= SMALL


class _Ring:
    """The last bytes of the output as they came, at least `room` of them with what their entries cost."""

    def __init__(self, room: int) -> None:
        self.entries: deque[_Entry] = deque()
        self.lost: set[str] = set()  # streams of which something had to go
        self._room = room
        self._size = 0

    def add(self, stream: str, data: bytes, ms: int) -> None:
        if self.entries and self.entries[-1].takes(stream, data, ms):
            self.entries[-1].data += data
            self._size += len(data)
        else:
            self.entries.append(_Entry(stream, bytearray(data) if len(data) < SMALL else data, ms))
            self._size += _cost(self.entries[-1])
        while self._size - _cost(self.entries[0]) >= self._room:
            oldest = self.entries.popleft()
            self._size -= _cost(oldest)
            self.lost.add(oldest.stream)


class _Tail:
    """The last lines that fit into `room` bytes."""

    def __init__(self, room: int) -> None:
        self.lines: deque[bytes] = deque()
        self.is_cut = False
        self._room = room

    def add(self, lines: list[bytes]) -> None:
        self.lines.extend(lines)
        self._room -= sum(map(len, lines))
        while self._room < 0:
            self._room += len(self.lines.popleft())
            self.is_cut = True


def _cost(entry: _Entry) -> int:
    return len(entry.data) + ENTRY_COST


def _fitting(lines: list[bytes], room: int) -> int:
    """How many of these lines fit."""
    for count, line in enumerate(lines):
        room -= len(line)
        if room < 0:
            return count
    return len(lines)
