"""The backups of a window's run: which and in which order, and what becomes of those that did not begin."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backups import queue, schedule_runs
from backups.models import BackupJob, Data, JobStatus, PingKind, RunStatus, ScheduledJob, ScheduleRun, WindowRun
from backups.scheduling.jobs import members_of
from backups.scheduling.turns import PAUSED
from scripts_library.models import TriggeredBy


def schedules_of(run: WindowRun) -> list[ScheduledJob]:
    """The enabled scheduled jobs of its window, in order."""
    found = ScheduledJob.objects.filter(maintenance_window=run.window_id, enabled=True)
    return list(found.defer("ping_url").order_by("id"))


def repositories_of(run: WindowRun, now: datetime) -> list[int]:
    """The ids of what it is to back up, in order, each once."""
    awake = [one.pk for one in schedules_of(run) if not one.is_paused(now)]
    members = members_of(awake)
    found = (one.pk for pk in awake for one in members.get(pk, []) if one.deleted_at is None)
    return list(dict.fromkeys(found))


@dataclass
class Plan:
    """The jobs of one run as they are found: a repository that several scheduled jobs name is backed up once."""

    run: WindowRun
    runs: list[ScheduleRun] = field(default_factory=list)
    jobs: dict[int, BackupJob] = field(default_factory=dict)

    def add(self, repository_id: int, of: ScheduleRun) -> None:
        asked, known = asked_by(of.scheduled_job), self.jobs.get(repository_id)
        if known is not None:
            known.asked_maintenance = both(known.asked_maintenance, asked)
            return
        job = queue.new_job(
            repository_id,
            triggered_by=TriggeredBy.WINDOW,
            schedule_run=of,
            asked_maintenance=asked,
            window_run=self.run,
            window_position=len(self.jobs),
        )
        job.triggered_by_user_id = self.run.triggered_by_user_id
        job.message = f"Waiting for its turn in the window '{self.run.window_name}'."
        self.jobs[repository_id] = job


def create(run: WindowRun, now: datetime) -> list[BackupJob]:
    """Save the queued jobs of a run, with a run of each of its scheduled jobs. Inside the transaction of the claim."""
    plan, schedules = Plan(run), schedules_of(run)
    members = members_of([one.pk for one in schedules])
    for schedule in schedules:
        status, message = (RunStatus.PAUSED, PAUSED) if schedule.is_paused(now) else (RunStatus.QUEUED, "")
        of = schedule.run_of(now, status, message)
        plan.runs.append(of)
        for repository in members.get(schedule.pk, []) if status == RunStatus.QUEUED else []:
            if repository.deleted_at is None:
                plan.add(repository.pk, of)
    with_jobs = [job.schedule_run for job in plan.jobs.values()]
    for of in plan.runs:
        of.ended_at = None if of in with_jobs else now
    ScheduleRun.objects.bulk_create(plan.runs)
    started = [of for of in plan.runs if any(of is one for one in with_jobs)]
    ScheduledJob.objects.filter(pk__in=[of.scheduled_job_id for of in started]).update(last_run=now)
    schedule_runs.ping(started, PingKind.START)
    return BackupJob.objects.bulk_create(plan.jobs.values())


def asked_by(schedule: ScheduledJob) -> dict[str, Any]:
    return {
        "prune": schedule.prune_after,
        "compact": schedule.compact_after,
        "check_every_days": schedule.check_every_days,
    }


def both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What two scheduled jobs ask for together."""
    days = [asked["check_every_days"] for asked in (one, other) if asked["check_every_days"]]
    return {
        "prune": one["prune"] or other["prune"],
        "compact": one["compact"] or other["compact"],
        "check_every_days": min(days, default=None),
    }


def leave_out(jobs: Iterable[BackupJob], status: str, message: str, now: datetime) -> int:
    """Jobs that do not begin any more end with this status and nobody is told of each; how many. In a transaction."""
    count = 0
    for job in jobs:
        fields = {"status": status, "outcome": status, "data": Data.NONE, "completed_at": now, "message": message}
        if BackupJob.objects.filter(pk=job.pk, status=JobStatus.QUEUED).update(**fields):
            count += 1
            schedule_runs.ended(job, now)
    return count
