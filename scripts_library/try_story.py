"""What a person sees of a test run while it runs: its parts, the output of one after the other, and the last tries.

The page asks again with a cursor, and gets what is new since then.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils import timezone

from borgui import log_page
from borgui.log_page import LogPage

from .execution_story import path_of
from .models import ExecutionStatus, Script, ScriptExecution
from .testruns import rows_of

LATEST = 5  # tries that the panel lists
NOTHING = LogPage((), 1, 0, at_end=True)
WORST_FIRST: list[str] = [
    ExecutionStatus.RUNNING, ExecutionStatus.PLANNED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT,
    ExecutionStatus.INTERRUPTED, ExecutionStatus.CANCELLED, ExecutionStatus.NOT_RUN, ExecutionStatus.SUCCEEDED,
]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One execution of a test run and the output that has not been shown yet. `is_new`: the reader has not heard of it;
    `has_changed`: its state is another one than the reader knows."""

    row: ScriptExecution
    page: LogPage
    is_new: bool = False
    has_changed: bool = False

    @property
    def prefix(self) -> str:
        """Before the numbers of its lines, for a page has the output of several."""
        return f"t{self.row.pk}-"

    @property
    def seconds_left(self) -> int:
        """Of the pause before it; 0 for none."""
        row = self.row
        if row.status != ExecutionStatus.PLANNED or not row.not_before or row.attempt > 1:
            return 0
        return max(0, round((row.not_before - timezone.now()).total_seconds()))


@dataclass(frozen=True)
class Story:
    """A test run from a cursor on. `state` tells the parts as they are; the reader sends it back."""

    first: ScriptExecution
    parts: list[Part] = field(default_factory=list)
    reading: int = 0  # the part whose output goes on
    offset: int = 0  # bytes of it that have been read

    @property
    def is_live(self) -> bool:
        return any(not part.row.is_over for part in self.parts) or any(not part.page.at_end for part in self.parts)

    @property
    def has_news(self) -> bool:
        return not self.is_live or any(part.has_changed or part.page.lines for part in self.parts)

    @property
    def state(self) -> str:
        return "~".join(state_of(part.row) for part in self.parts)

    @property
    def last(self) -> ScriptExecution:
        return self.parts[-1].row


def state_of(row: ScriptExecution) -> str:
    """All by which the head of a part may look different."""
    stop = "s" if row.cancel_requested_at else ""
    pause = int(row.not_before.timestamp()) if row.not_before else ""
    return f"{row.pk}.{row.status}.{stop}{pause}"


def story(first: ScriptExecution, known: str = "", reading: int = 0, offset: int = 0) -> Story:
    """From a cursor on: the state that the reader knows, the number of the part that is being read, bytes read of it.

    The rows are read before the files: what is over by then has written everything.
    """
    seen = dict(one.split(".", 1) for one in known.split("~") if "." in one)
    parts = []
    for number, row in enumerate(rows_of(first.pk)):
        state, pk = state_of(row).split(".", 1)[1], str(row.pk)
        page = NOTHING
        if number >= reading and row.started_at:
            page = log_page.page(path_of(row), offset if number == reading else 0)
        parts.append(Part(row, page, pk not in seen, seen.get(pk) != state))
    return _with_cursor(Story(first, parts, reading, offset))


def _with_cursor(told: Story) -> Story:
    """The cursor stands in the last part that has begun; what is over and read to its end is left behind."""
    reading, offset = told.reading, told.offset
    for number, part in enumerate(told.parts):
        if number >= told.reading and part.row.started_at:
            reading, offset = number, part.page.next_offset
            if not part.page.at_end or not part.row.is_over:
                break
    return Story(told.first, told.parts[: reading + 1] + _unread(told.parts[reading + 1 :]), reading, offset)


def _unread(parts: Iterable[Part]) -> list[Part]:
    """Parts whose output has not its turn yet."""
    return [Part(part.row, NOTHING, part.is_new, part.has_changed) for part in parts]


@dataclass(frozen=True)
class Tried:
    """One of the last tries. `status`: that of the part which ended worst, or of the one that is not over."""

    first: ScriptExecution
    status: str


def latest(script: Script) -> list[Tried]:
    """The last tries, newest first."""
    tried = script.executions.filter(test_run_id__isnull=False, position=0, attempt=1)
    firsts = list(tried.select_related("repository").order_by("-id").defer("stdout", "stderr", "parameters")[:LATEST])
    parts: dict[int, dict[int, str]] = {row.pk: {} for row in firsts}
    rows = ScriptExecution.objects.filter(test_run_id__in=parts).order_by("attempt")
    for pk, position, status in rows.values_list("test_run_id", "position", "status"):
        parts[pk or 0][position] = status  # the last attempt decides
    return [Tried(row, summary(list(parts[row.pk].values()))) for row in firsts]


def summary(statuses: list[str]) -> str:
    """One word for the parts of a try. While one is to come yet, a try that has begun is running."""
    worst = min(statuses, key=WORST_FIRST.index)
    has_begun = any(status != ExecutionStatus.PLANNED for status in statuses)
    return ExecutionStatus.RUNNING if worst == ExecutionStatus.PLANNED and has_begun else worst


def unfinished(script: Script) -> ScriptExecution | None:
    """The first execution of a try that is not over, the newest."""
    rows = script.executions.filter(test_run_id__isnull=False).unfinished()
    ids = rows.order_by("-id").values_list("test_run_id", flat=True)[:1]
    return ScriptExecution.objects.filter(pk__in=[pk for pk in ids if pk]).first()
