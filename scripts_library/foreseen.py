"""What can be seen to go wrong before it does: the problems of one repository's scripts, whatever the next outcome."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .models import Assignment, Hook
from .preview import Entry

NOTHING_AFTER_FAILURE = "After a failed backup no post-backup script runs."
UNDECLARED = "Nobody has said after which backups it runs; until then only after good ones."


@dataclass(frozen=True)
class Foreseen:
    """One problem. `blocks`: with it the script, or the whole backup, does not run. Some are about no single script."""

    sentence: str
    script_name: str = ""
    assignment_id: int | None = None
    blocks: bool = False


def of(entries: Iterable[Entry], after_failure: Sequence[Entry], assigned: Iterable[Assignment]) -> list[Foreseen]:
    """`entries` of both hooks, `after_failure` the post-backup ones as they would be then; those that block first."""
    shown = list(entries)
    enabled = {one.pk: one for one in assigned if one.enabled}
    found = [told(entry, problem) for entry in shown for problem in entry.problems if is_on(entry, enabled)]
    found += [
        Foreseen(UNDECLARED, one.script.name, one.pk) for one in enabled.values() if is_undeclared(one)
    ]  # fmt: skip
    found += nothing_after_failure(shown, after_failure, enabled)
    return sorted(found, key=lambda one: not one.blocks)


def is_on(entry: Entry, enabled: dict[int, Assignment]) -> bool:
    return entry.assignment_id is None or entry.assignment_id in enabled


def told(entry: Entry, problem: str) -> Foreseen:
    sentence = problem[:1].upper() + problem[1:].rstrip(".") + "."
    return Foreseen(sentence, entry.script_name, entry.assignment_id, problem not in entry.advice)


def is_undeclared(one: Assignment) -> bool:
    """A post-backup script that nobody has told when to run."""
    return one.hook_type == Hook.POST and not one.custom_run_on and not one.script.run_on_declared


def nothing_after_failure(
    entries: Iterable[Entry], after_failure: Sequence[Entry], enabled: dict[int, Assignment]
) -> list[Foreseen]:
    """Where something is stopped, or somebody wanted something to run afterwards, and after a failure nothing does."""
    stopped = [entry.interrupts for entry in entries if entry.interrupts and is_on(entry, enabled)]
    if any(entry.runs for entry in after_failure) or not (after_failure or stopped):
        return []
    things = ", ".join(dict.fromkeys(stopped)) or "What was stopped"
    return [Foreseen(f"{NOTHING_AFTER_FAILURE} {things} stays stopped then.")]
