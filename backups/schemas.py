"""What the API takes and answers about repositories, archives and jobs (interfaces.md, "REST API")."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from borgui.rest import Count, Id, In, Out, Page, Period, Seconds, Text
from scripts_library.models import ScriptExecution
from scripts_library.schemas import ExecutionBrief, ExecutionOut, HookName, TriggerName

from .models import BackupJob, Repository, Services
from .verdicts import as_json, downtime_of, services_of

EncryptionName = Literal[
    "none", "authenticated", "authenticated-blake2", "repokey", "repokey-blake2", "keyfile", "keyfile-blake2"
]
JobStatusName = Literal["queued", "running", "success", "warning", "failure", "skipped", "cancelled"]


# --- repositories -----------------------------------------------------------------------------------------------------
class RepositoryChange(In):
    """Every field of a repository. In a PUT an absent one stays as it is, `null` sets the default again."""

    name: Text | None = None
    path: Text | None = None
    source_paths: list[Text] | None = None
    exclude_patterns: list[Text] | None = None
    exclude_if_present: list[Text] | None = None
    one_file_system: bool | None = None
    exclude_caches: bool | None = None
    encryption: EncryptionName | None = None
    passphrase: Text | None = Field(None, description="write-only; an empty text keeps the stored one")
    compression: Text | None = None
    archive_name_template: Text | None = None
    upload_rate_limit: Count | None = Field(None, description="KiB/s")
    lock_wait: Count | None = Field(None, description="seconds")
    remote_path: Text | None = None
    backup_timeout: Seconds | None = Field(None, description="seconds")
    max_downtime: Seconds | None = Field(None, description="seconds")
    pre_backup_script: Text | None = None
    post_backup_script: Text | None = None
    pre_hook_timeout: Seconds | None = None
    post_hook_timeout: Seconds | None = None
    continue_on_hook_failure: bool | None = None
    skip_on_hook_failure: bool | None = None
    keep_within: Text | None = None
    keep_hourly: Count | None = None
    keep_daily: Count | None = None
    keep_weekly: Count | None = None
    keep_monthly: Count | None = None
    keep_yearly: Count | None = None
    prune_after: bool | None = Field(None, description="of a repository that was there before: once it is confirmed")
    compact_after: bool | None = None
    check_every_days: Count | None = None


class RepositoryIn(RepositoryChange):
    name: Text
    path: Text
    source_paths: list[Text]
    init: bool | None = Field(None, description="true (the default) makes the repository, false connects to one")


class RepositoryOut(Out):
    id: int
    name: str
    path: str
    source_paths: list[str]
    exclude_patterns: list[str]
    exclude_if_present: list[str]
    one_file_system: bool
    exclude_caches: bool
    encryption: str
    compression: str
    archive_name_template: str
    upload_rate_limit: int | None
    lock_wait: int | None
    remote_path: str | None
    backup_timeout: int | None
    max_downtime: int | None
    connected: bool
    created_at: datetime
    updated_at: datetime
    pre_backup_script: str | None
    post_backup_script: str | None
    pre_hook_timeout: int
    post_hook_timeout: int
    continue_on_hook_failure: bool
    skip_on_hook_failure: bool
    keep_within: str | None
    keep_hourly: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    keep_yearly: int
    prune_after: bool
    prune_confirmed_at: datetime | None
    compact_after: bool
    check_every_days: int | None
    last_good_at: datetime | None

    @classmethod
    def of(cls, repository: Repository) -> Self:
        """A text that was never given is null."""
        texts = ("remote_path", "pre_backup_script", "post_backup_script", "keep_within")
        return cls.of_row(repository, **{name: getattr(repository, name) or None for name in texts})


class ArchiveOut(Out):
    name: str
    id: str
    time: datetime


# --- jobs -------------------------------------------------------------------------------------------------------------
class JobFilters(Period, Page):
    """`script_id`, `hook_type`: jobs to which such a script belonged."""

    repository_id: Id | None = None
    status: JobStatusName | None = None
    triggered_by: TriggerName | None = None
    script_id: Id | None = None
    hook_type: HookName | None = None


class PhaseOut(Out):
    phase: str
    started_at: datetime
    ended_at: datetime | None


class DowntimeOut(Out):
    name: str
    seconds: float
    still_down: bool


class JobOut(Out):
    id: int
    repository_id: int
    status: str
    outcome: str | None
    phase: str | None
    phases: list[PhaseOut]
    data: str | None
    services: str
    downtime: list[DowntimeOut]
    archive_name: str | None
    archive_files: int | None
    borg_exit_code: int | None
    message: str
    maintenance: dict[str, Any]
    unread: list[str]
    triggered_by: str
    triggered_by_user_id: int | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    cancel_requested_at: datetime | None
    executions: list[ExecutionOut]

    @classmethod
    def of(cls, job: BackupJob, now: datetime) -> Self:
        rows = list(job.executions.in_order())
        return cls.of_row(job, **verdicts(job, rows, now), executions=[ExecutionOut.of(row) for row in rows])


class JobInList(JobOut):
    """A job without what its scripts printed."""

    executions: list[ExecutionBrief]  # type: ignore[assignment]  # the same with fewer fields

    @classmethod
    def of_rows(cls, job: BackupJob, rows: Sequence[ScriptExecution], now: datetime) -> Self:
        return cls.of_row(job, **verdicts(job, rows, now), executions=[ExecutionBrief.of(row) for row in rows])


def verdicts(job: BackupJob, rows: Sequence[ScriptExecution], now: datetime) -> dict[str, Any]:
    """What is computed from the rows. `broken_promises` of the job should be there already (prefetched in lists)."""
    is_broken = any(promise.closed_at is None for promise in job.broken_promises.all())
    settled = job.is_over and not is_broken and job.services in (Services.UP, Services.UNTOUCHED)
    return {
        "services": job.services if settled else services_of(job, rows, has_open_promise=is_broken),
        "downtime": as_json(downtime_of(rows, now)),
        "outcome": job.outcome or None,
        "phase": job.phase or None,
        "archive_name": job.archive_name or None,
    }


class PromiseClosing(In):
    note: Text


class PromiseClosed(Out):
    id: int
    job_id: int
    closed: bool
