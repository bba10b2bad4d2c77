"""What the API takes and answers about maintenance windows (interfaces.md, "A window")."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag

from borgui.rest import Count, Id, In, Out, Text
from scripts_library import parameters
from scripts_library.models import Hook, ScriptExecution, WindowScript
from scripts_library.schemas import (
    ExecutionBrief,
    ExecutionOut,
    OnFailureName,
    RunOnName,
    Timeout,
    Values,
    declared,
)

from . import cron, verdicts, window_run_story, windows
from .models import MaintenanceWindow, WindowRun, WindowStatus
from .schemas import DowntimeOut, JobInList, PhaseOut

NEXT = 3


# --- windows ----------------------------------------------------------------------------------------------------------
class WindowScriptIn(In):
    """In a PUT an absent field stays as it is where the script runs there already; parameters are merged by name."""

    script_id: Id
    enabled: bool | None = None
    custom_timeout: Timeout | None = None
    custom_run_on: RunOnName | None = None
    on_failure: OnFailureName | None = None
    parameters: Values | None = None


def kind(value: object) -> str:
    """So that what is wrong is said of what was meant."""
    return "settings" if isinstance(value, dict | WindowScriptIn) else "number"


ScriptHere = Annotated[Annotated[Id, Tag("number")] | Annotated[WindowScriptIn, Tag("settings")], Discriminator(kind)]


class WindowChange(In):
    """Every field of a window. In a PUT an absent one stays as it is, `null` sets the default again."""

    name: Text | None = None
    description: Text | None = None
    cron_expression: Text | None = Field(None, description="five fields, or @daily and the like")
    timezone: Text | None = Field(None, description="the installation's, where none is given")
    enabled: bool | None = None
    max_parallel: Count | None = Field(None, description="backups at a time")
    max_duration: Count | None = Field(None, description="seconds, after which no further backup starts")
    catch_up: Count | None = Field(None, description="seconds: an opening that is later than this is missed")
    pre_scripts: list[ScriptHere] | None = Field(None, description="the whole list, in order")
    post_scripts: list[ScriptHere] | None = Field(None, description="the whole list, in order")

    def scripts(self) -> dict[str, list[dict[str, Any]]]:
        """By hook, the lists that the request holds; `null` is an empty one."""
        given = {Hook.PRE: "pre_scripts", Hook.POST: "post_scripts"}
        return {
            hook.value: [
                {"script_id": one} if isinstance(one, int) else one.given() for one in getattr(self, name) or []
            ]
            for hook, name in given.items()
            if name in self.model_fields_set
        }

    def columns(self) -> dict[str, Any]:
        return {name: value for name, value in self.given().items() if name not in ("pre_scripts", "post_scripts")}


class WindowIn(WindowChange):
    name: Text
    cron_expression: Text


class WindowScriptOut(Out):
    id: int
    script_id: int
    script_name: str
    execution_order: int
    enabled: bool
    custom_timeout: int | None
    custom_run_on: str | None
    on_failure: str
    parameters: Values
    timeout: int
    run_on: str

    @classmethod
    def of(cls, entry: WindowScript) -> Self:
        values = parameters.shown(declared(entry.script), entry.parameters)
        return cls.of_row(entry, script_name=entry.script.name, parameters=values)


class WindowOut(Out):
    id: int
    name: str
    description: str
    cron_expression: str
    timezone: str
    in_words: str
    enabled: bool
    max_parallel: int
    max_duration: int
    catch_up: int
    pre_scripts: list[WindowScriptOut]
    post_scripts: list[WindowScriptOut]
    scheduled_jobs: list[int]
    last_run: datetime | None
    next_run: datetime | None
    next_times: list[datetime]
    created_at: datetime

    @classmethod
    def of(cls, window: MaintenanceWindow, now: datetime) -> Self:
        """`window_scripts` (with their scripts) and `scheduled_jobs` should be there already in lists."""
        scripts = sorted(window.window_scripts.all(), key=lambda one: (one.execution_order, one.pk))

        def of_hook(hook: str) -> list[WindowScriptOut]:
            return [WindowScriptOut.of(one) for one in scripts if one.hook_type == hook]

        return cls.of_row(
            window,
            in_words=cron.in_words(window.cron_expression),
            pre_scripts=of_hook(Hook.PRE),
            post_scripts=of_hook(Hook.POST),
            scheduled_jobs=sorted(one.pk for one in window.scheduled_jobs.all()),
            next_times=windows.next_openings(window, now, NEXT),
        )


# --- their openings ---------------------------------------------------------------------------------------------------
class WindowRunOut(Out):
    """`status` is `running` also while it waits for its turn; `started_at` is null so long."""

    id: int
    window_id: int | None
    window_name: str
    status: str
    outcome: str | None
    phase: str | None
    phases: list[PhaseOut]
    data: str | None
    services: str
    downtime: list[DowntimeOut]
    saved_downtime: float | None = Field(description="seconds, against one interruption for each of its jobs")
    message: str
    triggered_by: str
    triggered_by_user_id: int | None
    due_at: datetime | None
    is_catch_up: bool
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    cancel_requested_at: datetime | None
    executions: list[ExecutionOut]
    jobs: list[JobInList]

    @classmethod
    def of(cls, run: WindowRun, now: datetime) -> Self:
        rows = list(run.executions.in_order())
        return cls.of_row(run, **told(run, rows, now), executions=[ExecutionOut.of(row) for row in rows])


class WindowRunInList(WindowRunOut):
    """An opening without what its scripts printed."""

    executions: list[ExecutionBrief]  # type: ignore[assignment]  # the same with fewer fields

    @classmethod
    def of_rows(cls, run: WindowRun, now: datetime) -> Self:
        """Executions, jobs (with theirs) and broken promises should be there already."""
        rows = list(run.executions.all())
        return cls.of_row(run, **told(run, rows, now), executions=[ExecutionBrief.of(row) for row in rows])


def told(run: WindowRun, rows: Sequence[ScriptExecution], now: datetime) -> dict[str, Any]:
    """What is computed from the rows."""
    jobs = sorted(run.jobs.all(), key=lambda job: (job.window_position or 0, job.pk))
    data = window_run_story.data_state(jobs)
    return {
        "status": "running" if run.status == WindowStatus.QUEUED else run.status,
        "outcome": run.outcome or None,
        "phase": run.phase or None,
        "data": "none" if data == "not_made" else data,
        "services": window_run_story.services_state(run, rows, list(run.broken_promises.all())),
        "downtime": verdicts.as_json(verdicts.downtime_of(rows, now)),
        "saved_downtime": windows.saved_of(rows, jobs) if run.completed_at else None,
        "jobs": [JobInList.of_rows(job, list(job.executions.all()), now) for job in jobs],
    }
