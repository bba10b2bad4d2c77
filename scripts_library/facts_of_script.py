"""What the runs of one script tell: how long it takes, how often it fails, whom it serves.

Two queries, however many runs and users there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from borgui.encryption import is_sealed

from . import owners
from .manifest import Manifest
from .models import Assignment, ExecutionStatus, Hook, RepositoryScript, Script, TriggeredBy, WindowScript
from .owners import Owner
from .parameters import Declared, fill, references, resolve

LAST_RUNS = 100
NOT_NOW = 75  # behaviour.md, section 3
BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.INTERRUPTED)


@dataclass(frozen=True)
class Runs:
    """The last hundred runs around backups that came to an end. `median_seconds` is of those that ended well."""

    number: int
    failed: int
    median_seconds: float | None

    @property
    def failure_rate(self) -> int | None:
        """Whole percents, None of nothing; never 0 where one has failed."""
        if not self.number:
            return None
        return max(round(100 * self.failed / self.number), 1 if self.failed else 0)


@dataclass(frozen=True)
class Use:
    """One repository or window that uses the script. `interrupts`: what is down meanwhile there, in words."""

    owner_id: int
    owner: str
    hooks: tuple[str, ...]
    enabled: bool
    interrupts: tuple[str, ...] = ()
    is_window: bool = False


def runs(script: Script) -> Runs:
    ended = script.executions.filter(status__in=(ExecutionStatus.SUCCEEDED, *BAD)).exclude(
        triggered_by=TriggeredBy.TEST
    )
    rows = ended.order_by("-id").values_list("status", "exit_code", "hook_type", "execution_time")[:LAST_RUNS]
    counted = [row for row in rows if not (row[1] == NOT_NOW and row[2] == Hook.PRE)]
    well = [seconds for status, _, _, seconds in counted if status == ExecutionStatus.SUCCEEDED and seconds is not None]
    failed = sum(row[0] != ExecutionStatus.SUCCEEDED for row in counted)
    return Runs(len(counted), failed, median(well) if well else None)


def uses(script: Script) -> list[Use]:
    """By repository, then by window, in the order of their names."""
    around = RepositoryScript.objects.filter(script=script).select_related("repository")
    inside = WindowScript.objects.filter(script=script).select_related("window")
    declared = Manifest.from_dict(script.manifest)
    found: dict[Owner, list[Assignment]] = {}
    for row in (*around.order_by("repository__name", "id"), *inside.order_by("window__name", "id")):
        found.setdefault(owners.of(row), []).append(row)
    return [_use(script, declared, owner, rows) for owner, rows in found.items()]


def _use(script: Script, declared: Manifest, owner: Owner, rows: Sequence[Assignment]) -> Use:
    said = [in_words(declared, script.parameters, row.parameters) for row in rows]
    return Use(
        owner.pk,
        str(getattr(rows[0], owner.kind.word)),
        tuple(row.hook_type for row in rows),
        any(row.enabled for row in rows),
        tuple(dict.fromkeys(text for text in said if text)),
        is_window=owner.kind == owners.WINDOW,
    )


def in_words(declared: Manifest, *layers: Mapping[str, Any]) -> str:
    """What is down meanwhile, with the values of the parameters; a name without a value stands in brackets.

    `layers`: values of the library entry, then of an assignment.
    """
    script, assignment = (*layers, {}, {})[:2]
    usable = [{} if is_sealed(values) else values for values in (script, assignment)]
    values = resolve(declared.parameters, *usable).values
    names = {entry.name: values[entry.name] or f"[{_called(entry)}]" for entry in declared.parameters}
    return (
        " ".join(fill(declared.interrupts, names).split()) if references(declared.interrupts) else declared.interrupts
    )


def _called(entry: Declared) -> str:
    return entry.label or entry.name
