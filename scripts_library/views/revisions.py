"""Older versions of a script, and what to do about a change that was made outside."""

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, approval, history, library
from scripts_library.difference import difference
from scripts_library.errors import Refused
from scripts_library.models import Script

ON_A_PAGE = 50
LATEST = 20  # runs of a version


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
def script_history(request: HttpRequest, pk: int) -> HttpResponse:
    """Every version, newest first; any two can be compared."""
    script = access.script(pk)
    sight = library.look(script)
    page = Paginator(history.of(script), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"script": script, "sight": sight, "page": page, "versions": history.versions(script, page.object_list)}
    return render(request, "scripts/history.html", context)


@signed_in
@require_GET
def script_difference(request: HttpRequest, pk: int) -> HttpResponse:
    """Two versions side by side, the older one at the left."""
    script = access.script(pk)
    asked = (access.revision_by_number(script, request.GET.get(name, "")) for name in ("old", "new"))
    old, new = sorted(asked, key=lambda revision: revision.pk)
    context = {"script": script, "old": old, "new": new, "lines": difference(old.text, new.text)}
    return render(request, "scripts/diff.html", context)


@signed_in
@require_GET
def script_revision(request: HttpRequest, pk: int, sha256: str) -> HttpResponse:
    """One version: its text, what it changed, which runs it had."""
    script = access.script(pk)
    library.look(script)
    revision, current = access.revision(script, sha256), library.current_revision(script)
    runs = history.runs(script, [revision.sha256]).select_related("repository")
    context = {
        "script": script,
        "revision": revision,
        "before": history.before(revision),
        "current": current,
        "lines": difference(revision.text, current.text) if current else None,
        "number": runs.count(),
        "runs": runs.defer("stdout", "stderr", "parameters")[:LATEST],
    }
    return render(request, "scripts/version.html", context)


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
        messages.success(request, f"{done}{approval.remark(script)}")
    except Refused as error:
        messages.warning(request, error.message)
    return redirect("script", pk)
