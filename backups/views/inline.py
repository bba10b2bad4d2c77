"""Old inline texts of repositories, moved to the library: one from its place, all from a page, and back."""

from collections.abc import Iterable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from backups import access, inline_migration, inline_story, inline_undo
from backups.models import Repository
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import approval
from scripts_library.errors import Invalid, Refused
from scripts_library.models import Hook


@signed_in
@require_POST
def inline_move(request: HttpRequest, pk: int, hook: str) -> HttpResponse:
    """Make a script of it; then to the place where it runs as before."""
    repository = access.repository(pk)
    if hook not in Hook.values:
        raise Http404
    try:
        entry = inline_migration.move(repository, hook, caller(request))
    except Invalid as reason:
        messages.error(request, f"It was not moved. {' '.join(reason.errors.values())}")
        return redirect("repository-scripts", pk)
    except Refused as reason:
        messages.error(request, f"It was not moved. {reason}")
        return redirect("repository-scripts", pk)
    waits = approval.remark(entry.script)
    done = (
        f"'{entry.script.name}' is a script of the library now{'.' if waits else ', and runs here as it did before.'}"
    )
    messages.success(request, f"{done}{waits}")
    return redirect(f"{reverse('repository-scripts', args=[pk])}#assignment-{entry.pk}")


@signed_in
@require_http_methods(["GET", "POST"])
def inline_texts(request: HttpRequest) -> HttpResponse:
    """All of them, or those of one repository: what would become of each. POST moves them, or goes back."""
    asked = request.POST.get("repository") or request.GET.get("repository", "")
    rows = Repository.objects.kept().order_by("name", "pk")
    chosen: Iterable[Repository] = [access.repository(int(asked))] if asked.isdecimal() and len(asked) < 19 else rows
    if request.method == "POST":
        act = {"move": move_all, "undo": undo_all}.get(request.POST.get("action", ""))
        if act is None:
            raise Http404("There is no such action.")
        try:
            act(request, chosen)
        except Refused as reason:
            messages.error(request, f"Nothing was moved. {reason}")
        return redirect(f"{reverse('inline-texts')}?repository={asked}" if asked else "inline-texts")
    named = rows.with_inline_texts().only("name")
    context = {"story": inline_story.of(chosen), "named": named, "asked": asked}
    return render(request, "repositories/inline_texts.html", context)


def move_all(request: HttpRequest, chosen: Iterable[Repository]) -> None:
    """Raises Refused."""
    moved, left = inline_migration.carry_out(chosen, caller(request))
    scripts = len({one.entry.script.pk for one in moved})
    if moved:
        texts, them = count(len(moved), "text"), count(scripts, "script")
        messages.success(request, f"Moved: {texts}, now {them} of the library. What runs is the same as before.")
    if left:
        messages.warning(request, f"{count(len(left), 'text')} could not be moved, and runs as before; see below why.")


def undo_all(request: HttpRequest, chosen: Iterable[Repository]) -> None:
    back, left, gone = inline_undo.carry_out(chosen)
    if back:
        removed = f" {count(len(gone), 'script')} that nothing else uses went from the library." if gone else ""
        messages.success(request, f"Back as before: {count(len(back), 'text')}.{removed}")
    if left:
        messages.warning(request, f"{count(len(left), 'script')} stayed; see below why.")


def count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
