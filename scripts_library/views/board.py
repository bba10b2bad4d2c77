"""The board of a repository or a window: which scripts run around backups, in which order, switched on or off.

`kind` says which of both `pk` is the number of (`places`).
"""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from borgui import htmx
from borgui.accounts.access import signed_in
from scripts_library import access, assignments, lanes
from scripts_library.errors import Refused
from scripts_library.forms import AssignmentForm
from scripts_library.models import Assignment, Hook, Outcome, Script

from . import places
from .places import Place

CHANGED = 409


@signed_in
@require_GET
def scripts_around(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """`outcome`: what would run after such a backup is shown, the rest is dimmed, with the reason."""
    return answer(request, places.find(kind, pk))


@signed_in
@require_GET
def script_picker(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Scripts to be dragged into a lane; `search` in their names."""
    place = places.find(kind, pk)
    context = place.context(**picker(place, request.GET.get("search", "")))
    return render(request, "board/_script_picker.html", context)


@signed_in
@require_POST
def assignment_move(request: HttpRequest, kind: str, pk: int, rs_id: int) -> HttpResponse:
    """`step` is up or down."""
    place = places.find(kind, pk)
    entry = access.assignment(place.owner, rs_id)
    order = ids_in(request.POST.get("known")) or [row.pk for row in place.owner.of_hook(entry.hook_type)]
    step = -1 if request.POST.get("step") == "up" else 1
    return ordered(request, place, entry, lanes.moved(order, entry.pk, step) if entry.pk in order else [])


@signed_in
@require_POST
def assignment_order(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """`order` of one lane as somebody dragged it, `moved` is what was dragged."""
    place = places.find(kind, pk)
    moved = ids_in(request.POST.get("moved"))
    entry = access.assignment(place.owner, moved[0] if moved else 0)
    return ordered(request, place, entry, ids_in(",".join(request.POST.getlist("order"))))


def ordered(request: HttpRequest, place: Place, entry: Assignment, order: list[int]) -> HttpResponse:
    """Put the lane of an assignment in this order, unless it is no longer the one that the person saw."""
    known = ids_in(request.POST.get("known")) or None
    try:
        assignments.reorder(place.owner, entry.hook_type, order, known=known)
    except Refused as reason:
        return answer(request, place, said=reason.message, status=CHANGED)
    return back(request, place, entry, f"Saved: '{entry.script.name}' is {lanes.place_of(entry)}.")


@signed_in
@require_POST
def assignment_switch(request: HttpRequest, kind: str, pk: int, rs_id: int) -> HttpResponse:
    """Switch it on or off; `enabled` is what it shall be."""
    place = places.find(kind, pk)
    entry = access.assignment(place.owner, rs_id)
    enabled = request.POST.get("enabled") == "true"
    try:
        assignments.change(entry, {"enabled": enabled})
    except Refused as reason:
        return answer(request, place, said=reason.message, status=CHANGED)
    return back(request, place, entry, f"Saved: '{entry.script.name}' is switched {'on' if enabled else 'off'} here.")


@signed_in
@require_POST
def assignment_drop(request: HttpRequest, kind: str, pk: int, hook: str) -> HttpResponse:
    """Add `script` at the place `at`. Where it needs an answer first, to the form that asks."""
    place = places.find(kind, pk)
    script = access.script(next(iter(ids_in(request.POST.get("script"))), 0))
    at = next(iter(ids_in(request.POST.get("at"))), None)
    if hook not in Hook.values or not lanes.fits(script, hook):
        raise Http404
    if needs_answers(script, hook):
        query = urlencode({"script": script.pk, "at": "" if at is None else at})
        return HttpResponseClientRedirect(f"{reverse(place.urls['new'], args=[pk, hook])}?{query}")
    try:
        entry = assignments.assign(place.owner, script, hook, at=at)
    except Refused as reason:
        return answer(request, place, said=reason.message, status=CHANGED)
    return back(request, place, entry, f"Added: '{script.name}' is {lanes.place_of(entry)}.")


def needs_answers(script: Script, hook: str) -> bool:
    """Nobody has said after which backups it runs, or one of its values has to be given."""
    form = AssignmentForm(script, hook)
    return (hook == Hook.POST and not script.run_on_declared) or form.values.is_incomplete()


# --- answers ----------------------------------------------------------------------------------------------------------
def answer(request: HttpRequest, place: Place, said: str = "", status: int = 200) -> HttpResponse:
    """The page, or for HTMX the lanes alone; `said` is what became of a change."""
    search = request.POST.get("search", "")
    context = {
        **board_of(request, place),
        "said": said,
        "is_conflict": status == CHANGED,
        **picker(place, search),
    }
    piece = "_script_lanes" if htmx.of(request) else "scripts"
    return render(request, f"board/{piece}.html", context, status=status)


def board_of(request: HttpRequest, place: Place) -> dict[str, object]:
    """What the lanes need, under the outcome that the person looks at."""
    given = request.POST if request.method == "POST" else request.GET
    outcome = outcome_in(given.get("outcome", ""))
    words = {"outcome": outcome, "outcomes": lanes.OUTCOMES, "outcome_word": lanes.OUTCOMES[Outcome(outcome)]}
    return place.context(board=place.board(outcome), **words)


def back(request: HttpRequest, place: Place, entry: Assignment, said: str) -> HttpResponse:
    """After a change: the lanes for HTMX, else the page, at the script."""
    if htmx.of(request):
        return answer(request, place, said)
    messages.success(request, said)
    outcome = request.POST.get("outcome", "")
    query = f"?outcome={outcome}" if outcome in Outcome.values else ""
    return redirect(f"{reverse(place.urls['board'], args=[place.pk])}{query}#assignment-{entry.pk}")


def picker(place: Place, search: str = "") -> dict[str, object]:
    offers, is_more = lanes.at_hand(place.owner, search)
    return {"offers": offers, "is_more": is_more, "search": search}


def outcome_in(given: str) -> str:
    return given if given in Outcome.values else Outcome.SUCCESS.value


def ids_in(given: str | None) -> list[int]:
    """Numbers with commas between them; whatever is none is left out."""
    return [int(one) for one in (given or "").split(",") if one.isascii() and one.isdecimal() and len(one) < 19]
