"""What `borg prune --list` says of each archive, and what `borg compact` says that it freed.

Neither has a document: the lines are those of `do_prune` and `compact_segments`, the same in 1.2.4 and 1.4.5 but for the
width of a column. An archive is known by its id; names may hold anything, and times are those of `Keep.zone`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from backups.borg.events import Message

_LINE = re.compile(
    r"(?:(?P<gone>Would prune|Pruning archive \(\d+/\d+\))"
    r"|Keeping archive \(rule: (?P<rule>\S+) #(?P<number>\d+)\)"
    r"|Keeping checkpoint archive):"
    r"\s+(?P<name>.+?)\s+\w{3}, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?: [+-]\d\d:?\d\d)? \[(?P<id>[0-9a-f]{64})\]",
    re.DOTALL,
)
_FREED = re.compile(r"compaction freed about (?P<number>[\d.]+) (?P<unit>[kMGTPEZY]?)B\b")
_THOUSANDS = "kMGTPEZY"
CHECKPOINT = "checkpoint"  # the rule for what an interrupted backup left, as long as nothing newer is there
OLDEST = "[oldest]"  # behind the name of a rule: fewer archives than it may keep, so the oldest stays as well


@dataclass(frozen=True)
class Fate:
    """What prune does with one archive. `rule` and `number`: why it stays ("daily", 3); '' where it goes."""

    id: str
    name: str
    rule: str = ""
    number: int = 0

    @property
    def stays(self) -> bool:
        return bool(self.rule)


class Hearing:
    """Reads along what prune says; `fates` are in borg's order, the newest archive first."""

    def __init__(self, on_output: Callable[[str, bytes, int], None] | None) -> None:
        self.fates: list[Fate] = []
        self._on_output = on_output

    def feed(self, stream: str, data: bytes, ms: int) -> None:
        """One message of borg, as `Running.on_output` gets it."""
        if found := fate(data.decode("utf-8", "replace").strip()):
            self.fates.append(found)
        if self._on_output:
            self._on_output(stream, data, ms)


def fate(line: str) -> Fate | None:
    """None: the line is about something else."""
    match = _LINE.fullmatch(line)
    if not match:
        return None
    if match["gone"]:
        return Fate(match["id"], match["name"])
    return Fate(match["id"], match["name"], match["rule"] or CHECKPOINT, int(match["number"] or 1))


def freed(messages: Iterable[Message]) -> int | None:
    """Bytes that compact gave back, to three digits; None where it did not say."""
    for message in messages:
        if match := _FREED.search(message.text):
            return round(float(match["number"]) * 1000 ** (_THOUSANDS.find(match["unit"] or " ") + 1))
    return None
