"""One script of a repository or a window: add it, its settings, take it away, run it now.

`kind` says which of both `pk` is the number of (`places`).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from backups import tasks
from borgui import htmx
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, assignments, lanes, testruns
from scripts_library.errors import Conflict, Invalid, Refused
from scripts_library.forms import AssignmentForm
from scripts_library.models import Assignment, Hook

from . import places
from .board import CHANGED, board_of, ids_in, outcome_in
from .places import Place

REFUSED = 422


@signed_in
@require_http_methods(["GET", "POST"])
def assignment(request: HttpRequest, kind: str, pk: int, rs_id: int) -> HttpResponse:
    """All settings of one assignment: a page, or for HTMX a form on its card, each change of which is saved at once."""
    place = places.find(kind, pk)
    entry = access.assignment(place.owner, rs_id)
    if htmx.of(request):
        return on_card(request, place, entry)
    form = AssignmentForm(entry.script, entry.hook_type, entry, request.POST if request.method == "POST" else None)
    if form.is_valid() and saved(form, entry):
        messages.success(request, f"Saved: '{entry.script.name}'.")
        return redirect(place.urls["board"], pk)
    context = place.context(form=form, entry=entry, script=entry.script, hook=entry.hook_type)
    return render(request, "board/assignment.html", context, status=REFUSED if form.errors else 200)


def on_card(request: HttpRequest, place: Place, entry: Assignment) -> HttpResponse:
    """The form; of a change only what became of it, and what it changed on the board."""
    if request.method != "POST":
        return card_form(request, place, entry)
    form = card_form_of(entry, request.POST)
    try:
        if form.is_valid() and agreed(form, lambda: assignments.change(entry, form.given(), known=form.known)):
            return saved_on_card(request, place, access.assignment(place.owner, entry.pk), form)
    except Conflict as reason:
        return card_form(request, place, entry, conflict=reason.message)
    context = place.context(entry=entry, form=form)
    return render(request, "board/_assignment_saved.html", context, status=REFUSED)


def card_form_of(entry: Assignment, data: Any = None) -> AssignmentForm:
    form = AssignmentForm(entry.script, entry.hook_type, entry, data, auto_id=f"of-{entry.pk}-%s")
    del form.fields["enabled"]
    return form


def saved_on_card(request: HttpRequest, place: Place, entry: Assignment, form: AssignmentForm) -> HttpResponse:
    """The words "Saved", and beside them the heads of all cards, for what one script does concerns the others."""
    context = {**board_of(request, place), "entry": entry, "known": assignments.state_of(entry)}
    if not form.has_secrets_given():
        return render(request, "board/_assignment_saved.html", context)
    answer = render(request, "board/_assignment_saved.html", {**context, "form": card_form_of(entry)})
    return in_place_of_form(answer, entry)


def in_place_of_form(answer: HttpResponse, entry: Assignment) -> HttpResponse:
    return reswap(retarget(answer, f"#settings-of-{entry.pk}"), "innerHTML")


def card_form(request: HttpRequest, place: Place, entry: Assignment, conflict: str = "") -> HttpResponse:
    """The form as it is now; in a conflict in place of the one that was sent."""
    context = place.context(entry=entry, form=card_form_of(entry), conflict=conflict)
    answer = render(request, "board/_assignment_settings.html", context, status=CHANGED if conflict else 200)
    return in_place_of_form(answer, entry)


def saved(form: AssignmentForm, entry: Assignment) -> bool:
    """Whether the page's form was taken. In a conflict what was typed stays, and sent again it wins."""
    try:
        return agreed(form, lambda: assignments.change(entry, form.given(), known=form.known))
    except Conflict as reason:
        form.is_outdated(f"{reason.message} Save again to put yours in their place.")
        return False


@signed_in
@require_POST
def assignment_remove(request: HttpRequest, kind: str, pk: int, rs_id: int) -> HttpResponse:
    """The script itself stays in the library."""
    place = places.find(kind, pk)
    entry = access.assignment(place.owner, rs_id)
    assignments.remove(entry)
    messages.success(request, f"'{entry.script.name}' no longer runs around backups of this {place.word}.")
    return redirect(place.urls["board"], pk)


@signed_in
@require_POST
def assignment_run(request: HttpRequest, kind: str, pk: int, rs_id: int) -> HttpResponse:
    """Really run this script alone, now, with the values it has here, as after a backup that was `outcome`."""
    place = places.find(kind, pk)
    entry = access.assignment(place.owner, rs_id)
    with transaction.atomic():
        row = testruns.queue(
            entry.script,
            facts=place.facts,
            hook_type=entry.hook_type,
            backup_status=outcome_in(request.POST.get("outcome", "")),
            values=entry.parameters,
            user=caller(request),
            timeout=entry.custom_timeout,
        )
        transaction.on_commit(partial(tasks.start_test, row.pk))
    return redirect("execution", row.pk)


@signed_in
@require_http_methods(["GET", "POST"])
def assignment_new(request: HttpRequest, kind: str, pk: int, hook: str) -> HttpResponse:
    """First which script (`script`), then its settings. `at`: its place among the others, from 0; else the last."""
    place = places.find(kind, pk)
    if hook not in Hook.values:
        raise Http404
    chosen = ids_in(request.GET.get("script"))
    if not chosen:
        return pick(request, place, hook)
    script, at = access.script(chosen[0]), next(iter(ids_in(request.GET.get("at"))), None)
    form = AssignmentForm(script, hook, data=request.POST if request.method == "POST" else None)
    if form.is_valid() and agreed(form, lambda: assignments.assign(place.owner, script, hook, at=at, **form.given())):
        when = "before" if hook == Hook.PRE else "after"
        messages.success(request, f"Added: '{script.name}' runs {when} {place.backup}.")
        return redirect(place.urls["board"], pk)
    context = place.context(form=form, script=script, hook=hook)
    return render(request, "board/assignment.html", context, status=REFUSED if form.errors else 200)


def pick(request: HttpRequest, place: Place, hook: str) -> HttpResponse:
    search = request.GET.get("search", "")
    found, more = lanes.assignable(place.owner, hook, search)
    context = place.context(hook=hook, scripts=found, more=more, search=search)
    return render(request, "board/assignment_pick.html", context)


def agreed(form: AssignmentForm, act: Callable[[], object]) -> bool:
    """Do it; what the library refuses is shown at its field. Raises Conflict."""
    try:
        act()
    except Invalid as reason:
        form.refuse(reason.errors)
    except Conflict:
        raise
    except Refused as reason:
        form.refuse({reason.field: reason.message})
    return not form.errors
