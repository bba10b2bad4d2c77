"""Following a job from a terminal: phases and script output as they come, the verdicts and the timeline at the end."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from borgui import ansi, transcript
from scripts_library.models import ExecutionStatus, ScriptExecution

from . import verdicts, words
from .models import BackupJob, JobStatus

LOOK = 0.25  # seconds
STATES = {
    ExecutionStatus.SUCCEEDED: "ok",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMED_OUT: "took too long",
    ExecutionStatus.CANCELLED: "cancelled",
    ExecutionStatus.INTERRUPTED: "cut off",
    ExecutionStatus.NOT_RUN: "did not run",
}


@dataclass
class Follower:
    """Prints what is new about one job each time `look` is called; `say` prints one line."""

    job_id: int
    say: Callable[[str], None]
    _phases: int = 0
    _message: str = ""
    _offsets: dict[int, int] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)

    def follow(self, keep_going: Callable[[BackupJob], object] = lambda job: None) -> BackupJob:
        """Until the job is over. `keep_going(job)` is called at each look, and may raise to end the following."""
        while True:
            job = BackupJob.objects.select_related("repository").get(pk=self.job_id)
            self.look(job)
            if job.is_over and not job.phase:
                return job
            keep_going(job)
            time.sleep(LOOK)

    def look(self, job: BackupJob) -> None:
        if job.status == JobStatus.QUEUED and job.message != self._message:
            self._message = job.message
            self.say(job.message)
        rows = list(job.executions.exclude(status=ExecutionStatus.PLANNED).defer("stdout", "stderr").in_order())
        for number, entry in enumerate(job.phases):
            if number >= self._phases:
                self._phases = number + 1
                self.say(f"== {entry['phase']}")
            for row in rows:
                if row.hook_type == entry["phase"]:
                    self.look_at(row)

    def look_at(self, row: ScriptExecution) -> None:
        """New lines of a script's log, and how it ended."""
        if row.pk in self._ended:
            return
        if row.pk not in self._offsets and row.status != ExecutionStatus.NOT_RUN:
            self._offsets[row.pk] = 0
            self.say(f"-- {row.script_name}" + (f" (attempt {row.attempt})" if row.attempt > 1 else ""))
        self.print_log(row)
        if row.is_over:
            self._ended.add(row.pk)
            self.say(f"   {row.script_name}: {STATES[ExecutionStatus(row.status)]}{why(row)}")

    def print_log(self, row: ScriptExecution) -> None:
        if row.pk not in self._offsets:
            return
        while True:
            page = transcript.read(settings.LOGS_DIR / "executions" / f"{row.pk}.log", self._offsets[row.pk])
            for line in page.lines:
                self.say(f"   {'!' if line.stream == 'e' else '|'} {ansi.plain(line.text)}")
            if page.next_offset == self._offsets[row.pk]:
                return
            self._offsets[row.pk] = page.next_offset


def why(row: ScriptExecution) -> str:
    return f" - {row.error_message}" if row.error_message else ""


def summary(job: BackupJob) -> Iterator[str]:
    """Both verdicts, what happened, and one line per script and phase on a common clock."""
    rows = list(job.executions.in_order())
    yield ""
    yield f"{job.repository.name}: {job.status}"
    yield f"  Data:     {data_words(job)}"
    yield f"  Services: {services_words(job, rows)}"
    for line in job.message.splitlines():
        yield f"  {line}"
    yield ""
    yield from timeline(job, rows)


def data_words(job: BackupJob) -> str:
    files = "" if job.archive_files is None else f", {job.archive_files} files"
    return {
        "good": f"good - archive {job.archive_name}{files}",
        "good_with_warnings": f"good, with warnings - archive {job.archive_name}{files}",
        "none": "no archive was made" if job.archive_files is None else "the archive is empty",
    }.get(job.data or "", "not known")


def services_words(job: BackupJob, rows: list[ScriptExecution]) -> str:
    downtimes = verdicts.downtime_of(rows, timezone.now())
    was_down = "; ".join(was(entry) for entry in downtimes)
    return {
        "up": f"running again - {was_down}",
        "interrupted": f"may still be stopped - {was_down}",
        "broken_promise": f"a promise is broken - {was_down or 'see below'}",
        "untouched": "nothing was stopped",
    }[job.services]


def was(entry: verdicts.Downtime) -> str:
    return words.still_down(entry.name) if entry.still_down else words.down(entry.name, entry.seconds)


def timeline(job: BackupJob, rows: list[ScriptExecution]) -> Iterator[str]:
    begun = job.started_at or job.created_at
    entries = [(row.started_at, f"  {row.script_name}", row) for row in rows if row.started_at]
    points = [(datetime.fromisoformat(one["started_at"]), one["phase"], None) for one in job.phases]
    for moment, name, row in sorted([*points, *entries], key=lambda point: (point[0], point[2] is not None)):
        at = f"{(moment - begun).total_seconds():8.2f} s"
        length = (
            f"{row.execution_time or 0:7.2f} s  {STATES.get(ExecutionStatus(row.status), row.status)}" if row else ""
        )
        yield f"{at}  {name:<42} {length}".rstrip()
    for row in rows:
        if not row.started_at:
            yield f"{'-':>8}    {'  ' + row.script_name:<42} {'':>9}  {row.error_message}"
