"""A host that does not report any more: its jobs are shown as perhaps lost, and people are told once (section 6).

Nobody else takes such a job over: starting containers on the wrong machine helps nobody.
"""

import logging
from datetime import datetime

from django.db import transaction

from . import words
from .host import host_id
from .models import BackupJob, Event, Notification, Worker

log = logging.getLogger(__name__)
ALARM = "Perhaps lost:"


def tell(now: datetime) -> list[BackupJob]:
    """Tell of the running jobs of other hosts whose worker is silent; those that nobody was told of before."""
    silent = {one.host_id: one for one in Worker.objects.exclude(host_id=host_id()) if one.is_silent(now)}
    told = Notification.objects.filter(event=Event.WORKER_SILENT).values("job_id")
    jobs = BackupJob.objects.running().filter(host_id__in=silent).exclude(pk__in=told).select_related("repository")
    return [job for job in jobs if tell_of(job, silent[job.host_id])]


def tell_of(job: BackupJob, worker: Worker) -> bool:
    """Write it on the job and for the people; False where the job moved on meanwhile."""
    alarm = (
        f"{ALARM} {worker.hostname} has not reported since {words.clock(worker.last_seen)}. What the job has stopped may "
        f"still be stopped there. Only {worker.hostname} itself brings it to its end: start the worker there."
    )
    with transaction.atomic():
        unchanged = BackupJob.objects.running().filter(pk=job.pk, claim=job.claim, message=job.message)
        if not unchanged.update(message="\n".join(filter(None, [alarm, job.message]))):
            return False
        title = f"{job.repository.name}: {worker.hostname} does not report"
        Notification.objects.create(
            event=Event.WORKER_SILENT,
            repository_id=job.repository_id,
            job=job,
            title=title[:250],
            text=alarm,
            signature=f"{Event.WORKER_SILENT}:{job.pk}",
        )
    log.error("job %s: %s", job.pk, alarm)
    return True


def without_alarm(message: str) -> str:
    """The job's own words: its host is back and brings it to its end."""
    return "\n".join(line for line in message.splitlines() if not line.startswith(ALARM))
