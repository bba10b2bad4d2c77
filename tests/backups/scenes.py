"""Jobs in every state that the page of a job can show, as rows and logs; nothing runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from backups.models import BackupJob, BrokenPromise, Repository
from borgui.accounts.models import User
from scripts_library.models import ScriptExecution

HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202egnp.exe & 'quoted'"
LOCK = "Failed to create/acquire the lock {folder}/lock.exclusive (timeout)."
STATS = {
    "original_size": 3_400_000_000,
    "compressed_size": 2_100_000_000,
    "deduplicated_size": 1_288_490_188,
    "nfiles": 41_332,
    "duration": 131.5,
    "repository": {"unique_csize": 48_100_000_000},
}


@dataclass
class Scene:
    """One job of `repository`, begun `ago` seconds ago; `script` and `phase` go on where the last one ended."""

    repository: Repository
    job: BackupJob
    clock: datetime
    position: int = 0

    def script(
        self, hook: str, name: str, status: str = "succeeded", seconds: float = 4, **fields: Any
    ) -> ScriptExecution:
        ran = status not in ("planned", "not_run")
        end = self.clock + timedelta(seconds=seconds)
        over = ran and status != "running"
        log = fields.pop("log", "")
        row = ScriptExecution.objects.create(
            repository=self.repository,
            backup_job=self.job,
            hook_type=hook,
            script_name=name,
            status=status,
            position=fields.pop("position", self.position),
            timeout=fields.pop("timeout", 300),
            started_at=self.clock if ran else None,
            completed_at=end if over else None,
            execution_time=seconds if over else None,
            exit_code=fields.pop("exit_code", 0 if status == "succeeded" else None),
            triggered_by="manual",
            **fields,
        )
        self.position += 1
        self.clock = end if over else self.clock
        if log:
            write_log("executions", str(row.pk), log)
        return row

    def phase(self, name: str, seconds: float | None = None) -> None:
        """Of borg's phases: it takes its time. None: it runs still."""
        end = None if seconds is None else self.clock + timedelta(seconds=seconds)
        entry = {"phase": name, "started_at": self.clock.isoformat(), "ended_at": end.isoformat() if end else None}
        self.job.phases = [*self.job.phases, entry]
        self.clock = end or self.clock

    def end(self, **fields: Any) -> BackupJob:
        for name, value in {"completed_at": self.clock, **fields}.items():
            setattr(self.job, name, value)
        self.job.save()
        return self.job

    def goes_on(self, phase: str, **fields: Any) -> BackupJob:
        return self.end(status="running", phase=phase, completed_at=None, **fields)


def write_log(folder: str, name: str, text: str, stream: str = "o") -> None:
    path = settings.LOGS_DIR / folder / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{ms * 40} {stream} {line}\n" for ms, line in enumerate(text.splitlines())))


def begin(repository: Repository, ago: float = 3600, at: datetime | None = None) -> Scene:
    start = at or timezone.now() - timedelta(seconds=ago)
    job = BackupJob.objects.create(
        repository=repository,
        triggered_by="manual",
        created_at=start,
        started_at=start,
        archive_name="photos-2026-11-22T02:17",
    )
    return Scene(repository, job, start)


def queued(repository: Repository) -> BackupJob:
    return BackupJob.objects.create(
        repository=repository,
        triggered_by="manual",
        message="Waiting: 4 of 4 backups are running. Nothing has been stopped yet.",
    )


def stop_and_dump(scene: Scene) -> None:
    scene.script("pre-backup", "Stop Nextcloud", interrupts="Nextcloud", seconds=6, log="stopping nextcloud\nstopped")
    scene.script("pre-backup", "Dump PostgreSQL", seconds=22, log="dumping 14 databases\n" * 30)


def running_before(repository: Repository) -> BackupJob:
    scene = begin(repository, ago=3)
    scene.script("pre-backup", "Stop Nextcloud", "running", interrupts="Nextcloud", log="stopping nextcloud")
    scene.script("pre-backup", "Dump PostgreSQL", "planned")
    scene.script("post-backup", "Start Nextcloud", "planned", interrupts="Nextcloud", run_on="always")
    scene.phase("pre-backup")
    return scene.goes_on("pre-backup")


