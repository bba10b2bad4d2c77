"""What the feed says of a backup, a test run, or a due time that nothing came of, in half a line."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from backups.models import BackupJob, JobStatus, Phase, ScheduleRun
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution

from .page import LIVE, is_live
from .phrases import day, lines

SAID_ALREADY = re.compile(r"(?:Not b|B)acked up[.:]\s*")
WHEN = {Hook.PRE: "before the backup", Hook.POST: "after the backup"}
BAD = {
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMED_OUT: "took too long",
    ExecutionStatus.INTERRUPTED: "cut off",
    ExecutionStatus.CANCELLED: "cancelled",
    ExecutionStatus.NOT_RUN: "did not run",
}


def job(row: BackupJob) -> str:
    """What its state, which stands beside it, does not say yet."""
    if is_live(row):
        return LIVE[Phase(row.phase)] if row.phase else row.message
    first = row.message.partition("\n")[0]
    return SAID_ALREADY.sub("", first, count=1)


def test_run(rows: Sequence[ScriptExecution]) -> str:
    """For what it was tried, and what went wrong."""
    first = rows[0]
    values = f"With the values of '{first.repository.name}'." if first.repository else "With sample values."
    return lines(f"Tried {tried(rows)}.", values, first_line(next((row for row in rows if row.error_message), None)))


def tried(rows: Sequence[ScriptExecution]) -> str:
    hooks = {row.hook_type for row in rows}
    return "as a pair" if len(hooks) > 1 else f"as {WHEN[Hook(rows[0].hook_type)]}"


def missed(row: ScheduleRun, now: datetime) -> str:
    return row.message or f"It was due {day(row.due_at, now)}, and nothing was backed up."


def scripts(rows: Sequence[ScriptExecution]) -> str:
    """3 scripts, 1 failed. A script that was tried again counts once, as it ended."""
    last = {(row.hook_type, row.position): row.status for row in sorted(rows, key=lambda row: (row.attempt, row.pk))}
    counts = Counter(BAD[ExecutionStatus(status)] for status in last.values() if status in BAD)
    begin = "1 script" if len(last) == 1 else f"{len(last)} scripts"
    return ", ".join([begin, *(f"{count} {word}" for word, count in counts.items())])


def inside(jobs: Sequence[BackupJob], rows: Sequence[ScriptExecution]) -> str:
    """5 backups, 1 not backed up; 2 scripts. Without backups only the scripts."""
    if not jobs:
        return scripts(rows)
    bad = sum(job.status in (JobStatus.FAILURE, JobStatus.SKIPPED, JobStatus.CANCELLED) for job in jobs)
    begin = "1 backup" if len(jobs) == 1 else f"{len(jobs)} backups"
    told = f"{begin}, {bad} not backed up" if bad else begin
    return f"{told}; {scripts(rows)}" if rows else told


def reason(row: ScriptExecution) -> str:
    """Why it ended badly or did not run."""
    return first_line(row) if row.status in BAD else ""


def first_line(row: ScriptExecution | None) -> str:
    return row.error_message.partition("\n")[0] if row else ""
