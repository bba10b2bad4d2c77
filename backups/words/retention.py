"""What is said of archives that are kept, and of those that go."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from backups import borg
from backups.models import Repository

from .phrases import size

SINGLE = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year"}
LEFT_BY = "left by a backup that was cut off; nothing newer is there yet"


def would_delete(pruned: int, count: int, oldest: datetime | None) -> str:
    """Would delete 312 of 340 archives, the oldest from 2023-02-01."""
    if oldest is None:
        return f"Would delete none of {archives(count)}."
    every = "all" if pruned == count else f"{pruned} of"
    return f"Would delete {every} {archives(count)}, the oldest from {timezone.localtime(oldest):%Y-%m-%d}."


def archives(count: int) -> str:
    return counted(count, "archive")


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def why_kept(fate: borg.Fate, repository: Repository) -> str:
    """The rule that keeps it: the newest of its day, 3 of 7 days."""
    rule = fate.rule.removesuffix(borg.OLDEST)
    if rule == borg.CHECKPOINT:
        return LEFT_BY
    if rule == "within":
        return f"not older than {repository.keep_within}"
    most = getattr(repository, f"keep_{rule}", 0)
    if fate.rule.endswith(borg.OLDEST):
        return f"the oldest of all, as long as there are fewer than {counted(most, SINGLE[rule])}"
    return f"the newest of its {SINGLE[rule]}, {fate.number} of {most}"


def done_afterwards(facts: dict[str, Any]) -> str:
    """What maintenance did: Pruned 3 archives, freed 1.2 GiB."""
    pruned, freed = facts.get("pruned"), facts.get("freed")
    parts = []
    if pruned is not None:
        parts.append(f"pruned {archives(pruned)}" if pruned else "nothing was old enough to be pruned")
    if freed:
        parts.append(f"freed {size(freed)}")
    if facts.get("checked"):
        parts.append("checked the repository")
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}." if said else ""
