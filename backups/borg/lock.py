"""Who holds a lock of borg, as far as the lock itself tells.

borg keeps an exclusive lock as a folder `lock.exclusive` with one empty file, named `HOST.PID-THREAD`, and its
readers in a JSON file `lock.roster`. HOST is BORG_HOST_ID, else `name@number`.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backups.borg.target import Target

_NAME = re.compile(r"(?P<host>.+)\.(?P<pid>\d+)-(?P<thread>[0-9a-f]+)")


@dataclass(frozen=True)
class Holder:
    host: str  # as people know it
    pid: int
    since: datetime  # when the lock was made (for readers: when the last one came or went)
    ours: bool  # the lock of a borg that this installation started
    reading: bool = False

    def age(self, now: datetime) -> int:
        """Seconds."""
        return max(0, int((now - self.since).total_seconds()))

    def describe(self, now: datetime) -> str:
        """`host nas, process 4711, since 02:03 (6 h)`; times are UTC and say so."""
        clock = "%H:%M" if self.age(now) < 86400 else "%Y-%m-%d %H:%M"
        since = self.since.astimezone(UTC).strftime(clock)
        return f"host {self.host}, process {self.pid}, since {since} UTC ({_rough(self.age(now))})"


def lock_holder(target: Target) -> Holder | None:
    """Who holds the repository's lock. None: nobody, or the repository is on another machine."""
    return holder_of(target.folder / "lock", target.host_id) if target.folder else None


def holder_of(lock: Path, host_id: str) -> Holder | None:
    """`lock` is the lock as borg names it in messages, with or without `.exclusive`. Never raises."""
    place = lock.with_suffix("") if lock.suffix == ".exclusive" else lock
    return _exclusive(place.with_suffix(".exclusive"), host_id) or _reader(place.with_suffix(".roster"), host_id)


def _exclusive(folder: Path, host_id: str) -> Holder | None:
    try:
        entries = sorted(folder.iterdir())
        for entry in entries:
            if match := _NAME.fullmatch(entry.name):
                return _holder(match["host"], int(match["pid"]), entry, host_id)
    except OSError:
        pass  # released meanwhile, or not ours to look at
    return None


def _reader(roster: Path, host_id: str) -> Holder | None:
    try:
        entries = json.loads(roster.read_text())["shared"]
        host, pid, _thread = entries[0]
        return _holder(str(host), int(pid), roster, host_id, reading=True)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _holder(host: str, pid: int, file: Path, host_id: str, *, reading: bool = False) -> Holder:
    since = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return Holder(host.partition("@")[0], pid, since, ours=host == host_id, reading=reading)


def _rough(seconds: int) -> str:
    """A duration as a tired person reads it."""
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
