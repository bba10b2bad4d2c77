"""From the bytes of one stream to the lines of the log file: masked, decoded, and never longer than a page can bear."""

import codecs

from borgui.log_file import prefix
from borgui.masking import Masker

LONGEST = 8192  # characters of one piece


class LineMaker:
    """One stream. Reads may be cut anywhere, also inside a character or a secret."""

    def __init__(self, stream: str, masker: Masker, *, swallow: int = 0) -> None:
        """Of a stream whose beginning was lost the first `swallow` bytes are only shown to the masker, and the first
        line is left out, so that neither the rest of a secret nor half a character is left."""
        self._stream = stream
        self._masker = masker
        self._swallow = swallow
        self._ragged = bool(swallow)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._since = 0

    def feed(self, data: bytes, ms: int) -> list[bytes]:
        """The lines and pieces that are complete now."""
        if b"\0" in data:
            data = data.translate(None, b"\0")  # not `replace`: it takes ten times as long for a run of them
        if self._swallow:
            self._masker.feed(data[: self._swallow])
            data, self._swallow = data[self._swallow :], max(0, self._swallow - len(data))
        return self._take(self._decoder.decode(self._whole_lines(self._masker.feed(data))), ms)

    def waiting(self, ms: int, patience: int) -> list[bytes]:
        """A prompt has no newline: what has waited for its end so long is a piece as it stands."""
        return self._rest(ms) if self._pending and ms - self._since >= patience else []

    def finish(self, ms: int) -> list[bytes]:
        """The stream is over: what is left, also what might have become a secret."""
        lines = self._take(self._decoder.decode(self._whole_lines(self._masker.flush()), True), ms)
        return lines + self._rest(ms)

    def _whole_lines(self, data: bytes) -> bytes:
        if not self._ragged or not data:
            return data
        self._ragged = False
        return data[data.find(b"\n") + 1 :]

    def _take(self, text: str, ms: int) -> list[bytes]:
        if not text:
            return []
        if not self._pending:
            self._since = ms
        *complete, pending = (self._pending + text).split("\n")
        if complete:
            self._since = ms
        *cut, self._pending = _pieces(pending)
        start = prefix(ms, self._stream)
        return [f"{start}{piece}\n".encode() for line in complete for piece in _pieces(line.removesuffix("\r"))] + [
            f"{start}{piece}\n".encode() for piece in cut
        ]

    def _rest(self, ms: int) -> list[bytes]:
        pending, self._pending = self._pending, ""
        return [f"{prefix(ms, self._stream)}{pending}\n".encode()] if pending else []


def _pieces(line: str) -> list[str]:
    """A line as pieces of bearable length, at least one."""
    if len(line) <= LONGEST:
        return [line]
    return [line[at : at + LONGEST] for at in range(0, len(line), LONGEST)]
