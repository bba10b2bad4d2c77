"""What borg prints: log lines and progress on standard error, one JSON document on standard output.

Format: borg's page "All about JSON". Seen besides JSON lines: plain text of argparse, Python, ssh and the remote
side, and JSON that starts in the middle of a line, after a prompt without a line end.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backups.borg import outcome

LONGEST_LINE = 1024 * 1024
LONGEST_TEXT = 8000  # characters of one message; most tracebacks fit
MOST_STARTS = 20  # tries at finding an object in a line: a line of nothing but braces costs no more


@dataclass(frozen=True)
class Message:
    level: str  # borg's: DEBUG, INFO, WARNING, ERROR, CRITICAL; TEXT for what was not JSON
    msgid: str  # empty where borg gave none and the text is none that we know
    text: str
    path: str = ""  # the file that it is about


@dataclass(frozen=True)
class Progress:
    """Where borg is. Numbers are None in phases that do not count files; sizes are bytes."""

    message: str = ""
    path: str = ""
    files: int | None = None
    original_size: int | None = None
    compressed_size: int | None = None
    deduplicated_size: int | None = None

    @property
    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value not in (None, "")}


class Reader:
    """Turns the bytes of standard error, however they were cut, into events."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> "Iterator[Message | Progress]":
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            yield from events(line.decode("utf-8", "replace"))

    def close(self) -> "Iterator[Message | Progress]":
        """What came after the last line end."""
        rest, self._rest = self._rest, b""
        yield from events(rest.decode("utf-8", "replace"))


def events(line: str) -> "Iterator[Message | Progress]":
    """The events of one line: plain text, objects, or text with objects in it."""
    rest = line.strip()
    while rest:
        text, found, rest = _object_in(rest)
        if text.strip():
            yield Message("TEXT", "", _shortened(clean(text.strip())))
        event = _event(found) if found else None
        if event:
            yield event


def _object_in(line: str) -> tuple[str, dict[str, Any] | None, str]:
    """The text before the first object that has a type, that object, and what follows it."""
    start = line.find('{"')
    for _ in range(MOST_STARTS):
        if start < 0:
            break
        try:
            found, end = json.JSONDecoder().raw_decode(line, start)
        except (ValueError, RecursionError):
            found, end = None, start
        if isinstance(found, dict) and isinstance(found.get("type"), str):
            return line[:start], found, line[end:].strip()
        start = line.find('{"', start + 1)
    return line, None, ""


def _event(found: dict[str, Any]) -> "Message | Progress | None":
    kind = found["type"]
    if kind == "archive_progress":
        return _archive_progress(found)
    if kind.startswith("progress_"):
        message = _text(found.get("message"))
        return Progress(message=message) if message else None
    if kind == "log_message" or kind.startswith("question_"):
        return _message(found)
    return None


def _archive_progress(found: dict[str, Any]) -> Progress | None:
    if found.get("finished"):
        return None
    return Progress(
        path=_text(found.get("path")),
        files=_number(found.get("nfiles")),
        original_size=_number(found.get("original_size")),
        compressed_size=_number(found.get("compressed_size")),
        deduplicated_size=_number(found.get("deduplicated_size")),
    )


def _message(found: dict[str, Any]) -> Message:
    level, text = _text(found.get("levelname")) or "INFO", _text(found.get("message"))
    msgid, path = outcome.identify(level, _text(found.get("msgid")), text)
    return Message(level, msgid, _shortened(text), path)


def _shortened(text: str) -> str:
    """Its head and its tail: a traceback says last what happened."""
    half = LONGEST_TEXT // 2
    return text if len(text) <= LONGEST_TEXT else f"{text[:half]}\n...\n{text[-half:]}"


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def clean(text: str) -> str:
    """Without NUL and lone surrogates: no database and no file takes those."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def document(data: bytes) -> dict[str, Any] | None:
    """The JSON document of standard output; None where borg did not come as far."""
    try:
        found = json.loads(clean(data.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def instant(naive: str) -> str:
    """borg's naive time, which is UTC because it runs so, with its offset; ISO 8601."""
    try:
        return datetime.fromisoformat(naive).replace(tzinfo=UTC).isoformat()
    except ValueError:
        return naive
