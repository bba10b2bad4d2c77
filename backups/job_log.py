"""What a job printed, step by step, in the order in which the steps began; and what is new since somebody looked.

A step is a script's execution, borg making the archive, or a step of maintenance. Each has a log file of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from borgui import log_page
from borgui.log_page import LogPage
from scripts_library.models import ExecutionStatus, ScriptExecution

from . import borgcall, timeline
from .models import BackupJob, Phase

SHOWN = 20  # lines of a step that is over
FOLLOWED = 200  # lines of the step that runs, when somebody comes to look
MOST_NEW = 1000  # lines in one answer
RUNS = "runs"
AFTERWARDS = {"prune": "borg prune", "compact": "borg compact", "check": "borg check"}
BAD_ENDS = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.INTERRUPTED)


@dataclass(frozen=True)
class Step:
    """`key` is e12 for execution 12, else borg, prune, compact or check."""

    key: str
    name: str
    path: Path
    state: str
    is_over: bool
    execution_id: int | None = None

    @property
    def is_bad(self) -> bool:
        return self.state in BAD_ENDS


@dataclass(frozen=True)
class Part:
    """A piece of a step's log. `skipped`: lines before it that are not shown here."""

    step: Step
    page: LogPage
    skipped: int = 0


@dataclass(frozen=True)
class News:
    """What came since a cursor: the rest of the step that was being read, the steps begun since, the next cursor."""

    rest: Part | None
    begun: list[Part]
    cursor: str
    has_ended: bool = False  # the step that was being read

    def __bool__(self) -> bool:
        return bool(self.begun or self.has_ended or (self.rest and self.rest.page.lines))


def steps(job: BackupJob, executions: Sequence[ScriptExecution]) -> list[Step]:
    """Those that have begun. The rows are read before the files: what is over by then has written everything."""
    found = [(one.started_at, one.pk, step_of(one)) for one in executions if one.started_at]
    for entry in job.phases:
        begun = datetime.fromisoformat(entry["started_at"])
        found += [(begun, 0, step) for step in borg_steps(job, entry["phase"], bool(entry["ended_at"]))]
    return [step for _, _, step in sorted(found, key=lambda one: one[:2])]


def step_of(one: ScriptExecution) -> Step:
    name = one.script_name if one.attempt == 1 else f"{one.script_name} (try {one.attempt})"
    return Step(f"e{one.pk}", name, path_of(one.pk), timeline.state_of(one), one.is_over, one.pk)


def path_of(execution_id: int) -> Path:
    return settings.LOGS_DIR / "executions" / f"{execution_id}.log"


def borg_steps(job: BackupJob, phase: str, ended: bool) -> list[Step]:
    if phase == Phase.BACKUP:
        state = timeline.state_of_borg(job)[0] if ended else ExecutionStatus.RUNNING
        return [Step("borg", timeline.NAMES[timeline.BORG], borgcall.log_path(job), state, ended)]
    if phase == Phase.MAINTENANCE:
        paths = {key: maintenance_path(job, key) for key in AFTERWARDS}
        state = timeline.state_of_maintenance(job)[0] if ended else ExecutionStatus.RUNNING
        return [Step(key, AFTERWARDS[key], path, state, ended) for key, path in paths.items() if path.exists()]
    return []


def maintenance_path(job: BackupJob, key: str) -> Path:
    return settings.LOGS_DIR / "jobs" / f"{job.pk}-{key}.log"


def overview(found: Sequence[Step]) -> News:
    """Every step: the end of its log, longer where it runs."""
    parts = [first_look(step) for step in found]
    return News(None, parts, cursor_after(parts[-1]) if parts else "")


def first_look(step: Step) -> Part:
    page = log_page.tail(step.path, SHOWN if step.is_over else FOLLOWED)
    return Part(step, page, page.first - 1)


def since(found: Sequence[Step], cursor: str) -> News:
    """What is new. A cursor that makes no sense is one from before the first step."""
    key, _, place = cursor.partition(":")
    offset, _, was = place.partition(":")
    at = next((index for index, step in enumerate(found) if step.key == key and offset.isdecimal()), -1)
    if at < 0:
        return overview(found)
    rest = read_on(found[at], int(offset[:15]))
    begun = [first_look(step) for step in found[at + 1 :]]
    return News(rest, begun, cursor_after(begun[-1] if begun else rest), was == RUNS and found[at].is_over)


def read_on(step: Step, offset: int) -> Part:
    """From the offset on; of a flood the last lines, and how many went by."""
    page = log_page.page(step.path, offset, MOST_NEW)
    if page.at_end:
        return Part(step, page)
    last = log_page.tail(step.path, FOLLOWED)
    return Part(step, last, max(0, last.first - page.first))


def cursor_after(part: Part) -> str:
    return f"{part.step.key}:{part.page.next_offset}:{'' if part.step.is_over else RUNS}"