def running_borg(repository: Repository) -> BackupJob:
    scene = begin(repository, ago=90)
    stop_and_dump(scene)
    scene.phase("backup")
    scene.script("post-backup", "Start Nextcloud", "planned", interrupts="Nextcloud", run_on="always")
    progress = {
        "files": 12_345,
        "original_size": 3_100_000_000,
        "deduplicated_size": 120_000_000,
        "path": "srv/photos/a.jpg",
    }
    return scene.goes_on("backup", progress=progress)


def running_after(repository: Repository) -> BackupJob:
    scene = begin(repository, ago=170)
    stop_and_dump(scene)
    scene.phase("backup", 131)
    scene.script("post-backup", "Start Nextcloud", "running", interrupts="Nextcloud", run_on="always", log="starting")
    return scene.goes_on("post-backup", outcome="success", data="good")


def running_maintenance(repository: Repository) -> BackupJob:
    scene = begin(repository, ago=200)
    scene.phase("backup", 131)
    scene.phase("maintenance")
    return scene.goes_on("maintenance", outcome="success", data="good")


def success(repository: Repository) -> BackupJob:
    scene = begin(repository)
    stop_and_dump(scene)
    scene.phase("backup", 131)
    scene.script("post-backup", "Start Nextcloud", interrupts="Nextcloud", run_on="always", seconds=8, log="up")
    scene.script("post-backup", "Tell the failure", "not_run", run_on="failure",
                 error_message="Did not run: it runs only after a failed or cancelled backup.")  # fmt: skip
    scene.phase("maintenance", 12)
    command = ["borg", "create", "--json", "--compression", "lz4", "/srv/backups/photos::photos-2026", "/srv/my photos"]
    return scene.end(status="success", outcome="success", data="good", services="up", message="Backed up.",
                     stats=STATS, archive_files=41_332, borg_exit_code=0, command=command)  # fmt: skip


def warning(repository: Repository) -> BackupJob:
    scene = begin(repository)
    scene.phase("backup", 60)
    unread = ["srv/photos/<b>bold</b>.raw", "srv/photos/\u202egnp.exe", "srv/photos/secret"]
    message = "Backed up, but not everything: 3 files could not be read (permission denied). The archive is good without them."
    return scene.end(status="warning", outcome="warning", data="good_with_warnings", message=message, unread=unread,
                     stats=STATS, archive_files=41_000, borg_exit_code=100)  # fmt: skip


def failure_before_borg(repository: Repository) -> BackupJob:
    scene = begin(repository)
    scene.script("pre-backup", "Stop Nextcloud", interrupts="Nextcloud", seconds=6)
    log = "\n".join(f"line {number}" for number in range(60)) + f"\n{HOSTILE}"
    scene.script("pre-backup", "Dump PostgreSQL", "failed", 2, exit_code=1, error_message="exit 1", log=log)
    scene.script("post-backup", "Start Nextcloud", interrupts="Nextcloud", run_on="always", seconds=8)
    return scene.end(status="failure", outcome="failure", data="none", services="up",
                     message="'Dump PostgreSQL' failed before the backup started (exit 1).")  # fmt: skip


def failure_in_borg(repository: Repository) -> BackupJob:
    scene = begin(repository)
    scene.phase("backup", 3)
    lock = LOCK.format(folder=repository.path)
    write_log("jobs", str(scene.job.pk), lock, "e")
    said = [{"level": "ERROR", "msgid": "LockTimeout", "text": lock, "path": ""}]
    return scene.end(status="failure", outcome="failure", data="none", borg_exit_code=73, borg_messages=said,
                     message="Not backed up. Another borg holds this repository.")  # fmt: skip


def skipped(repository: Repository) -> BackupJob:
    scene = begin(repository)
    scene.script(
        "pre-backup", "USB disk present?", "failed", 1, exit_code=75, error_message="exit 75", on_failure="skip"
    )
    message = "'USB disk present?' said to skip."
    return scene.end(status="skipped", outcome="skipped", data="none", message=message)


