"""One script of one repository: add it, its settings, take it away, run it now; and copying all of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from backups import access as backups_access
from backups import facts, tasks
from backups.models import Repository
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, assignments, copying, lanes, testruns
from scripts_library.errors import Conflict, Invalid, Refused
from scripts_library.forms import AssignmentForm
from scripts_library.forms_copy import CopyForm, Target
from scripts_library.models import Hook, RepositoryScript

from .board import CHANGED, board_of, ids_in, outcome_in

REFUSED = 422


@signed_in
@require_http_methods(["GET", "POST"])
def assignment(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """All settings of one assignment: a page, or for HTMX a form on its card, each change of which is saved at once."""
    repository = backups_access.repository(pk)
    entry = access.assignment(repository.pk, rs_id)
    if request.htmx:  # type: ignore[attr-defined]
        return on_card(request, repository, entry)
    form = AssignmentForm(entry.script, entry.hook_type, entry, request.POST if request.method == "POST" else None)
    if form.is_valid() and saved(form, entry):
        messages.success(request, f"Saved: '{entry.script.name}'.")
        return redirect("repository-scripts", pk)
    context = {"repository": repository, "form": form, "entry": entry, "script": entry.script, "hook": entry.hook_type}
    return render(request, "repositories/assignment.html", context, status=REFUSED if form.errors else 200)


def on_card(request: HttpRequest, repository: Repository, entry: RepositoryScript) -> HttpResponse:
    """The form; of a change only what became of it, and what it changed on the board."""
    if request.method != "POST":
        return card_form(request, repository, entry)
    form = card_form_of(entry, request.POST)
    try:
        if form.is_valid() and agreed(form, lambda: assignments.change(entry, form.given(), known=form.known)):
            return saved_on_card(request, repository, access.assignment(repository.pk, entry.pk), form)
    except Conflict as reason:
        return card_form(request, repository, entry, conflict=reason.message)
    context = {"repository": repository, "entry": entry, "form": form}
    return render(request, "repositories/_assignment_saved.html", context, status=REFUSED)


def card_form_of(entry: RepositoryScript, data: Any = None) -> AssignmentForm:
    form = AssignmentForm(entry.script, entry.hook_type, entry, data, auto_id=f"of-{entry.pk}-%s")
    del form.fields["enabled"]
    return form


def saved_on_card(
    request: HttpRequest, repository: Repository, entry: RepositoryScript, form: AssignmentForm
) -> HttpResponse:
    """The words "Saved", and beside them the heads of all cards, for what one script does concerns the others."""
    context = {**board_of(request, repository), "entry": entry, "known": assignments.state_of(entry)}
    if not form.has_secrets_given():
        return render(request, "repositories/_assignment_saved.html", context)
    answer = render(request, "repositories/_assignment_saved.html", {**context, "form": card_form_of(entry)})
    return in_place_of_form(answer, entry)


def in_place_of_form(answer: HttpResponse, entry: RepositoryScript) -> HttpResponse:
    return reswap(retarget(answer, f"#settings-of-{entry.pk}"), "innerHTML")


def card_form(
    request: HttpRequest, repository: Repository, entry: RepositoryScript, conflict: str = ""
) -> HttpResponse:
    """The form as it is now; in a conflict in place of the one that was sent."""
    context = {"repository": repository, "entry": entry, "form": card_form_of(entry), "conflict": conflict}
    answer = render(request, "repositories/_assignment_settings.html", context, status=CHANGED if conflict else 200)
    return in_place_of_form(answer, entry)


def saved(form: AssignmentForm, entry: RepositoryScript) -> bool:
    """Whether the page's form was taken. In a conflict what was typed stays, and sent again it wins."""
    try:
        return agreed(form, lambda: assignments.change(entry, form.given(), known=form.known))
    except Conflict as reason:
        form.is_outdated(f"{reason.message} Save again to put yours in their place.")
        return False


