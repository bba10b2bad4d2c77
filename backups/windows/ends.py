"""Why no further backup of a window begins, and the outcome that follows from it (behaviour.md, sections 3, 6, 7 and 13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from django.utils import timezone

from backups import words
from backups.models import BackupJob, JobStatus, WindowRun
from scripts_library.chain import PreVerdict
from scripts_library.models import Outcome
from scripts_library.running import Stop

WORST = [Outcome.SKIPPED, Outcome.SUCCESS, Outcome.WARNING, Outcome.CANCELLED, Outcome.FAILURE]  # the last one


@dataclass(frozen=True)
class End:
    """Why no further backup begins: how those end that have not begun, and what that means for the window.

    `outcome`: at least, where one was left out (`always`: anyway). `reason` of a `Stop`, else ''.
    """

    job_status: str
    job_message: str
    outcome: str
    message: str
    always: bool = False
    reason: str = ""

    @classmethod
    def not_opened(cls, run: WindowRun, verdict: PreVerdict) -> Self:
        said = f"The window '{run.window_name}' did not open. {verdict.message}"
        begin = {Outcome.FAILURE: "Not backed up. ", Outcome.SKIPPED: "Not today. "}.get(Outcome(verdict.outcome), "")
        return cls(verdict.outcome, f"{begin}{said}", verdict.outcome, verdict.message, always=True)

    @classmethod
    def cancelled(cls, run: WindowRun) -> Self:
        who = run.cancel_requested_by.get_username() if run.cancel_requested_by else "a person"
        said = (
            f"The window '{run.window_name}' was stopped by {who} before this backup began. Nothing was stopped for it."
        )
        return cls(JobStatus.CANCELLED, said, Outcome.CANCELLED, f"Stopped by {who}.", True, Stop.CANCELLED)

    @classmethod
    def shutdown(cls) -> Self:
        said = Stop.SHUTDOWN.sentence
        return cls(JobStatus.SKIPPED, f"Not begun. {said}", Outcome.FAILURE, said, reason=Stop.SHUTDOWN)

    @classmethod
    def lost(cls, run: WindowRun) -> Self:
        when = f"{timezone.localtime(run.lost_at):%H:%M}" if run.lost_at else "some time"
        said = f"The window stopped during {run.phase} (noticed at {when})."
        return cls(
            JobStatus.SKIPPED, f"Not begun: the window '{run.window_name}' was cut off before.", Outcome.FAILURE, said
        )

    @classmethod
    def too_long(cls, run: WindowRun) -> Self:
        said = f"had been open for as long as it may ({words.duration(run.max_duration)})."
        return cls(
            JobStatus.SKIPPED,
            f"Not begun: the window '{run.window_name}' {said}",
            Outcome.WARNING,
            f"The window {said}",
        )

    @classmethod
    def of_fault(cls, what: str) -> Self:
        return cls(JobStatus.SKIPPED, f"Not begun: {what}", Outcome.FAILURE, what)


@dataclass(frozen=True)
class Ending:
    """How the backups of a window ended: BACKUP_STATUS of its scripts, and what its row says."""

    outcome: str
    message: str


def ending_of(jobs: Sequence[BackupJob], verdict: PreVerdict, end: End | None) -> Ending:
    """The worst outcome of the jobs, and of what kept some of them from beginning; skipped, where all of them were."""
    found = [job.outcome for job in jobs if job.outcome] + [verdict.outcome] * bool(verdict.outcome)
    left_out = [job for job in jobs if is_left_out(job, end)]
    counts = end is not None and (end.always or bool(left_out))
    said = [verdict.message]
    if end is not None and counts:
        found.append(end.outcome)
        said.append(end.message)
    if left_out and end is not None and not end.always:
        said.append(f"{len(left_out)} of {counted(len(jobs))} did not begin.")
    failed = [f"'{job.repository.name}'" for job in jobs if job.outcome == Outcome.FAILURE and job.started_at]
    if failed:
        said.append(f"Not backed up: {', '.join(failed)}.")
    outcome = max(found, key=lambda one: WORST.index(Outcome(one)), default=Outcome.SUCCESS)
    if end is not None and end.reason == Stop.CANCELLED:
        outcome = Outcome.CANCELLED
    return Ending(outcome, "\n".join(dict.fromkeys(filter(None, said))))


def is_left_out(job: BackupJob, end: End | None) -> bool:
    """It has not begun, because no further one begins; a person may have cancelled it before that by itself."""
    return end is not None and job.started_at is None and job.status in (end.job_status, JobStatus.QUEUED)


def counted(count: int) -> str:
    return "1 backup" if count == 1 else f"{count} backups"