def cancelled(repository: Repository, by: User | None = None) -> BackupJob:
    scene = begin(repository)
    scene.phase("backup", 20)
    return scene.end(status="cancelled", outcome="cancelled", data="none", message="Stopped by a person.",
                     cancel_requested_at=scene.clock, cancel_requested_by=by)  # fmt: skip


def recovered(repository: Repository) -> BackupJob:
    scene = begin(repository)
    scene.script("pre-backup", "Stop Nextcloud", interrupts="Nextcloud")
    scene.phase("backup", 30)
    start = scene.script("post-backup", "Start Nextcloud", "interrupted", interrupts="Nextcloud", run_on="always")
    scene.script(
        "post-backup",
        "Start Nextcloud",
        attempt=2,
        claim=2,
        position=start.position,
        interrupts="Nextcloud",
        run_on="always",
    )
    return scene.end(status="failure", outcome="failure", data="none", services="up", claim=2, losses=1,
                     lost_at=start.started_at, restarted=True,
                     message="The job stopped during backup (noticed at 02:31); an archive may exist.")  # fmt: skip


def picking_up(repository: Repository) -> BackupJob:
    """Lost during the backup; the script that brings Nextcloud back has failed once since and waits for its next try."""
    scene = begin(repository, ago=200)
    scene.script("pre-backup", "Stop Nextcloud", interrupts="Nextcloud")
    scene.phase("backup", 30)
    common = {"interrupts": "Nextcloud", "run_on": "always", "claim": 2, "position": scene.position}
    scene.script("post-backup", "Start Nextcloud", "failed", exit_code=1, error_message="exit 1", **common)
    soon = timezone.now() + timedelta(seconds=175)
    scene.script("post-backup", "Start Nextcloud", "planned", attempt=2, not_before=soon, **common)
    return scene.goes_on("post-backup", outcome="failure", claim=2, losses=1, lost_at=scene.clock, restarted=True,
                         message="The job stopped during backup (noticed at 02:31); an archive may exist.")  # fmt: skip


def running_again(repository: Repository) -> BackupJob:
    """Over with a broken promise; a person has asked for the scripts after it once more."""
    job = broken_promise(repository)
    BackupJob.objects.filter(pk=job.pk).update(phase="post-backup")
    first = job.executions.get(script_name="Start Nextcloud")
    now = timezone.now()
    ScriptExecution.objects.create(
        repository=repository, backup_job=job, hook_type="post-backup", script_name="Start Nextcloud", status="running",
        position=first.position, attempt=2, timeout=300, interrupts="Nextcloud", run_on="always", started_at=now,
        triggered_by="rerun",
    )  # fmt: skip
    job.refresh_from_db()
    return job


def broken_promise(repository: Repository) -> BackupJob:
    scene = begin(repository)
    scene.script("pre-backup", "Stop Nextcloud", interrupts="Nextcloud", seconds=6)
    scene.phase("backup", 131)
    row = scene.script("post-backup", "Start Nextcloud", "failed", 9, exit_code=1, interrupts="Nextcloud", run_on="always",
                       error_message="exit 1", log="Error: port 443 is already in use")  # fmt: skip
    BrokenPromise.objects.create(
        job=scene.job, repository=repository, execution_id=row.pk, position=row.position, script_name=row.script_name,
        interrupts="Nextcloud", message="'Start Nextcloud' failed 5 times, last at 02:41: port 443 is already in use.",
    )  # fmt: skip
    return scene.end(status="warning", outcome="success", data="good", services="broken_promise", stats=STATS,
                     message="Backed up.\nThe script 'Start Nextcloud' failed afterwards. Your data is safe.")  # fmt: skip


STATES: dict[str, Callable[[Repository], BackupJob]] = {
    "queued": queued,
    "running-before": running_before,
    "running-borg": running_borg,
    "running-after": running_after,
    "running-maintenance": running_maintenance,
    "success": success,
    "warning": warning,
    "failure-before-borg": failure_before_borg,
    "failure-in-borg": failure_in_borg,
    "skipped": skipped,
    "cancelled": cancelled,
    "recovered": recovered,
    "picking-up": picking_up,
    "broken-promise": broken_promise,
    "running-again": running_again,
}
