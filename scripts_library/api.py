"""Endpoints of scripts, their revisions and test runs, and of the scripts of a repository."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status

from backups import access as backups_access
from backups import facts, tasks
from borgui.accounts.authentication import RUN, caller
from borgui.accounts.once import once
from borgui.rest import Listing, Page

from . import (
    access,
    api_approval,
    api_templates,
    approval,
    assignments,
    gallery,
    library,
    making,
    parameters,
    testruns,
    trying,
)
from .catalogue import Template
from .errors import Invalid, Refused
from .models import RepositoryScript, Script, ScriptRevision
from .preview import as_json, preview
from .schemas import (
    AssignmentChange,
    AssignmentIn,
    AssignmentOut,
    DriftAction,
    ExecutionOut,
    Order,
    RevisionDetail,
    RevisionOut,
    ScriptChange,
    ScriptFilters,
    ScriptIn,
    ScriptOut,
    TestRun,
    declared,
)
from .schemas_detail import ScriptDetail, detail
from .schemas_preview import ChainPreview

router = Router()
router.add_router("", api_templates.router)
router.add_router("", api_approval.router)


# --- scripts ----------------------------------------------------------------------------------------------------------
@router.get("/scripts", response=Listing[ScriptOut], tags=["scripts"])
def list_scripts(request: HttpRequest, filters: Query[ScriptFilters]) -> Listing[ScriptOut]:
    """All scripts, by name."""
    rows = matching(filters).order_by("name", "id")
    return Listing[ScriptOut](count=rows.count(), items=[ScriptOut.of(script) for script in filters.cut(rows)])


def matching(filters: ScriptFilters) -> QuerySet[Script]:
    rows = Script.objects.kept()
    if filters.search:
        rows = rows.filter(Q(name__icontains=filters.search) | Q(description__icontains=filters.search))
    if filters.category:
        rows = rows.filter(category=filters.category)
    if filters.run_on:
        undeclared = Q(run_on=None) if filters.run_on == "success" else Q(pk=None)
        rows = rows.filter(Q(run_on=filters.run_on) | undeclared)
    if filters.hook:
        rows = rows.filter(Q(manifest__hooks__icontains=f'"{filters.hook}"') | no_hook_declared())
    if filters.is_template is not None:
        rows = rows.filter(is_template=filters.is_template)
    if filters.unused is not None:
        rows = rows.filter(assignments__isnull=filters.unused).distinct()
    return rows


def no_hook_declared() -> Q:
    """A script whose block names no hook fits both."""
    return Q(manifest__hooks=[]) | Q(manifest__hooks__isnull=True)


@router.post("/scripts", response={201: ScriptDetail}, tags=["scripts"])
def create_script(request: HttpRequest, payload: ScriptIn) -> Status:
    """Create a script, from its text or from a template. What the request does not say, the block says; then defaults."""
    given = payload.given()
    if (template := given.pop("from_template", None)) is not None:
        given.pop("content", None)
        script = making.make(template_to_use(template), user=caller(request), **given)
    else:
        name, content = given.pop("name", None), given.pop("content")
        script = library.create(name, content, source=ScriptRevision.Source.API, user=caller(request), **given)
    return Status(201, detail(script))


def template_to_use(name: str) -> Template:
    found = gallery.find(name)
    if found is None:
        raise Invalid({"from_template": f"There is no template {name[:80]!r}; /api/templates lists them."})
    return found


@router.get("/scripts/{int:pk}", response=ScriptDetail, tags=["scripts"])
def get_script(request: HttpRequest, pk: int) -> ScriptDetail:
    """One script with its content, its users, its last executions, and whether its file was changed outside."""
    return detail(access.script(pk))


@router.put("/scripts/{int:pk}", response=ScriptDetail, tags=["scripts"])
def change_script(request: HttpRequest, pk: int, payload: ScriptChange) -> ScriptDetail:
    """Change a script. New content needs the `sha256` of what was edited; 409 if somebody saved in between."""
    changes = payload.given()
    base = changes.pop("sha256", None)
    script = access.script(pk)
    library.update(script, changes=changes, base_sha256=base, user=caller(request), source=ScriptRevision.Source.API)
    return detail(access.script(pk))


@router.delete("/scripts/{int:pk}", response={204: None}, tags=["scripts"])
def delete_script(request: HttpRequest, pk: int) -> Status:
    """Delete a script; 409 with its users while it is in use."""
    library.delete(access.script(pk))
    return Status(204, None)


@router.get("/scripts/{int:pk}/revisions", response=Listing[RevisionOut], tags=["scripts"])
def list_revisions(request: HttpRequest, pk: int, filters: Query[Page]) -> Listing[RevisionOut]:
    """Every content the script had, newest first."""
    rows = access.script(pk).revisions.order_by("-id")
    if filters.search:
        rows = rows.filter(Q(content__sha256__startswith=filters.search.lower()) | Q(remark__icontains=filters.search))
    return Listing[RevisionOut](count=rows.count(), items=[RevisionOut.of_row(row) for row in filters.cut(rows)])


@router.get("/scripts/{int:pk}/revisions/{sha256}", response=RevisionDetail, tags=["scripts"])
def get_revision(request: HttpRequest, pk: int, sha256: str) -> RevisionDetail:
    """One revision with its content."""
    return RevisionDetail.of(access.revision(access.script(pk), sha256))


@router.post("/scripts/{int:pk}/drift", response=ScriptDetail, tags=["scripts"])
def settle_drift(request: HttpRequest, pk: int, payload: DriftAction) -> ScriptDetail:
    """Keep an edit that was made outside, or go back to the revision before it."""
    settle = library.keep_edit if payload.action == "keep" else library.revert_edit
    settle(access.script(pk), user=caller(request))
    return detail(access.script(pk))


@router.post("/scripts/{int:pk}/test", response={202: ExecutionOut}, auth=RUN, tags=["scripts"])
@once
def try_script(request: HttpRequest, pk: int, payload: TestRun | None = None) -> Status:
    """Queue a test run: the script really runs, on this machine."""
    script, wanted = access.script(pk), payload or TestRun()
    repository = backups_access.repository(wanted.repository_id) if wanted.repository_id else None
    refuse_unapproved(script)
    execution = testruns.queue(
        script,
        facts=facts.of(repository) if repository else None,
        hook_type=wanted.hook_type,
        backup_status=wanted.backup_status or "success",
        values=values_to_try(script, wanted),
        user=caller(request),
        pause=wanted.pause or 0,
    )
    transaction.on_commit(partial(tasks.start_test, execution.pk))
    return Status(202, ExecutionOut.of(execution))


def refuse_unapproved(script: Script) -> None:
    """Four eyes: a try is a run. Raises Refused."""
    library.look(script)
    if reason := approval.why_not_tried(script):
        raise Refused(reason)


def values_to_try(script: Script, wanted: TestRun) -> dict[str, Any]:
    """The values of the repository's own assignment, where it has one, with the given ones over them."""
    stored = trying.stored_values(script, wanted.repository_id, wanted.hook_type)
    return parameters.merge(declared(script), stored, wanted.parameters or {})


