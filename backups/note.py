"""Paper for bad weather: writes that the database could not take, in blocks that the disk has given already.

Before a job begins, its run directory gets a note (64 KiB) and a reserve (1 MiB) that is given up when the disk is
full. An *appended* note on a full disk is empty; a preallocated one can be written (behaviour.md, section 6).
"""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

log = logging.getLogger(__name__)
LENGTH = 64 * 1024  # bytes
RESERVE = 1024 * 1024  # bytes
LONGEST_TEXT = 1000  # characters of one field: the note is for what counts, not for output


class Note:
    """One entry a line, as JSON, written at the next free place and synced; the rest of the file is NUL."""

    def __init__(self, folder: Path) -> None:
        self.path, self.reserve = folder / "note", folder / "reserve"
        self._at = 0

    def prepare(self) -> None:
        """Make both, with blocks of their own. Raises OSError where the disk does not give them."""
        if not (self.path.exists() and self.path.stat().st_size == LENGTH):
            _fill(self.path, bytes(LENGTH))
        if not (self.reserve.exists() and self.reserve.stat().st_size == RESERVE):
            _fill(self.reserve, os.urandom(RESERVE))  # not zeros: a file system may keep those without blocks
        self._at = sum(len(line) + 1 for line in self._lines())

    def append(self, entry: dict[str, Any]) -> bool:
        """Write an entry durably; False where there is no room or the disk refuses."""
        line = json.dumps(shortened(entry), cls=DjangoJSONEncoder).encode() + b"\n"
        if self._at + len(line) > LENGTH:
            log.error("the note of %s is full", self.path.parent.name)
            return False
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, line, self._at)
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            log.error("the note could not be written: %s", error)
            return False
        self._at += len(line)
        return True

    def free_reserve(self) -> bool:
        """Give the reserve back to a full disk; False where that was done before."""
        try:
            self.reserve.unlink()
        except OSError:
            return False
        return True

    def entries(self) -> Iterator[dict[str, Any]]:
        """What is written, in order. A torn line is left out; those after it are whole, each was synced by itself."""
        for line in self._lines():
            try:
                entry = json.loads(line)
            except ValueError:
                log.error("a torn line in the note of %s is left out", self.path.parent.name)
                continue
            if isinstance(entry, dict):
                yield entry

    def is_blank(self) -> bool:
        return not self._lines()

    def clear(self) -> None:
        """The database has it all."""
        self._at = 0
        try:
            _fill(self.path, bytes(LENGTH))
        except OSError as error:
            log.error("the note could not be cleared: %s", error)

    def _lines(self) -> list[bytes]:
        try:
            return self.path.read_bytes().partition(b"\0")[0].splitlines()
        except OSError:
            return []


def shortened(entry: dict[str, Any]) -> dict[str, Any]:
    fields = {
        name: value[:LONGEST_TEXT] if isinstance(value, str) else value
        for name, value in entry["fields"].items()
        if name not in ("stdout", "stderr", "borg_messages", "unread", "command")
    }
    return {**entry, "fields": fields}


def _fill(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        at = 0
        while at < len(content):  # a disk that is nearly full takes a part first, and refuses only the next
            at += os.pwrite(descriptor, content[at:], at)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
