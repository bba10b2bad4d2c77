"""What the API takes and answers about scripts, assignments and executions (interfaces.md, "REST API")."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from borgui.rest import Id, In, Out, Page, Period, Text

from . import parameters
from .library import Sight
from .manifest import Manifest
from .models import RepositoryScript, Script, ScriptExecution, ScriptRevision
from .testruns import LONGEST_PAUSE

HookName = Literal["pre-backup", "post-backup"]
RunOnName = Literal["success", "warning", "completed", "failure", "always"]
OnFailureName = Literal["abort", "continue", "skip"]
OutcomeName = Literal["success", "warning", "failure", "skipped", "cancelled"]
StatusName = Literal["planned", "running", "succeeded", "failed", "timed_out", "cancelled", "interrupted", "not_run"]
TriggerName = Literal["manual", "api", "command", "schedule", "window", "test", "rerun"]
Timeout = int  # seconds; the library knows the limits
Pause = Annotated[int, Field(ge=0, le=LONGEST_PAUSE, description="seconds between the two parts of a pair")]
Values = dict[str, Any]


# --- scripts ----------------------------------------------------------------------------------------------------------
class ScriptFilters(Page):
    category: Literal["custom", "template"] | None = None
    run_on: RunOnName | None = None
    hook: HookName | None = None
    is_template: bool | None = None
    unused: bool | None = None


class ScriptIn(In):
    name: Text | None = None
    description: Text | None = None
    content: Text
    timeout: Timeout | None = None
    run_on: RunOnName | None = None
    parameters: Values | None = None


class ScriptChange(In):
    name: Text | None = None
    description: Text | None = None
    content: Text | None = None
    sha256: Text | None = Field(None, description="of the content that was edited; required with `content`")
    timeout: Timeout | None = None
    run_on: RunOnName | None = None
    parameters: Values | None = None


class ScriptOut(Out):
    id: int
    name: str
    description: str
    file_path: str
    category: str
    timeout: int
    run_on: str
    run_on_declared: bool
    hooks: list[str]
    created_at: datetime
    updated_at: datetime
    created_by_user_id: int | None
    is_template: bool
    template_version: str | None
    usage_count: int
    last_used_at: datetime | None
    sha256: str
    parameters: Values

    @classmethod
    def of(cls, script: Script, **others: Any) -> Self:
        return cls.of_row(
            script,
            run_on=script.effective_run_on,
            parameters=parameters.shown(declared(script), script.parameters),
            **others,
        )


class UserOut(Out):
    """Where a script is used."""

    id: int
    name: str
    hook_type: str
    assignment_id: int
    enabled: bool


class Drift(Out):
    state: str
    problem: str
    unseen_edit: bool


class ScriptDetail(ScriptOut):
    content: str
    declared_parameters: list[dict[str, Any]]
    block_errors: list[str]
    repositories: list[UserOut]
    executions: list["ExecutionBrief"]
    drift: Drift

    @classmethod
    def of_sight(
        cls, script: Script, sight: Sight, users: list[RepositoryScript], executions: list[ScriptExecution]
    ) -> Self:
        manifest = Manifest.from_dict(script.manifest)
        return cls.of(
            script,
            content=sight.revision.text if sight.revision else "",
            declared_parameters=[entry.to_dict() for entry in manifest.parameters],
            block_errors=list(manifest.errors),
            repositories=[user_of(entry) for entry in users],
            executions=[ExecutionBrief.of(row) for row in executions],
            drift=Drift(state=sight.state, problem=sight.problem, unseen_edit=script.unseen_edit),
        )


def user_of(entry: RepositoryScript) -> UserOut:
    return UserOut(
        id=entry.repository_id,
        name=entry.repository.name,
        hook_type=entry.hook_type,
        assignment_id=entry.pk,
        enabled=entry.enabled,
    )


def declared(script: Script) -> tuple[parameters.Declared, ...]:
    return Manifest.from_dict(script.manifest).parameters


class RevisionOut(Out):
    id: int
    sha256: str
    source: str
    created_at: datetime
    created_by_user_id: int | None
    remark: str


class RevisionDetail(RevisionOut):
    content: str

    @classmethod
    def of(cls, revision: ScriptRevision) -> Self:
        return cls.of_row(revision, content=revision.text)


class DriftAction(In):
    action: Literal["keep", "revert"]


class TestRun(In):
    __test__ = False  # not a test class of pytest

    repository_id: Id | None = None
    hook_type: Literal["pre-backup", "post-backup", "both"] | None = None
    backup_status: OutcomeName | None = None
    parameters: Values | None = None
    pause: Pause | None = None


# --- assignments ------------------------------------------------------------------------------------------------------
class AssignmentIn(In):
    script_id: Id
    hook_type: HookName
    enabled: bool | None = None
    custom_timeout: Timeout | None = None
    custom_run_on: RunOnName | None = None
    on_failure: OnFailureName | None = None
    parameters: Values | None = None


class AssignmentChange(In):
    enabled: bool | None = None
    custom_timeout: Timeout | None = None
    custom_run_on: RunOnName | None = None
    on_failure: OnFailureName | None = None
    parameters: Values | None = None


class Order(In):
    hook_type: HookName
    order: list[Id]


class AssignmentOut(Out):
    id: int
    repository_id: int
    script_id: int
    script_name: str
    hook_type: str
    execution_order: int
    enabled: bool
    custom_timeout: int | None
    custom_run_on: str | None
    on_failure: str
    parameters: Values
    timeout: int
    run_on: str
    created_at: datetime

    @classmethod
    def of(cls, entry: RepositoryScript) -> Self:
        return cls.of_row(
            entry,
            script_name=entry.script.name,
            parameters=parameters.shown(declared(entry.script), entry.parameters),
        )


# --- executions -------------------------------------------------------------------------------------------------------
class ExecutionFilters(Period, Page):
    script_id: Id | None = None
    repository_id: Id | None = None
    backup_job_id: Id | None = None
    hook_type: HookName | None = None
    status: StatusName | None = None
    triggered_by: TriggerName | None = None


class ExecutionBrief(Out):
    """An execution without its output."""

    id: int
    script_id: int | None
    repository_id: int | None
    backup_job_id: int | None
    window_run_id: int | None = None
    hook_type: str
    status: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    execution_time: float | None
    exit_code: int | None
    signal: int | None
    pid: int | None
    error_message: str
    triggered_by: str
    triggered_by_user_id: int | None
    position: int
    attempt: int
    script_name: str
    revision_id: int | None
    timeout: int
    run_on: str
    on_failure: str
    parameters: Values
    interrupts: str
    hints: list[str]
    left_behind: int
    log_bytes: int

    @classmethod
    def of(cls, row: ScriptExecution) -> Self:
        return cls.of_row(row, window_run_id=None, parameters=pinned_values(row))


class ExecutionOut(ExecutionBrief):
    stdout: str
    stderr: str


def pinned_values(row: ScriptExecution) -> Values:
    """The values with which it runs, a secret as `{"set": true}`."""
    return {name: {"set": True} if name in row.secret_names else value for name, value in row.parameters.items()}


class LogFrom(BaseModel):
    offset: int = Field(0, ge=0, le=2**62, description="bytes; `next_offset` of the answer before")


class Line(Out):
    ms: int
    stream: str
    text: str


class LogOut(Out):
    lines: list[Line]
    next_offset: int
    complete: bool


ScriptDetail.model_rebuild()
