"""The text of one stream that a database row keeps: head and tail, whatever came between (behaviour.md, section 8)."""

import re

from borgui.masking import Masker

# ECMA-48: control sequences, operating system commands and other strings with their end, and two-byte escapes.
ANSI = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\|\Z)|[PX^_][^\x1b]*(?:\x1b\\|\Z)|[ -/]*[0-Z\\^-~])"
)
UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[ -/]*)\Z")


def clean(data: bytes) -> bytes:
    """Without NUL and ANSI sequences. Before masking, so that a secret with a colour in the middle is found as well."""
    without = ANSI.sub(b"", data.translate(None, b"\0"))
    return UNFINISHED.sub(b"", without).replace(b"\x1b", b"")


class Excerpt:
    """Keeps the first and the last bytes of a stream; memory and time do not grow with what comes between."""

    def __init__(self, masker: Masker, limit: int) -> None:
        """`limit` is in bytes of UTF-8, for the whole text."""
        self._masker = masker
        self._limit = limit
        self._margin = 2 * masker.longest + 64  # a secret or a sequence cut by the start of the tail ends in here
        self._keep = limit + self._margin
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0

    def feed(self, data: bytes) -> None:
        self._total += len(data)
        if (room := self._limit - len(self._head)) > 0:
            self._head += data[:room]
        if len(data) >= self._keep:
            self._tail[:] = data[-self._keep :]
            return
        self._tail += data
        if len(self._tail) > 2 * self._keep:
            del self._tail[: -self._keep]

    def text(self) -> str:
        """Always valid text without NUL, at most `limit` bytes."""
        whole = self._whole()
        if whole is None:
            return self._joined(self._head_text(), self._tail_text())
        text = self._masked(clean(whole))
        return text if len(text.encode()) <= self._limit else self._joined(text, text)

    def _whole(self) -> bytes | None:
        """Everything, where head and tail still meet."""
        missing = self._total - len(self._head)
        return bytes(self._head + self._tail[len(self._tail) - missing :]) if missing <= len(self._tail) else None

    def _masked(self, data: bytes) -> str:
        masker = self._masker.fresh()
        return (masker.feed(data) + masker.flush()).decode(errors="replace")

    def _head_text(self) -> str:
        """What may be the beginning of a secret or of a character is left out at its end."""
        return self._masker.fresh().feed(clean(bytes(self._head))).decode(errors="replace").rstrip("\ufffd")

    def _tail_text(self) -> str:
        """The first bytes are seen by the masker only, for they may be the rest of a secret."""
        data = clean(bytes(self._tail))
        masker = self._masker.fresh()
        masker.feed(data[: self._margin])
        return (masker.feed(data[self._margin :]) + masker.flush()).decode(errors="replace").lstrip("\ufffd")

    def _joined(self, head: str, tail: str) -> str:
        """The beginning of one and the end of the other, and between them how much was left out."""
        half = (self._limit - len(_gap(self._total))) // 2
        first = head.encode()[:half].decode(errors="ignore")
        last = tail.encode()[-half:].decode(errors="ignore")
        return first + _gap(max(1, self._total - len(first.encode()) - len(last.encode()))) + last


def _gap(left_out: int) -> str:
    return f"\n... {left_out} bytes left out ...\n"
