"""The board of one repository: which scripts run around its backup, in which order, switched on or off."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from backups import access as backups_access
from backups import facts
from backups.models import Repository
from borgui.accounts.access import signed_in
from scripts_library import access, assignments, lanes
from scripts_library.errors import Refused
from scripts_library.forms import AssignmentForm
from scripts_library.models import Hook, Outcome, RepositoryScript, Script

CHANGED = 409


@signed_in
@require_GET
def repository_scripts(request: HttpRequest, pk: int) -> HttpResponse:
    """`outcome`: what would run after such a backup is shown, the rest is dimmed, with the reason."""
    return answer(request, backups_access.repository(pk))


@signed_in
@require_GET
def script_picker(request: HttpRequest, pk: int) -> HttpResponse:
    """Scripts to be dragged into a lane; `search` in their names."""
    context = picker(backups_access.repository(pk), request.GET.get("search", ""))
    return render(request, "repositories/_script_picker.html", context)


@signed_in
@require_POST
def assignment_move(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """`step` is up or down."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    order = ids_in(request.POST.get("known")) or [row.pk for row in chain_of(entry)]
    step = -1 if request.POST.get("step") == "up" else 1
    return ordered(request, entry, lanes.moved(order, entry.pk, step) if entry.pk in order else [])


@signed_in
@require_POST
def assignment_order(request: HttpRequest, pk: int) -> HttpResponse:
    """`order` of one lane as somebody dragged it, `moved` is what was dragged."""
    repository = backups_access.repository(pk)
    moved = ids_in(request.POST.get("moved"))
    entry = access.assignment(repository.pk, moved[0] if moved else 0)
    return ordered(request, entry, ids_in(",".join(request.POST.getlist("order"))))


def ordered(request: HttpRequest, entry: RepositoryScript, order: list[int]) -> HttpResponse:
    """Put the lane of an assignment in this order, unless it is no longer the one that the person saw."""
    known = ids_in(request.POST.get("known")) or None
    try:
        assignments.reorder(entry.repository_id, entry.hook_type, order, known=known)
    except Refused as reason:
        return answer(request, entry.repository, said=reason.message, status=CHANGED)
    place = lanes.place_of(entry.repository_id, entry)
    return back(request, entry, f"Saved: '{entry.script.name}' is {place}.")


@signed_in
@require_POST
def assignment_switch(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """Switch it on or off; `enabled` is what it shall be."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    enabled = request.POST.get("enabled") == "true"
    try:
        assignments.change(entry, {"enabled": enabled})
    except Refused as reason:
        return answer(request, entry.repository, said=reason.message, status=CHANGED)
    return back(request, entry, f"Saved: '{entry.script.name}' is switched {'on' if enabled else 'off'} here.")


@signed_in
@require_POST
def assignment_drop(request: HttpRequest, pk: int, hook: str) -> HttpResponse:
    """Add `script` at the place `at`. Where it needs an answer first, to the form that asks."""
    repository = backups_access.repository(pk)
    script = access.script(next(iter(ids_in(request.POST.get("script"))), 0))
    at = next(iter(ids_in(request.POST.get("at"))), None)
    if hook not in Hook.values or not lanes.fits(script, hook):
        raise Http404
    if needs_answers(script, hook):
        query = urlencode({"script": script.pk, "at": "" if at is None else at})
        return HttpResponseClientRedirect(f"{reverse('assignment-new', args=[pk, hook])}?{query}")
    try:
        entry = assignments.assign(repository.pk, script, hook, at=at)
    except Refused as reason:
        return answer(request, repository, said=reason.message, status=CHANGED)
    return back(request, entry, f"Added: '{script.name}' is {lanes.place_of(pk, entry)}.")


def needs_answers(script: Script, hook: str) -> bool:
    """Nobody has said after which backups it runs, or one of its values has to be given."""
    form = AssignmentForm(script, hook)
    return (hook == Hook.POST and not script.run_on_declared) or form.values.is_incomplete()


# --- answers ----------------------------------------------------------------------------------------------------------
def answer(request: HttpRequest, repository: Repository, said: str = "", status: int = 200) -> HttpResponse:
    """The page, or for HTMX the lanes alone; `said` is what became of a change."""
    search = request.POST.get("search", "")
    context = {
        **board_of(request, repository),
        "said": said,
        "is_conflict": status == CHANGED,
        **picker(repository, search),
    }
    piece = "_script_lanes" if request.htmx else "scripts"  # type: ignore[attr-defined]
    return render(request, f"repositories/{piece}.html", context, status=status)


def board_of(request: HttpRequest, repository: Repository) -> dict[str, object]:
    """What the lanes need, under the outcome that the person looks at."""
    given = request.POST if request.method == "POST" else request.GET
    outcome = outcome_in(given.get("outcome", ""))
    board = lanes.of(facts.of(repository), outcome)
    words = {"outcome": outcome, "outcomes": lanes.OUTCOMES, "outcome_word": lanes.OUTCOMES[Outcome(outcome)]}
    return {"repository": repository, "board": board, **words}


def back(request: HttpRequest, entry: RepositoryScript, said: str) -> HttpResponse:
    """After a change: the lanes for HTMX, else the page, at the script."""
    if request.htmx:  # type: ignore[attr-defined]
        return answer(request, entry.repository, said)
    messages.success(request, said)
    outcome = request.POST.get("outcome", "")
    query = f"?outcome={outcome}" if outcome in Outcome.values else ""
    return redirect(f"{reverse('repository-scripts', args=[entry.repository_id])}{query}#assignment-{entry.pk}")


def picker(repository: Repository, search: str = "") -> dict[str, object]:
    offers, is_more = lanes.at_hand(repository.pk, search)
    return {"repository": repository, "offers": offers, "is_more": is_more, "search": search}


def chain_of(entry: RepositoryScript) -> list[RepositoryScript]:
    return list(RepositoryScript.objects.chain(entry.repository_id, entry.hook_type))


def outcome_in(given: str) -> str:
    return given if given in Outcome.values else Outcome.SUCCESS.value


def ids_in(given: str | None) -> list[int]:
    """Numbers with commas between them; whatever is none is left out."""
    return [int(one) for one in (given or "").split(",") if one.isascii() and one.isdecimal() and len(one) < 19]
