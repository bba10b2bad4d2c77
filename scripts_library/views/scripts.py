"""The pages of scripts: a new one, one of them, one that goes."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, approval, approval_story, declaration, facts_of_script, gallery, library, upgrading
from scripts_library.difference import difference
from scripts_library.errors import Conflict, InUse, Invalid, Refused
from scripts_library.forms_script import NewScriptForm, ScriptForm
from scripts_library.models import ExecutionStatus, Script, ScriptRevision
from scripts_library.standoff import standoff

from . import try_panel
from .declaring import Bench, bench, content_of

LATEST = 10  # runs and versions on the page of a script


# --- a new one --------------------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def script_new(request: HttpRequest) -> HttpResponse:
    worked = bench(request.POST)
    form = NewScriptForm(worked.data if worked else request.POST or None)
    context = {"form": form, "readonly": settings.SCRIPTS_READONLY, **around_editor(form, worked)}
    if worked or not form.is_bound:
        return render(request, "scripts/new.html", context)
    if form.is_valid() and (made := create(form, request)):
        done = f"'{made.name}' is in the library. It runs once it is added to a repository."
        messages.success(request, f"{done}{approval.remark(made)}")
        return redirect("script", made.pk)
    return render(request, "scripts/new.html", context, status=422)


def around_editor(form: forms.Form, worked: Bench | None) -> dict[str, Any]:
    """The form of the block that goes with the text, and what was found in it where somebody asked."""
    if worked:
        return {"declaration": worked.block, "report": worked.report}
    return {"declaration": declaration.read(content_of({"content": form["content"].value() or ""}))}


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
    worked = bench(request.POST)
    data = worked.data if worked else request.POST or None
    form = ScriptForm(data, script=found, text=text, readonly=settings.SCRIPTS_READONLY)
    if worked or not form.is_bound:
        around = surroundings(request, found, sight, form)
        return render(request, "scripts/script.html", {**around, **around_editor(form, worked)})
    conflict = None
    if form.is_valid():
        try:
            save(found, form, request)
            messages.success(request, f"Saved.{approval.remark(found)}")
            return redirect("script", pk)
        except Conflict as error:
            conflict = standoff(found, form.cleaned_data["content"], form.cleaned_data["sha256"], error.message)
        except Invalid as error:
            form.refuse_fields(error.errors)
        except Refused as error:
            form.refuse(error)
    context = {**surroundings(request, found, sight, form), **around_editor(form, None), "conflict": conflict}
    return render(request, "scripts/script.html", context, status=409 if conflict else 422)


def save(found: Script, form: ScriptForm, request: HttpRequest) -> None:
    """Raises what `library.update` raises."""
    edited = found.revisions.filter(content_id=form.cleaned_data["sha256"]).select_related("content").first()
    changes = form.changes(edited.text if edited else None)
    origin = upgrading.origin_for(found, form.cleaned_data["template"])
    if changes or origin:
        source, user = ScriptRevision.Source.EDITOR, caller(request)
        library.update(found, changes=changes, base_sha256=form.base, source=source, user=user, origin=origin)


def surroundings(request: HttpRequest, found: Script, sight: library.Sight, form: ScriptForm) -> dict[str, Any]:
    """All that the page shows around the editor."""
    uses = facts_of_script.uses(found)
    runs = found.executions.exclude(status=ExecutionStatus.PLANNED).select_related("repository").order_by("-id")
    versions = found.revisions.select_related("created_by_user").order_by("-id")
    number = versions.count()
    accepted = library.accepted_revision(found) if sight.state == library.CHANGED else None
    return {
        "script": found,
        "form": form,
        "sight": sight,
        "changes": difference(accepted.text, sight.revision.text) if accepted and sight.revision else None,
        "uses": uses,
        "repositories": {use.owner_id: use.owner for use in uses if not use.is_window},
        "facts": facts_of_script.runs(found),
        "runs": runs.defer("stdout", "stderr", "parameters")[:LATEST],
        "versions": versions if "versions" in request.GET else versions[:LATEST],
        "more_versions": number if number > LATEST and "versions" not in request.GET else 0,
        "readonly": settings.SCRIPTS_READONLY,
        "block_edits": settings.EXTERNAL_EDITS == "block",
        "panel": try_panel.of(request, found),
        "upgrade": upgrading.of(found),
        "approval": approval_story.of(found, sight.revision, caller(request)),
        "own_template": f"own-{found.pk}",
        "made_from": gallery.source_of(found),
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
