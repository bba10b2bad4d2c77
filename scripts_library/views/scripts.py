"""The pages of the script library: all scripts, a new one, one of them."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backups.models import Repository
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, api, folder, library, shelf
from scripts_library.difference import difference
from scripts_library.errors import Conflict, InUse, Invalid, Refused
from scripts_library.forms_script import NewScriptForm, ScriptForm, ShelfForm
from scripts_library.models import ExecutionStatus, Script, ScriptRevision
from scripts_library.schemas import ScriptFilters
from scripts_library.store import StoreError

ON_A_PAGE = 50
LATEST = 10  # runs and versions on the page of a script


# --- all scripts ------------------------------------------------------------------------------------------------------
@signed_in
@require_GET
def scripts(request: HttpRequest) -> HttpResponse:
    form = ShelfForm(request.GET)
    wanted, on_disk = form.wanted(), shelf.folder()
    page = Paginator(matching(wanted, on_disk).order_by("name", "id"), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": ShelfForm(initial=wanted),
        "wanted": wanted,
        "folder": on_disk,
        "page": page,
        "entries": shelf.entries(page.object_list, on_disk.missing),
        "facts": shelf.facts(Repository.objects.kept().count()),
    }
    return render(request, "scripts/list.html", context)


def matching(wanted: Mapping[str, Any], on_disk: shelf.Folder) -> QuerySet[Script]:
    state = wanted.get("state")
    unused = {"used": False, "unused": True}.get(str(state))
    filters = {"hook": wanted.get("hook"), "run_on": wanted.get("run_on"), "unused": unused}
    rows = api.matching(ScriptFilters.model_validate(filters))
    if state == "changed":
        rows = rows.filter(unseen_edit=True)
    if state == "missing":
        rows = rows.filter(file_path__in=on_disk.missing)
    return shelf.containing(rows, wanted["search"]) if "search" in wanted else rows


@signed_in
@require_POST
def scripts_register(request: HttpRequest) -> HttpResponse:
    """Bring rows and folder together: new files become scripts, renamed ones are followed."""
    try:
        report = folder.sync(user=caller(request))
    except StoreError as error:
        messages.error(request, str(error))
        return redirect("scripts")
    for one in report.unreadable:
        messages.warning(request, f"{one['file_path']}: {one['problem']}")
    names = ", ".join(f"'{one['name']}'" for one in report.registered)
    messages.success(request, f"Registered: {names}." if names else "Nothing new was found.")
    return redirect("scripts")


# --- a new one --------------------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def script_new(request: HttpRequest) -> HttpResponse:
    form = NewScriptForm(request.POST or None)
    if form.is_valid() and (made := create(form, request)):
        messages.success(request, f"'{made.name}' is in the library. It runs once it is added to a repository.")
        return redirect("script", made.pk)
    context = {"form": form, "readonly": settings.SCRIPTS_READONLY}
    return render(request, "scripts/new.html", context, status=422 if form.is_bound else 200)


def create(form: NewScriptForm, request: HttpRequest) -> Script | None:
    """None where the library refused; the form says why."""
    name, content = form.cleaned_data["name"] or None, form.cleaned_data["content"]
    try:
        return library.create(name, content, source=ScriptRevision.Source.EDITOR, user=caller(request))
    except Invalid as error:
        form.refuse_fields(error.errors)
    except Refused as error:
        form.refuse(error)
    return None


# --- one script -------------------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def script(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of one script; a POST saves what this person changed."""
    found = access.script(pk)
    sight = library.look(found)
    text = sight.revision.text if sight.revision else ""
    form = ScriptForm(request.POST or None, script=found, text=text, readonly=settings.SCRIPTS_READONLY)
    if not form.is_bound:
        return render(request, "scripts/script.html", surroundings(request, found, sight, form))
    conflict = None
    if form.is_valid():
        try:
            save(found, form, request)
            messages.success(request, "Saved.")
            return redirect("script", pk)
        except Conflict as error:
            conflict = newer(found, form, error)
        except Invalid as error:
            form.refuse_fields(error.errors)
        except Refused as error:
            form.refuse(error)
    context = {**surroundings(request, found, sight, form), "conflict": conflict}
    return render(request, "scripts/script.html", context, status=409 if conflict else 422)


def save(found: Script, form: ScriptForm, request: HttpRequest) -> None:
    """Raises what `library.update` raises."""
    edited = found.revisions.filter(content_id=form.cleaned_data["sha256"]).select_related("content").first()
    changes = form.changes(edited.text if edited else None)
    if changes:
        source = ScriptRevision.Source.EDITOR
        library.update(found, changes=changes, base_sha256=form.base, source=source, user=caller(request))


def newer(found: Script, form: ScriptForm, error: Conflict) -> dict[str, Any]:
    """What a person needs to choose between the version that was saved meanwhile and their own."""
    revision = library.current_revision(access.script(found.pk))
    saved = revision.text if revision else ""
    return {
        "message": error.message,
        "revision": revision,
        "sha256": revision.sha256 if revision else "",
        "lines": difference(saved, form.cleaned_data["content"]),
    }


def surroundings(request: HttpRequest, found: Script, sight: library.Sight, form: ScriptForm) -> dict[str, Any]:
    """All that the page shows around the editor."""
    uses = library.users(found)
    runs = found.executions.exclude(status=ExecutionStatus.PLANNED).select_related("repository").order_by("-id")
    versions = found.revisions.select_related("created_by_user").order_by("-id")
    number = versions.count()
    accepted = library.accepted_revision(found) if sight.state == library.CHANGED else None
    return {
        "script": found,
        "form": form,
        "sight": sight,
        "changes": difference(accepted.text, sight.revision.text) if accepted and sight.revision else [],
        "uses": uses,
        "repositories": {use.repository_id: use.repository_name for use in uses},
        "runs": runs.defer("stdout", "stderr", "parameters")[:LATEST],
        "versions": versions if "versions" in request.GET else versions[:LATEST],
        "more_versions": number if number > LATEST and "versions" not in request.GET else 0,
        "readonly": settings.SCRIPTS_READONLY,
        "block_edits": settings.EXTERNAL_EDITS == "block",
    }


# --- delete -----------------------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def script_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.script(pk)
    context = {"script": found, "uses": library.users(found)}
    if request.method == "GET":
        return render(request, "scripts/delete.html", context)
    if request.POST.get("name", "").strip() != found.name:
        return render(request, "scripts/delete.html", {**context, "problem": "This is not its name."}, status=422)
    try:
        library.delete(found)
    except InUse:
        return render(request, "scripts/delete.html", {**context, "uses": library.users(found)}, status=409)
    except Refused as error:
        return render(request, "scripts/delete.html", {**context, "problem": error.message}, status=409)
    messages.success(request, f"'{found.name}' is deleted. Its versions and runs stay in the history.")
    return redirect("scripts")
