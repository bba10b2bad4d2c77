"""The scripts of one repository: what runs around its backup, in which order, and after which outcome."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backups import access as backups_access
from backups import facts
from backups.models import Repository
from borgui.accounts.access import signed_in
from scripts_library import access, assignments, lanes
from scripts_library.errors import Invalid, Refused
from scripts_library.forms import AssignmentForm
from scripts_library.models import Hook, Outcome, RepositoryScript


@signed_in
@require_GET
def repository_scripts(request: HttpRequest, pk: int) -> HttpResponse:
    """`outcome`: what would run after such a backup is shown, the rest is dimmed, with the reason."""
    return answer(request, backups_access.repository(pk), request.GET.get("outcome", ""))


def answer(request: HttpRequest, repository: Repository, outcome: str) -> HttpResponse:
    """The page, or for HTMX the lanes alone."""
    outcome = outcome if outcome in Outcome.values else Outcome.SUCCESS.value
    context = {
        "repository": repository,
        "lanes": lanes.of(facts.of(repository), outcome),
        "outcome": outcome,
        "outcomes": lanes.OUTCOMES,
    }
    return render(request, f"repositories/{'_script_lanes' if request.htmx else 'scripts'}.html", context)  # type: ignore[attr-defined]


def back(request: HttpRequest, entry: RepositoryScript) -> HttpResponse:
    """After a small change: the lanes for HTMX, else the page, at the script."""
    outcome = request.POST.get("outcome", "")
    if request.htmx:  # type: ignore[attr-defined]
        return answer(request, backups_access.repository(entry.repository_id), outcome)
    query = f"?outcome={outcome}" if outcome in Outcome.values else ""
    return redirect(f"{reverse('repository-scripts', args=[entry.repository_id])}{query}#assignment-{entry.pk}")


@signed_in
@require_POST
def assignment_move(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """`step` is up or down."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    rows = RepositoryScript.objects.chain(entry.repository_id, entry.hook_type)
    step = -1 if request.POST.get("step") == "up" else 1
    try:
        assignments.reorder(pk, entry.hook_type, lanes.moved([row.pk for row in rows], entry.pk, step))
    except Refused as reason:
        messages.error(request, reason.message)
    return back(request, entry)


@signed_in
@require_POST
def assignment_switch(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """Switch it on or off; `enabled` is what it shall be."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    try:
        assignments.change(entry, {"enabled": request.POST.get("enabled") == "true"})
    except Refused as reason:
        messages.error(request, reason.message)
    return back(request, entry)


@signed_in
@require_POST
def assignment_remove(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """The script itself stays in the library."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    assignments.remove(entry)
    messages.success(request, f"'{entry.script.name}' no longer runs around backups of this repository.")
    return redirect("repository-scripts", pk)


@signed_in
@require_http_methods(["GET", "POST"])
def assignment(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """All settings of one assignment."""
    repository = backups_access.repository(pk)
    entry = access.assignment(repository.pk, rs_id)
    form = AssignmentForm(entry.script, entry.hook_type, entry, request.POST if request.method == "POST" else None)
    if form.is_valid() and agreed(form, lambda: assignments.change(entry, form.given())):
        messages.success(request, f"Saved: '{entry.script.name}'.")
        return redirect("repository-scripts", pk)
    context = {"repository": repository, "form": form, "entry": entry, "script": entry.script, "hook": entry.hook_type}
    return render(request, "repositories/assignment.html", context, status=422 if form.errors else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def assignment_new(request: HttpRequest, pk: int, hook: str) -> HttpResponse:
    """First which script (`script`), then its settings."""
    repository = backups_access.repository(pk)
    if hook not in Hook.values:
        raise Http404
    chosen = request.GET.get("script", "")
    if not (chosen.isdecimal() and len(chosen) < 19):
        return pick(request, repository, hook)
    script = access.script(int(chosen))
    form = AssignmentForm(script, hook, data=request.POST if request.method == "POST" else None)
    if form.is_valid() and agreed(form, lambda: assignments.assign(pk, script, hook, **form.given())):
        place = "before" if hook == Hook.PRE else "after"
        messages.success(request, f"Added: '{script.name}' runs {place} the backup.")
        return redirect("repository-scripts", pk)
    context = {"repository": repository, "form": form, "script": script, "hook": hook}
    return render(request, "repositories/assignment.html", context, status=422 if form.errors else 200)


def pick(request: HttpRequest, repository: Repository, hook: str) -> HttpResponse:
    search = request.GET.get("search", "")
    found, more = lanes.assignable(repository.pk, hook, search)
    context = {"repository": repository, "hook": hook, "scripts": found, "more": more, "search": search}
    return render(request, "repositories/assignment_pick.html", context)


def agreed(form: AssignmentForm, act: Callable[[], object]) -> bool:
    """Do it; what the library refuses is shown at its field."""
    try:
        act()
    except Invalid as reason:
        form.refuse(reason.errors)
    except Refused as reason:
        form.refuse({reason.field: reason.message})
    return not form.errors
