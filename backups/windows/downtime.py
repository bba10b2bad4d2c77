"""How long a window kept things down, and how much longer one interruption per backup would have (section 13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from backups.models import BackupJob, Phase, WindowRun
from backups.verdicts import Downtime
from backups.verdicts import downtime_of as of_rows
from scripts_library.models import ExecutionStatus, Hook, ScriptExecution


@dataclass(frozen=True)
class Saved:
    """Of one thing: `alone` is its downtime if each backup had stopped and started it by itself. Seconds."""

    name: str
    down: float
    alone: float

    @property
    def seconds(self) -> float:
        return max(self.alone - self.down, 0.0)


def downtime_of(run: WindowRun, now: datetime | None = None) -> list[Downtime]:
    return of_rows(list(run.executions.in_order().defer("stdout", "stderr", "parameters")), now or timezone.now())


def saved_downtime(run: WindowRun) -> float:
    """Seconds, of the thing for which it saved most; 0 where nothing was stopped or there was one backup only."""
    return saved_of(list(run.executions.in_order().defer("stdout", "stderr", "parameters")), list(run.jobs.all()))


def saved_of(rows: Sequence[ScriptExecution], jobs: Sequence[BackupJob]) -> float:
    return max((one.seconds for one in saved_by_thing(rows, jobs)), default=0.0)


def saved_by_thing(rows: Sequence[ScriptExecution], jobs: Sequence[BackupJob]) -> list[Saved]:
    """What is up again already: each backup alone would have been a stop, its own time, and a start."""
    backed_up = [seconds for job in jobs if (seconds := busy_seconds(job)) is not None]
    downs = [one for one in of_rows(rows, timezone.now()) if not one.still_down]
    return [
        Saved(one.name, one.seconds, sum(backed_up) + len(backed_up) * around(rows, one.name))
        for one in downs
        if backed_up
    ]


def busy_seconds(job: BackupJob) -> float | None:
    """From the claim to the end of the scripts after the backup; None where borg was not reached."""
    ends = [entry["ended_at"] for entry in job.phases if entry["phase"] != Phase.MAINTENANCE and entry["ended_at"]]
    reached = any(entry["phase"] == Phase.BACKUP for entry in job.phases)
    if not reached or job.started_at is None or not ends:
        return None
    return max((datetime.fromisoformat(max(ends)) - job.started_at).total_seconds(), 0.0)


def around(rows: Sequence[ScriptExecution], thing: str) -> float:
    """How long the thing is down by stopping and starting alone: from its stop to the end of the scripts before the
    backups, and from the first script after them to its start."""
    before = [row for row in rows if row.hook_type == Hook.PRE and row.started_at and row.completed_at]
    after = [row for row in rows if row.hook_type == Hook.POST and row.started_at and row.completed_at]
    stops = [row.started_at for row in before if row.interrupts == thing and row.started_at]
    starts = [
        row.completed_at
        for row in after
        if row.interrupts == thing and row.status == ExecutionStatus.SUCCEEDED and row.completed_at
    ]
    begun = [row.started_at for row in after if row.started_at]
    stopping = max((row.completed_at for row in before if row.completed_at), default=None)
    seconds = 0.0
    if stops and stopping:
        seconds += max((stopping - min(stops)).total_seconds(), 0.0)
    if starts and begun:
        seconds += max((max(starts) - min(begun)).total_seconds(), 0.0)
    return seconds
