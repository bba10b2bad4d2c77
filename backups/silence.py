"""A host that does not report any more: its jobs and windows are shown as perhaps lost, people are told once (section 6).

Nobody else takes such a job over: starting containers on the wrong machine helps nobody.
"""

import logging
from datetime import datetime

from django.db import transaction

from . import words
from .host import host_id
from .models import BackupJob, Event, Notification, WindowRun, Worker

log = logging.getLogger(__name__)
ALARM = "Perhaps lost:"


def tell(now: datetime) -> list[BackupJob | WindowRun]:
    """Tell of what runs on other hosts whose worker is silent; of what nobody was told of before."""
    silent = {one.host_id: one for one in Worker.objects.exclude(host_id=host_id()) if one.is_silent(now)}
    alarms = Notification.objects.filter(event=Event.WORKER_SILENT)
    jobs = BackupJob.objects.running().filter(host_id__in=silent).select_related("repository")
    runs = WindowRun.objects.running().filter(host_id__in=silent)
    found: list[BackupJob | WindowRun] = [
        *jobs.exclude(pk__in=alarms.exclude(job=None).values("job_id")),
        *runs.exclude(pk__in=alarms.exclude(window_run=None).values("window_run_id")),
    ]
    return [one for one in found if tell_of(one, silent[one.host_id])]


def tell_of(work: BackupJob | WindowRun, worker: Worker) -> bool:
    """Write it on the row and for the people; False where the work moved on meanwhile."""
    alarm = (
        f"{ALARM} {worker.hostname} has not reported since {words.clock(worker.last_seen)}. What the {work.noun} has "
        f"stopped may still be stopped there. Only {worker.hostname} itself brings it to its end: start the worker there."
    )
    name = work.repository.name if isinstance(work, BackupJob) else f"Window '{work.window_name}'"
    with transaction.atomic():
        unchanged = type(work).objects.running().filter(pk=work.pk, claim=work.claim, message=work.message)
        if not unchanged.update(message="\n".join(filter(None, [alarm, work.message]))):
            return False
        title = f"{name}: {worker.hostname} does not report"
        Notification.objects.create(
            event=Event.WORKER_SILENT,
            title=title[:250],
            text=alarm,
            signature=f"{Event.WORKER_SILENT}:{work.word} {work.pk}",
            **work.told_about,
        )
    log.error("%s %s: %s", work.word, work.pk, alarm)
    return True


def without_alarm(message: str) -> str:
    """The job's own words: its host is back and brings it to its end."""
    return "\n".join(line for line in message.splitlines() if not line.startswith(ALARM))
