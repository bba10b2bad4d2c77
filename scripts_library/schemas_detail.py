"""One script as the API answers it: its text, who uses it, its last executions, and what became of its file."""

from typing import Self

from pydantic import Field

from borgui.rest import Out

from . import approval, library, owners, upgrading
from .library import Sight
from .manifest import Manifest
from .models import Assignment, RepositoryScript, Script, ScriptExecution, WindowScript
from .schemas import ExecutionBrief, ScriptOut

LAST_EXECUTIONS = 10


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


class UpgradeOut(Out):
    """A newer version of the template that the script was made from."""

    version: str
    sha256: str
    ignored: bool


class DeclaredOut(Out):
    """A parameter as the block of a script declares it."""

    name: str
    label: str
    help: str
    type: str
    required: bool
    default: str | int | bool | None
    choices: list[str]
    must_be_source: bool


class ScriptDetail(ScriptOut):
    content: str
    running_sha256: str | None = Field(description="of the text that backups run; null while none is approved")
    upgrade: UpgradeOut | None
    declared_parameters: list[DeclaredOut]
    block_errors: list[str]
    repositories: list[UserOut]
    windows: list[UserOut]
    executions: list[ExecutionBrief]
    drift: Drift

    @classmethod
    def of_sight(cls, script: Script, sight: Sight, users: list[Assignment], executions: list[ScriptExecution]) -> Self:
        manifest = Manifest.from_dict(script.manifest)
        return cls.of(
            script,
            content=sight.revision.text if sight.revision else "",
            declared_parameters=[DeclaredOut(**entry.to_dict()) for entry in manifest.parameters],
            block_errors=list(manifest.errors),
            repositories=[user_of(entry) for entry in users if owners.of(entry).kind == owners.REPOSITORY],
            windows=[user_of(entry) for entry in users if owners.of(entry).kind == owners.WINDOW],
            executions=[ExecutionBrief.of(row) for row in executions],
            upgrade=upgrade_of(script),
            running_sha256=running_sha256(script),
            drift=Drift(state=sight.state, problem=sight.problem, unseen_edit=script.unseen_edit),
        )


def detail(script: Script) -> ScriptDetail:
    """The script as it is on disk now."""
    sight = library.look(script)
    around = RepositoryScript.objects.filter(script=script).select_related("repository").order_by("repository__name")
    inside = WindowScript.objects.filter(script=script).select_related("window").order_by("window__name")
    users: list[Assignment] = [*around, *inside]
    executions = script.executions.defer("stdout", "stderr").order_by("-id")[:LAST_EXECUTIONS]
    return ScriptDetail.of_sight(script, sight, users, list(executions))


def running_sha256(script: Script) -> str | None:
    return (script.approved_sha256 or None) if approval.is_open(script) else script.sha256


def upgrade_of(script: Script) -> UpgradeOut | None:
    found = upgrading.of(script)
    if found is None:
        return None
    return UpgradeOut(version=found.template.version, sha256=found.template.sha256, ignored=found.ignored)


def user_of(entry: Assignment) -> UserOut:
    owner = owners.of(entry)
    return UserOut(
        id=owner.pk,
        name=str(getattr(entry, owner.kind.word)),
        hook_type=entry.hook_type,
        assignment_id=entry.pk,
        enabled=entry.enabled,
    )
