"""What the page of an execution tells: how it ended, what it printed, what exactly ran, and its neighbours."""

from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings

from borgui import log_page, log_search
from borgui.log_file import ERROR, OUTPUT, Line
from borgui.log_page import LogPage

from . import links, owners, testruns
from .manifest import Manifest
from .models import Assignment, ExecutionStatus, Hook, RepositoryScript, ScriptExecution, WindowScript
from .owners import Owner

FLOOD = 5000  # lines on one page that is followed
ABOVE = 5  # lines that are shown above one that was searched for


@dataclass(frozen=True)
class Again:
    """What "Try again" does. `by_job`, `by_run`: the scripts after that backup, or after that opening of a window, are run
    again, because a promise of it is broken; else a test run. `stops`: what that really interrupts. `stays_down`: nothing
    in it starts that again."""

    by_job: int | None = None
    by_run: int | None = None
    stops: str = ""
    stays_down: bool = False
    repository: str = ""
    is_changed: bool = False

    @property
    def is_by_hand(self) -> bool:
        """Scripts after backups run again, rather than one alone as a test."""
        return self.by_job is not None or self.by_run is not None


@dataclass(frozen=True)
class Found:
    """What was searched for in the output. `hit` counts from 1; `number` is its line, 0 where nothing was found."""

    words: str
    count: int
    is_more: bool
    hit: int
    number: int

    @property
    def previous(self) -> int:
        """0 for none."""
        return self.hit - 1

    @property
    def next(self) -> int:
        return self.hit + 1 if self.hit < self.count else 0


@dataclass(frozen=True)
class Story:
    row: ScriptExecution
    page: LogPage
    begin: int  # the byte offset of the page
    excerpt: bool  # the log file is gone: this is what the row keeps
    siblings: list[ScriptExecution]
    raise_limit: Assignment | None
    top: int  # the number of the first line on the reader's page
    is_followed: bool  # asked for by a page that follows
    again: Again | None
    found: Found | None = None

    @property
    def is_live(self) -> bool:
        return not self.row.is_over

    @property
    def follows(self) -> bool:
        """The page goes on reading by itself, until all is read or it has become too long for a page."""
        wants = self.is_live or (self.is_followed and self.has_more)
        return wants and not self.found and self.page.next_number - self.top < FLOOD

    @property
    def has_more(self) -> bool:
        return not self.page.at_end

    @property
    def values(self) -> list[tuple[str, str]]:
        """The parameters with which it ran, secrets masked."""
        secret = set(self.row.secret_names)
        values = self.row.parameters.items()
        return [(name, "***" if name in secret and value else str(value)) for name, value in values]

    @property
    def raise_limit_of(self) -> Owner | None:
        return owners.of(self.raise_limit) if self.raise_limit else None

    @property
    def raise_limit_at(self) -> str:
        """The name of the address of that assignment."""
        return "window-script" if isinstance(self.raise_limit, WindowScript) else "assignment"

    @property
    def is_current(self) -> bool:
        """The script still has the text that ran."""
        return has_same_text(self.row)

    @property
    def before(self) -> ScriptExecution | None:
        return self._neighbour(-1)

    @property
    def after(self) -> ScriptExecution | None:
        return self._neighbour(+1)

    def _neighbour(self, step: int) -> ScriptExecution | None:
        ids = [one.pk for one in self.siblings]
        at = ids.index(self.row.pk) + step if self.row.pk in ids else -1
        return self.siblings[at] if 0 <= at < len(ids) else None


def path_of(row: ScriptExecution) -> Path:
    return settings.LOGS_DIR / "executions" / f"{row.pk}.log"


def searched(row: ScriptExecution, words: str, hit: int) -> Story:
    """From a little above the line with the hit on; from the first line on where there is none."""
    path = path_of(row)
    hits = log_search.search(path, words)
    hit = min(max(hit, 1), len(hits.numbers))
    number = hits.numbers[hit - 1] if hits.numbers else 0
    offset = log_search.offset_of(path, max(1, number - ABOVE))
    return replace(of(row, offset), found=Found(words, len(hits.numbers), hits.is_more, hit, number))


def of(row: ScriptExecution, offset: int, top: int = 0) -> Story:
    """The row has been read before the file: what is over by then has written everything.

    `top` is given by a page that follows: the number of its first line.
    """
    path = path_of(row)
    is_gone = row.is_over and not path.exists() and bool(row.stdout or row.stderr)
    page = kept_in_row(row) if is_gone else log_page.page(path, offset)
    return Story(
        row, page, offset, is_gone, siblings_of(row), assignment_of(row), top or page.first, bool(top), again_of(row)
    )


def has_same_text(row: ScriptExecution) -> bool:
    return bool(row.script and row.revision and row.script.sha256 == row.revision.sha256)


# --- trying it again --------------------------------------------------------------------------------------------------
def again_of(row: ScriptExecution) -> Again | None:
    """None where there is nothing to be tried: it runs still, its script or its repository is gone, or it would disturb
    a backup that is not over."""
    work, repository = row.backup_job or row.window_run, row.repository
    if not row.is_over or (repository and repository.deleted_at) or (work and (not work.is_over or work.phase)):
        return None
    if work and row.hook_type == Hook.POST and work.broken_promises.open().exists():
        return Again(by_job=row.backup_job_id, by_run=row.window_run_id)
    if row.script is None or row.script.deleted_at:
        return None
    manifest = Manifest.from_dict(row.script.manifest)
    values = row.parameters if isinstance(row.parameters, dict) else {}
    return Again(
        stops=links.interrupted(manifest, values, row.secret_names),
        stays_down=row.hook_type == Hook.PRE and not testruns.is_pair(row),
        repository=repository.name if repository else "",
        is_changed=not has_same_text(row),
    )


def kept_in_row(row: ScriptExecution) -> LogPage:
    texts = ((OUTPUT, row.stdout), (ERROR, row.stderr))
    lines = tuple(Line(0, stream, line) for stream, text in texts for line in text.splitlines())
    return LogPage(lines, 1, 0, at_end=True)


def siblings_of(row: ScriptExecution) -> list[ScriptExecution]:
    """All executions of its job or test run, in the order of the chain."""
    if row.backup_job_id:
        rows = ScriptExecution.objects.filter(backup_job_id=row.backup_job_id)
    elif row.window_run_id:
        rows = ScriptExecution.objects.filter(window_run_id=row.window_run_id)
    elif row.test_run_id:
        rows = ScriptExecution.objects.filter(test_run_id=row.test_run_id)
    else:
        return []
    return list(rows.in_order().only("id", "script_name", "status", "hook_type", "position", "attempt"))


def assignment_of(row: ScriptExecution) -> Assignment | None:
    """Where its time limit can be raised, once it was stopped at it."""
    if row.status != ExecutionStatus.TIMED_OUT or not row.assignment_id:
        return None
    model = WindowScript if row.window_run_id else RepositoryScript
    found: Assignment | None = model._default_manager.filter(pk=row.assignment_id).first()
    return found
