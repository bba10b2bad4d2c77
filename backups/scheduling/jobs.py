"""The beginning of a schedule's run: its backups are queued, in order, and its address is pinged."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from backups import queue, schedule_runs
from backups.models import BackupJob, JobStatus, PingKind, Repository, ScheduledRepository, ScheduleRun
from scripts_library.models import TriggeredBy


def begin(runs: Sequence[ScheduleRun], now: datetime, **by: Any) -> list[BackupJob]:
    """Save new runs and queue their backups, in order; `by`: who, where it is not the schedule itself.

    A repository that was deleted, or whose backup of the same schedule still waits, is left out; the run says so.
    """
    ids = [run.scheduled_job_id for run in runs]
    members, waiting = members_of(ids), waiting_of(ids)
    chosen = []
    for run in runs:
        wanted = [one for one in members.get(run.scheduled_job_id, []) if one.deleted_at is None]
        queued = [one for one in wanted if (run.scheduled_job_id, one.pk) not in waiting]
        run.message = " ".join(filter(None, [run.message, *left_out(members.get(run.scheduled_job_id, []), queued)]))
        run.ended_at = None if queued else now
        chosen.append(queued)
    saved = ScheduleRun.objects.bulk_create(runs)
    jobs = [new_job(run, one, by) for run, repositories in zip(saved, chosen, strict=True) for one in repositories]
    schedule_runs.ping([run for run, repositories in zip(saved, chosen, strict=True) if repositories], PingKind.START)
    return BackupJob.objects.bulk_create(jobs)


def new_job(run: ScheduleRun, repository: Repository, by: Mapping[str, Any]) -> BackupJob:
    schedule = run.scheduled_job
    asked = {
        "prune": schedule.prune_after,
        "compact": schedule.compact_after,
        "check_every_days": schedule.check_every_days,
    }
    options = {"triggered_by": TriggeredBy.SCHEDULE, "schedule_run": run, "asked_maintenance": asked, **by}
    return queue.new_job(repository.pk, **options)


def members_of(schedule_ids: Iterable[int]) -> dict[int, list[Repository]]:
    """The repositories of each schedule, in order; deleted ones too."""
    found: dict[int, list[Repository]] = {}
    rows = ScheduledRepository.objects.filter(scheduled_job__in=schedule_ids).select_related("repository")
    for member in rows.only("scheduled_job_id", "repository__name", "repository__deleted_at").order_by("position"):
        found.setdefault(member.scheduled_job_id, []).append(member.repository)
    return found


def waiting_of(schedule_ids: Iterable[int]) -> set[tuple[int, int]]:
    """(schedule, repository) of each backup of these schedules that has not begun."""
    jobs = BackupJob.objects.filter(status=JobStatus.QUEUED, schedule_run__scheduled_job__in=schedule_ids)
    return set(jobs.values_list("schedule_run__scheduled_job_id", "repository_id"))


def left_out(members: Sequence[Repository], queued: Sequence[Repository]) -> list[str]:
    """Why each of the others was not queued."""
    if not members:
        return ["Nothing was queued: it has no repositories."]
    deleted = [one.name for one in members if one.deleted_at]
    still = [one.name for one in members if not one.deleted_at and one not in queued]
    return [
        *(f"'{name}' was deleted." for name in deleted),
        *(f"'{name}' was not queued again: its last backup of this schedule still waits." for name in still),
    ]
