"""An installation with something to see: repositories in every state, a worker that reports, half a year of days."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from backups.host import host_id
from backups.models import BackupJob, Repository, Worker
from scripts_library import gallery, library, making
from scripts_library.models import Script, ScriptContent
from scripts_library.store import digest

HALF_A_YEAR = 180  # days


def make_worker(silent_for: timedelta = timedelta()) -> Worker:
    seen = timezone.now() - silent_for
    return Worker.objects.create(host_id=host_id(), hostname="nas", owner="", started_at=seen, last_seen=seen)


def finished(
    repository: Repository, status: str = "success", *, at: datetime | None = None, **fields: Any
) -> BackupJob:
    """A job that is over, and what its repository keeps of it."""
    at = at or timezone.now() - timedelta(hours=9)
    data = {"success": "good", "warning": "good_with_warnings"}.get(status, "none")
    known = {"outcome": status, "data": data, "services": "up", "created_at": at, "started_at": at, "completed_at": at}
    job = BackupJob.objects.create(repository=repository, status=status, triggered_by="schedule", **{**known, **fields})
    if data != "none":
        Repository.objects.filter(pk=repository.pk).update(last_good_at=at)
    return job


def half_a_year(repository: Repository) -> None:
    """One backup a day, now and then a bad one, until yesterday."""
    now = timezone.now()
    jobs = []
    for age in range(HALF_A_YEAR, 0, -1):
        status = (
            "failure" if age % 41 == 5 else "warning" if age % 23 == 4 else "skipped" if age % 31 == 2 else "success"
        )
        if age % 17 != 6:
            at = now - timedelta(days=age)
            jobs.append(
                BackupJob(repository=repository, status=status, triggered_by="schedule", created_at=at, completed_at=at)
            )
    BackupJob.objects.bulk_create(jobs)
    Repository.objects.filter(pk=repository.pk).update(last_good_at=now - timedelta(days=1))


def busy_installation(make_repository: Callable[..., Repository]) -> dict[str, BackupJob]:
    """Seven repositories: fine, with warnings, failed, interrupted, never, a broken promise, and one that runs now."""
    make_worker()
    made = {}
    for name, status, fields in (
        ("photos", "success", {"services": "untouched"}),
        ("mail", "success", {}),
        ("documents", "warning", {"message": "Backed up, but not everything: 3 files could not be read."}),
        ("media", "failure", {"message": "borg could not reach backup.example.org. Nothing was written."}),
        ("database", "failure", {"services": "interrupted", "message": "'Dump PostgreSQL' failed (exit 1)."}),
        ("nextcloud", "success", {"services": "broken_promise"}),
    ):
        repository = make_repository(name, kit_saved_at=timezone.now())
        half_a_year(repository)
        made[name] = finished(repository, status, **fields)
    make_repository("new-disk", passphrase="a secret phrase")
    break_promise(made["nextcloud"])
    running = make_repository("videos")
    finished(running, at=timezone.now() - timedelta(days=1))
    made["videos"] = BackupJob.objects.create(
        repository=running, status="running", phase="backup", triggered_by="manual", started_at=timezone.now()
    )
    return made


def break_promise(job: BackupJob) -> None:
    job.broken_promises.create(
        repository=job.repository,
        execution_id=1,
        position=1,
        script_name="Start Nextcloud",
        interrupts="Nextcloud",
        message="'Start Nextcloud' failed 5 times, last at 02:41: port 443 is already in use.",
    )


def outdated_script() -> Script:
    """Made from an older version of a shipped template, and changed since."""
    template = gallery.shipped()[0]
    script = making.make(template, name="From an older template")
    older = template.content.replace(f'version = "{template.version}"', 'version = "0.1"')
    content = ScriptContent.objects.create(sha256=digest(older), content=older)
    library.update(script, changes={"content": f"{older}# mine\n"}, source="editor", base_sha256=script.sha256)
    Script.objects.filter(pk=script.pk).update(template_content=content, template_version="0.1")
    return script
