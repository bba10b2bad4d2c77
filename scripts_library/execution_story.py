"""What the page of an execution tells: how it ended, what it printed, what exactly ran, and its neighbours."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from borgui import log_page
from borgui.log_file import ERROR, OUTPUT, Line
from borgui.log_page import LogPage

from .models import ExecutionStatus, RepositoryScript, ScriptExecution

FLOOD = 5000  # lines on one page that is followed


@dataclass(frozen=True)
class Story:
    row: ScriptExecution
    page: LogPage
    begin: int  # the byte offset of the page
    excerpt: bool  # the log file is gone: this is what the row keeps
    siblings: list[ScriptExecution]
    raise_limit: RepositoryScript | None
    top: int  # the number of the first line on the reader's page
    is_followed: bool  # asked for by a page that follows

    @property
    def is_live(self) -> bool:
        return not self.row.is_over

    @property
    def follows(self) -> bool:
        """The page goes on reading by itself, until all is read or it has become too long for a page."""
        wants = self.is_live or (self.is_followed and self.has_more)
        return wants and self.page.next_number - self.top < FLOOD

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
    def is_current(self) -> bool:
        """The script still has the text that ran."""
        script, revision = self.row.script, self.row.revision
        return bool(script and revision and script.sha256 == revision.sha256)

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


def of(row: ScriptExecution, offset: int, top: int = 0) -> Story:
    """The row has been read before the file: what is over by then has written everything.

    `top` is given by a page that follows: the number of its first line.
    """
    path = path_of(row)
    is_gone = row.is_over and not path.exists() and bool(row.stdout or row.stderr)
    page = kept_in_row(row) if is_gone else log_page.page(path, offset)
    return Story(row, page, offset, is_gone, siblings_of(row), assignment_of(row), top or page.first, bool(top))


def kept_in_row(row: ScriptExecution) -> LogPage:
    texts = ((OUTPUT, row.stdout), (ERROR, row.stderr))
    lines = tuple(Line(0, stream, line) for stream, text in texts for line in text.splitlines())
    return LogPage(lines, 1, 0, at_end=True)


def siblings_of(row: ScriptExecution) -> list[ScriptExecution]:
    """All executions of its job or test run, in the order of the chain."""
    if row.backup_job_id:
        rows = ScriptExecution.objects.filter(backup_job_id=row.backup_job_id)
    elif row.test_run_id:
        rows = ScriptExecution.objects.filter(test_run_id=row.test_run_id)
    else:
        return []
    return list(rows.in_order().only("id", "script_name", "status", "hook_type", "position", "attempt"))


def assignment_of(row: ScriptExecution) -> RepositoryScript | None:
    """Where its time limit can be raised, once it was stopped at it."""
    if row.status != ExecutionStatus.TIMED_OUT or not row.assignment_id:
        return None
    return RepositoryScript.objects.filter(pk=row.assignment_id).first()
