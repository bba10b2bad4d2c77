"""What `GET /api/status` answers."""

from datetime import datetime

from borgui.rest import Out


class RepositoryStatus(Out):
    id: int
    name: str
    data: str | None
    services: str
    last_good_at: datetime | None
    next_due_at: datetime | None
    overdue: bool


class BrokenPromiseOut(Out):
    id: int
    job_id: int
    execution_id: int | None
    script_name: str
    repository_id: int | None
    since: datetime
    message: str


class WorkerOut(Out):
    alive: bool
    last_seen: datetime | None


class DiskOut(Out):
    free: int


class ChannelCount(Out):
    count: int


class LibraryFigures(Out):
    """Null where there is nothing to count."""

    repositories_per_script: float | None
    repositories_with_scripts: int | None
    scripts_from_templates: int | None
    repositories_in_window: int | None


class StatusOut(Out):
    ok: bool
    repositories: list[RepositoryStatus]
    broken_promises: list[BrokenPromiseOut]
    worker: WorkerOut
    disk: DiskOut
    channels: ChannelCount
    library: LibraryFigures
