"""What the API takes and answers about scripts, assignments and executions (interfaces.md, "REST API")."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from borgui.rest import Id, In, Out, Page, Period, Text, mark_of

from . import approval, parameters
from .manifest import Manifest
from .models import Assignment, Script, ScriptExecution, ScriptRevision
from .testruns import LONGEST_PAUSE

HookName = Literal["pre-backup", "post-backup"]
RunOnName = Literal["success", "warning", "completed", "failure", "always"]
OnFailureName = Literal["abort", "continue", "skip"]
OutcomeName = Literal["success", "warning", "failure", "skipped", "cancelled"]
StatusName = Literal["planned", "running", "succeeded", "failed", "timed_out", "cancelled", "interrupted", "not_run"]
TriggerName = Literal["manual", "api", "command", "schedule", "window", "test", "rerun"]
ApprovalName = Literal["off", "approved", "waiting", "turned_down"]
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
    from_template: Text | None = Field(None, description="`name` of one of `/api/templates`, instead of `content`")
    content: Text | None = Field(None, validate_default=True)
    timeout: Timeout | None = None
    run_on: RunOnName | None = None
    parameters: Values | None = None
    is_template: bool | None = Field(None, description="offer it as a template of one's own")

    @field_validator("content")
    @classmethod
    def _one_of_both(cls, content: str | None, info: ValidationInfo) -> str | None:
        """The text comes from the request or from a template."""
        template = info.data.get("from_template")
        if content is None and template is None:
            raise PydanticCustomError("missing", "Field required")
        if content is not None and template is not None:
            raise ValueError("Leave it out: the template has the text.")
        return content


class ScriptChange(In):
    name: Text | None = None
    description: Text | None = None
    content: Text | None = None
    sha256: Text | None = Field(None, description="of the content that was edited; required with `content`")
    timeout: Timeout | None = None
    run_on: RunOnName | None = None
    parameters: Values | None = None
    is_template: bool | None = Field(None, description="offer it as a template of one's own")


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
    template_name: str
    usage_count: int
    last_used_at: datetime | None
    sha256: str
    approval: ApprovalName = Field(description="of its newest text, with `BORGUI_FOUR_EYES`")
    parameters: Values

    @classmethod
    def of(cls, script: Script, **others: Any) -> Self:
        return cls.of_row(
            script,
            run_on=script.effective_run_on,
            approval=approval.state(script),
            parameters=parameters.shown(declared(script), script.parameters),
            **others,
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
    decision: Literal["", "approved", "turned down"] = Field(description="what another author said to it")
    decided_at: datetime | None
    decided_by_user_id: int | None
    decision_remark: str


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
    version: str

    @classmethod
    def of(cls, entry: Assignment) -> Self:
        return cls.of_row(
            entry,
            script_name=entry.script.name,
            version=mark_of(
                entry.enabled, entry.custom_timeout, entry.custom_run_on, entry.on_failure, entry.parameters
            ),
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
    window_run_id: int | None
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
        return cls.of_row(row, parameters=pinned_values(row))


class ExecutionOut(ExecutionBrief):
    stdout: str
    stderr: str


def pinned_values(row: ScriptExecution) -> Values:
    """The values with which it runs, a secret as `{"set": true}`."""
    return {name: {"set": True} if name in row.secret_names else value for name, value in row.parameters.items()}
