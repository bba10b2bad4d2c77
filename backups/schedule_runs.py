"""The end of a schedule's run: when the last of its backups is over, so is the run, and its address is pinged.

Everything here happens inside the transaction of what it records; pings are rows that others send.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from .models import BackupJob, JobStatus, Ping, PingKind, RunStatus, ScheduledJob, ScheduleRun

GOOD = (JobStatus.SUCCESS, JobStatus.WARNING, JobStatus.SKIPPED)
SETTLING = timedelta(minutes=1)


def ended(job: BackupJob, now: datetime | None = None) -> None:
    """A job is over; with the last one of a schedule's run that is over too. Inside the transaction of its end."""
    if job.schedule_run_id is None:
        return
    if not BackupJob.objects.unfinished().filter(schedule_run=job.schedule_run_id).exclude(pk=job.pk).exists():
        end(job.schedule_run_id, now or timezone.now())


def end_left_over(now: datetime) -> None:
    """Runs whose last two jobs ended at the same moment, each believing that the other still ran."""
    jobs = BackupJob.objects.unfinished().filter(schedule_run=OuterRef("pk"))
    opened = ScheduleRun.objects.filter(ended_at=None, status=RunStatus.QUEUED, created_at__lt=now - SETTLING)
    for pk in list(opened.filter(~Exists(jobs)).values_list("pk", flat=True)):
        with transaction.atomic():
            end(pk, now)


def end(run_id: int, now: datetime) -> None:
    """Once, however many ask."""
    if not ScheduleRun.objects.filter(pk=run_id, ended_at=None).update(ended_at=now):
        return
    jobs = BackupJob.objects.filter(schedule_run=run_id).select_related("repository").order_by("id")
    states = [(job.repository.name, job.status) for job in jobs.only("status", "repository__name")]
    if states:
        is_good = all(status in GOOD for _, status in states)
        text = "\n".join(f"{name}: {JobStatus(status).label.lower()}" for name, status in states)
        runs = ScheduleRun.objects.filter(pk=run_id)
        ping(list(runs), PingKind.SUCCESS if is_good else PingKind.FAILURE, text)


def ping(runs: Sequence[ScheduleRun], kind: str, text: str = "") -> None:
    """Rows for those whose schedule has an address to ping."""
    ids = [run.scheduled_job_id for run in runs]
    pinged = set(ScheduledJob.objects.filter(~Q(ping_url=""), pk__in=ids).values_list("pk", flat=True))
    rows = [Ping(schedule_run=run, kind=kind, text=text) for run in runs if run.scheduled_job_id in pinged]
    Ping.objects.bulk_create(rows)
