"""Maintenance windows and their openings in every state that a page can show, as rows; nothing runs."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from backups import maintenance_windows
from backups.models import BackupJob, BrokenPromise, MaintenanceWindow, Repository, WindowRun
from scripts_library.models import ScriptExecution

NEXTCLOUD = "Nextcloud"


def make_window(name: str = "Night", repositories: Sequence[Repository] = (), **fields: Any) -> MaintenanceWindow:
    """A window of every night at 02:17 with one scheduled job."""
    window = maintenance_windows.create({"name": name, "cron_expression": "17 2 * * *", "timezone": "UTC", **fields})
    if repositories:
        maintenance_windows.set_jobs(window, {"repositories": [one.pk for one in repositories]})
    return window


class Opening:
    """One run of `window`, begun `ago` seconds ago; each step goes on where the last one ended."""

    def __init__(self, window: MaintenanceWindow, ago: float = 3600, **fields: Any) -> None:
        self.clock: datetime = timezone.now() - timedelta(seconds=ago)
        given = {"status": "running", "phase": "pre-backup", "started_at": self.clock, "interrupts": [NEXTCLOUD]}
        self.run = WindowRun.objects.create(
            window=window,
            window_name=window.name,
            triggered_by="window",
            due_at=self.clock,
            created_at=self.clock,
            **{**given, **fields},
        )
        self.position = self.place = 0
        self.phase("pre-backup")

    def phase(self, name: str) -> None:
        phases = self.run.phases
        if phases:
            phases[-1]["ended_at"] = self.clock.isoformat()
        self.run.phases = [*phases, {"phase": name, "started_at": self.clock.isoformat(), "ended_at": None}]
        self.run.phase = name
        self.run.save()

    def script(self, hook: str, name: str, status: str = "succeeded", seconds: float = 6, **fields: Any) -> Any:
        ran = status not in ("planned", "not_run")
        over = ran and status != "running"
        end = self.clock + timedelta(seconds=seconds)
        row = ScriptExecution.objects.create(
            window_run=self.run,
            hook_type=hook,
            script_name=name,
            status=status,
            position=self.position,
            timeout=300,
            interrupts=NEXTCLOUD,
            run_on="always",
            started_at=self.clock if ran else None,
            completed_at=end if over else None,
            execution_time=seconds if over else None,
            triggered_by="window",
            **fields,
        )
        self.position += 1
        self.clock = end if over else self.clock
        return row

    def job(self, repository: Repository, status: str = "success", seconds: float = 600, **fields: Any) -> BackupJob:
        over = status not in ("queued", "running")
        begun = status not in ("queued", "skipped") and fields.pop("begun", True)
        end = self.clock + timedelta(seconds=seconds)
        data = {"success": "good", "warning": "good_with_warnings"}.get(status, "none" if over else None)
        self.place += 1
        job = BackupJob.objects.create(
            repository=repository,
            window_run=self.run,
            window_position=self.place,
            status=status,
            outcome=status if over else "",
            phase="backup" if status == "running" else "",
            data=data,
            triggered_by="window",
            created_at=self.clock,
            started_at=self.clock if begun else None,
            completed_at=end if over else None,
            **fields,
        )
        self.clock = end if over and begun else self.clock
        return job

    def end(self, status: str = "success", **fields: Any) -> WindowRun:
        if self.run.phases:
            self.run.phases[-1]["ended_at"] = self.clock.isoformat()
        ended = {"phase": "", "status": status, "outcome": status, "completed_at": self.clock, "services": "up"}
        for name, value in {**ended, **fields}.items():
            setattr(self.run, name, value)
        self.run.save()
        return self.run


def queued(window: MaintenanceWindow, repositories: Sequence[Repository]) -> WindowRun:
    return WindowRun.objects.create(
        window=window,
        window_name=window.name,
        triggered_by="manual",
        message="Waiting for 'photos' to finish, which interrupts Nextcloud too. Nothing has been stopped yet.",
    )


def inside(window: MaintenanceWindow, repositories: Sequence[Repository]) -> WindowRun:
    """Nextcloud is stopped; the first backup is done, the second runs."""
    scene = Opening(window, ago=700)
    scene.script("pre-backup", "Stop Nextcloud")
    scene.script("post-backup", "Start Nextcloud", "planned")
    scene.phase("backup")
    scene.job(repositories[0], seconds=500, message="Backed up.")
    scene.job(repositories[1], "running")
    for other in repositories[2:]:
        scene.job(other, "queued", message="Waiting for its turn in the window.")
    return scene.run


def closing(window: MaintenanceWindow, repositories: Sequence[Repository]) -> WindowRun:
    scene = Opening(window)
    scene.script("pre-backup", "Stop Nextcloud")
    scene.phase("backup")
    for one in repositories:
        scene.job(one, message="Backed up.")
    scene.phase("post-backup")
    scene.script("post-backup", "Start Nextcloud", "running")
    return scene.run


def closed(window: MaintenanceWindow, repositories: Sequence[Repository], ago: float = 7200) -> WindowRun:
    """The second backup failed; Nextcloud is back all the same."""
    scene = Opening(window, ago)
    scene.script("pre-backup", "Stop Nextcloud")
    scene.phase("backup")
    for number, one in enumerate(repositories):
        message = "borg could not reach backup.example.org." if number == 1 else "Backed up."
        scene.job(one, "failure" if number == 1 else "success", message=message)
    scene.phase("post-backup")
    scene.script("post-backup", "Start Nextcloud", seconds=9)
    return scene.end("failure" if len(repositories) > 1 else "success")


def did_not_open(window: MaintenanceWindow, repositories: Sequence[Repository]) -> WindowRun:
    scene = Opening(window)
    scene.script("pre-backup", "Stop Nextcloud", "failed", 3, exit_code=1, error_message="exit 1: no such container")
    why = "'Stop Nextcloud' failed before the backup started (exit 1: no such container)."
    for one in repositories:
        scene.job(one, "failure", 0, message=why, begun=False)
    scene.phase("post-backup")
    scene.script("post-backup", "Start Nextcloud")
    return scene.end("failure", message=why)


def broken(window: MaintenanceWindow, repositories: Sequence[Repository]) -> WindowRun:
    """Everything is backed up, and Nextcloud did not come back."""
    scene = Opening(window)
    scene.script("pre-backup", "Stop Nextcloud")
    scene.phase("backup")
    for one in repositories:
        scene.job(one, message="Backed up.")
    scene.phase("post-backup")
    row = scene.script("post-backup", "Start Nextcloud", "failed", 9, exit_code=1, error_message="exit 1")
    BrokenPromise.objects.create(
        window_run=scene.run,
        execution_id=row.pk,
        position=row.position,
        script_name=row.script_name,
        interrupts=NEXTCLOUD,
        message="'Start Nextcloud' failed, last at 02:41: port 443 is already in use.",
    )
    return scene.end("warning", outcome="success", services="broken_promise")


def missed(window: MaintenanceWindow, repositories: Sequence[Repository]) -> WindowRun:
    due = timezone.now() - timedelta(days=1)
    message = "Missed: the server was off at 02:17; next tomorrow at 02:17."
    return WindowRun.objects.create(
        window=window,
        window_name=window.name,
        triggered_by="window",
        status="missed",
        due_at=due,
        created_at=due,
        completed_at=due,
        message=message,
    )


STATES: dict[str, Callable[[MaintenanceWindow, Sequence[Repository]], WindowRun]] = {
    "queued": queued,
    "inside": inside,
    "closing": closing,
    "closed": closed,
    "did-not-open": did_not_open,
    "broken": broken,
    "missed": missed,
}