# --- the scripts of a repository --------------------------------------------------------------------------------------
@router.get("/repositories/{int:pk}/scripts", response=Listing[AssignmentOut], tags=["assignments"])
def list_assignments(request: HttpRequest, pk: int, filters: Query[Page]) -> Listing[AssignmentOut]:
    """The assignments of both hooks in order, pre-backup first."""
    rows = RepositoryScript.objects.filter(repository=backups_access.repository(pk)).select_related("script").in_order()
    if filters.search:
        rows = rows.filter(script__name__icontains=filters.search)
    return Listing[AssignmentOut](count=rows.count(), items=[AssignmentOut.of(row) for row in filters.cut(rows)])


@router.post("/repositories/{int:pk}/scripts", response={201: AssignmentOut}, tags=["assignments"])
def assign(request: HttpRequest, pk: int, payload: AssignmentIn) -> Status:
    """Attach a script to a hook, as the last one."""
    repository = backups_access.repository(pk)
    given = {name: value for name, value in payload.given().items() if value is not None}
    script = access.script(given.pop("script_id"))
    entry = assignments.assign(repository.pk, script, given.pop("hook_type"), **given)
    return Status(201, AssignmentOut.of(entry))


@router.get(
    "/repositories/{int:pk}/scripts/preview",
    response=ChainPreview,
    tags=["assignments"],
    openapi_extra={"x-may-refuse": True},
)
def preview_chain(request: HttpRequest, pk: int) -> dict[str, Any]:
    """What would run after each of the five outcomes, with which variables, and why the rest would not."""
    return as_json(preview(facts.of(backups_access.repository(pk))))


@router.put("/repositories/{int:pk}/scripts/order", response=Listing[AssignmentOut], tags=["assignments"])
def reorder(request: HttpRequest, pk: int, payload: Order) -> Listing[AssignmentOut]:
    """The whole order of one hook at once; 409 if these are not exactly its assignments."""
    repository = backups_access.repository(pk)
    assignments.reorder(repository.pk, payload.hook_type, payload.order)
    rows = RepositoryScript.objects.chain(repository.pk, payload.hook_type)
    return Listing[AssignmentOut](count=len(rows), items=[AssignmentOut.of(row) for row in rows])


@router.get("/repositories/{int:pk}/scripts/{int:rs_id}", response=AssignmentOut, tags=["assignments"])
def get_assignment(request: HttpRequest, pk: int, rs_id: int) -> AssignmentOut:
    """One script at one hook of a repository."""
    return AssignmentOut.of(access.assignment(backups_access.repository(pk).pk, rs_id))


@router.put("/repositories/{int:pk}/scripts/{int:rs_id}", response=AssignmentOut, tags=["assignments"])
def change_assignment(request: HttpRequest, pk: int, rs_id: int, payload: AssignmentChange) -> AssignmentOut:
    """Change an assignment; parameters are merged by name."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    return AssignmentOut.of(assignments.change(entry, payload.given()))


@router.delete("/repositories/{int:pk}/scripts/{int:rs_id}", response={204: None}, tags=["assignments"])
def remove_assignment(request: HttpRequest, pk: int, rs_id: int) -> Status:
    """Take the script off this hook; the script itself stays."""
    assignments.remove(access.assignment(backups_access.repository(pk).pk, rs_id))
    return Status(204, None)
