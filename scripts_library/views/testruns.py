"""Trying a script from the page on which it is edited: it is saved, and then it really runs (behaviour.md, section 14)."""

from functools import partial

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from backups import access as backups_access
from backups import facts, tasks
from borgui import htmx
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, approval, library, testruns, try_story
from scripts_library.forms_script import ScriptForm
from scripts_library.forms_try import TryForm
from scripts_library.models import Script, ScriptExecution

from . import scripts, try_panel

SEE_OTHER = 302  # what the page answers once it has saved


# --- save and try -----------------------------------------------------------------------------------------------------
@signed_in
@require_POST
def try_stops(request: HttpRequest, pk: int) -> HttpResponse:
    """While somebody chooses and types: what it would stop, and which values it takes. Nothing is saved."""
    form = try_panel.typed(request, access.script(pk))
    return render(request, "scripts/_try_stops.html", {"panel": try_panel.said_first(form), "form": form, "said": True})


@signed_in
@require_POST
def script_try(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Save as the page does, conflicts and refusals included, then try what was saved."""
    found = access.script(pk)
    form = try_panel.typed(request, found)
    if not form.is_valid():
        return refused(request, found)
    saved = scripts.script(request, pk)
    if saved.status_code != SEE_OTHER:
        return saved
    found = access.script(pk)
    if reason := approval.why_not_tried(found):
        messages.warning(request, f"Not tried. {reason}")
        return redirect("script", pk)
    first = queue(request, found, form)
    if htmx.of(request):
        return redirect(f"{reverse('script', args=[pk])}?tried={first.pk}")
    return redirect("execution", first.pk)


def queue(request: HttpRequest, found: Script, form: TryForm) -> ScriptExecution:
    repository = backups_access.repository(form.repository_id) if form.repository_id else None
    with transaction.atomic():
        first = testruns.queue(
            found,
            facts=facts.of(repository) if repository else None,
            hook_type=form.hook,
            backup_status=form.outcome,
            values=form.merged,
            user=caller(request),
            pause=form.pause,
        )
        transaction.on_commit(partial(tasks.start_test, first.pk))
    return first


def refused(request: HttpRequest, found: Script) -> HttpResponse:
    """What is wrong with the panel. Nothing was saved, and what was typed in the editor is still there."""
    if htmx.of(request):
        panel = try_panel.of(request, found)
        context = {"panel": panel, "form": panel["form"], "script": found, "oob": True}
        answer = render(request, "scripts/_try_form.html", context, status=422)
        answer["HX-Reswap"] = "none"
        return answer
    sight = library.look(found)
    edited = ScriptForm(request.POST, script=found, text="", readonly=settings.SCRIPTS_READONLY)
    around = {**scripts.surroundings(request, found, sight, edited), **scripts.around_editor(edited, None)}
    return render(request, "scripts/script.html", around, status=422)


# --- while it runs ----------------------------------------------------------------------------------------------------
@signed_in
@require_GET
def try_tail(request: HttpRequest, pk: int) -> HttpResponse:
    """What is new since the cursor (`state`, `reading`, `from`); 204 for nothing. The last answer asks no more."""
    first = access.test_run(pk)
    known = request.GET.get("state", "")
    story = try_story.story(first, known, number(request, "reading"), number(request, "from"))
    if not story.has_news:
        return HttpResponse(status=204)
    tries = try_story.latest(first.script) if first.script else []
    panel = {"running": story, "tries": tries, "oob": True}
    return render(request, "scripts/_try_tail.html", {"panel": panel, "more": True})


def number(request: HttpRequest, name: str) -> int:
    given = request.GET.get(name, "")
    return int(given) if try_panel.is_number(given) else 0


@signed_in
@require_POST
def try_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """End the pause of a pair now."""
    first = access.test_run(pk)
    if not testruns.go_on(first.pk):
        messages.info(request, "The pause is over already.")
    return HttpResponse(status=204) if htmx.of(request) else redirect("execution", pk)