@signed_in
@require_POST
def assignment_remove(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """The script itself stays in the library."""
    entry = access.assignment(backups_access.repository(pk).pk, rs_id)
    assignments.remove(entry)
    messages.success(request, f"'{entry.script.name}' no longer runs around backups of this repository.")
    return redirect("repository-scripts", pk)


@signed_in
@require_POST
def assignment_run(request: HttpRequest, pk: int, rs_id: int) -> HttpResponse:
    """Really run this script alone, now, with the values of the repository, as after a backup that was `outcome`."""
    repository = backups_access.repository(pk)
    entry = access.assignment(repository.pk, rs_id)
    with transaction.atomic():
        row = testruns.queue(
            entry.script,
            facts=facts.of(repository),
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
def assignment_new(request: HttpRequest, pk: int, hook: str) -> HttpResponse:
    """First which script (`script`), then its settings. `at`: its place among the others, from 0; else the last."""
    repository = backups_access.repository(pk)
    if hook not in Hook.values:
        raise Http404
    chosen = ids_in(request.GET.get("script"))
    if not chosen:
        return pick(request, repository, hook)
    script, at = access.script(chosen[0]), next(iter(ids_in(request.GET.get("at"))), None)
    form = AssignmentForm(script, hook, data=request.POST if request.method == "POST" else None)
    if form.is_valid() and agreed(form, lambda: assignments.assign(pk, script, hook, at=at, **form.given())):
        place = "before" if hook == Hook.PRE else "after"
        messages.success(request, f"Added: '{script.name}' runs {place} the backup.")
        return redirect("repository-scripts", pk)
    context = {"repository": repository, "form": form, "script": script, "hook": hook}
    return render(request, "repositories/assignment.html", context, status=REFUSED if form.errors else 200)


def pick(request: HttpRequest, repository: Repository, hook: str) -> HttpResponse:
    search = request.GET.get("search", "")
    found, more = lanes.assignable(repository.pk, hook, search)
    context = {"repository": repository, "hook": hook, "scripts": found, "more": more, "search": search}
    return render(request, "repositories/assignment_pick.html", context)


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


# --- all of them, to other repositories -------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def assignments_copy(request: HttpRequest, pk: int) -> HttpResponse:
    """`repositories`: where to. Secrets stay here unless somebody says otherwise."""
    repository = backups_access.repository(pk)
    form = CopyForm(
        targets_of(repository), copying.secret_names(pk), request.POST if request.method == "POST" else None
    )
    if form.is_valid():
        for target, name in form.chosen():
            copy_to(request, pk, target, name, form.with_secrets)
        return redirect("repository-scripts", pk)
    context = {"repository": repository, "form": form, "entries": copying.entries_of(pk)}
    return render(request, "repositories/scripts_copy.html", context, status=REFUSED if form.errors else 200)


def copy_to(request: HttpRequest, pk: int, target: int, name: str, with_secrets: bool) -> None:
    """One repository; the others do not wait for it where it takes nothing."""
    try:
        messages.success(request, told(name, copying.copy(pk, target, with_secrets=with_secrets)))
    except (Invalid, Refused) as reason:
        messages.error(request, f"Nothing was copied to '{name}': {reason}.")


def targets_of(source: Repository) -> list[Target]:
    """All other repositories by name, each with the hooks whose old inline text would no longer run."""
    hooks = {entry.hook_type for entry in copying.entries_of(source.pk) if entry.enabled}
    others = Repository.objects.kept().exclude(pk=source.pk).order_by("name")
    return [Target(one.pk, one.name, [hook for hook in hooks if has_text(one, hook)]) for one in others]


def has_text(repository: Repository, hook: str) -> bool:
    old = facts.of(repository).inline(hook)
    return bool(old.text.strip()) and not old.migrated


def told(name: str, done: copying.Copied) -> str:
    """What became of one repository, in words."""
    added = f"Copied to '{name}': {', '.join(done.added)}." if done.added else f"Nothing was copied to '{name}'."
    return f"{added} There already, and left as they were: {', '.join(done.there)}." if done.there else added
