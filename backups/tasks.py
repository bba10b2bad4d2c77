"""Pokes. The rows say what is to be done; a task that is lost, late or comes twice changes nothing (section 6)."""

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from . import housekeeping, scheduling, silence, worker
from .launcher import launcher


@db_task()
def start_jobs() -> None:
    """Somebody queued a job, or one has ended."""
    launcher.start_due()


def poke() -> None:
    """`start_jobs`, unless nobody is there to take it: a worker that starts looks at the queue by itself."""
    if settings.REDIS_URL or worker.is_alive():
        start_jobs()


@db_task()
def start_test(execution_id: int) -> None:
    launcher.start("run_script", execution_id)


@db_task()
def start_again(job_id: int) -> None:
    """Somebody wants the post-backup scripts of a finished job run again."""
    launcher.start_again(job_id)


@db_task()
def start_window_again(run_id: int) -> None:
    launcher.start_again(run_id, "run_window")


@db_periodic_task(crontab(minute="*"))
def tick() -> None:
    """Every minute: what a lost poke left, what lost its process, and what is due."""
    launcher.recover()
    scheduling.start_due(timezone.now())
    launcher.start_due()
    silence.tell(timezone.now())
    housekeeping.sweep_run_directories()
    launcher.tell()


@db_periodic_task(crontab(minute="17", hour="4"))
def age_out() -> None:
    housekeeping.age_out(timezone.now())
    call_command("clearsessions")
