"""Older versions of a script, and what to do about a change that was made outside."""

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, library
from scripts_library.difference import difference
from scripts_library.errors import Refused
from scripts_library.models import Script


@signed_in
@require_POST
def script_drift(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep an outside edit, go back from it, or write a missing file again."""
    user = caller(request)
    answers: dict[str, tuple[Callable[..., Script], str]] = {
        "keep": (library.keep_edit, "Kept: the changed version is the script now."),
        "revert": (library.revert_edit, "The last version is back."),
        "restore": (library.restore_missing, "The file is back, with the last version."),
    }
    if (action := request.POST.get("action")) not in answers:
        raise Http404(f"There is no action {action!r}.")
    act, done = answers[action]
    return settle(request, pk, lambda script: act(script, user=user), done)


@signed_in
@require_GET
def script_revision(request: HttpRequest, pk: int, sha256: str) -> HttpResponse:
    script = access.script(pk)
    library.look(script)
    revision = access.revision(script, sha256)
    current = library.current_revision(script)
    lines = difference(revision.text, current.text) if current else []
    return render(request, "scripts/version.html", {"script": script, "revision": revision, "lines": lines})


@signed_in
@require_POST
def script_restore(request: HttpRequest, pk: int, sha256: str) -> HttpResponse:
    """Make an older version the current one."""
    revision = access.revision(access.script(pk), sha256)
    user = caller(request)
    done = "The older version is the script now."
    return settle(request, pk, lambda script: library.restore(script, revision, user=user), done)


def settle(request: HttpRequest, pk: int, act: Callable[[Script], object], done: str) -> HttpResponse:
    script = access.script(pk)
    try:
        act(script)
        messages.success(request, done)
    except Refused as error:
        messages.warning(request, error.message)
    return redirect("script", pk)
