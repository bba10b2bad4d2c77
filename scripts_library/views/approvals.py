"""Four eyes: what waits for approval, and the decision of another author about it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, approval_story, approving, library
from scripts_library.errors import Invalid, Refused
from scripts_library.models import Script


@signed_in
@require_http_methods(["GET", "POST"])
def script_approval(request: HttpRequest, pk: int) -> HttpResponse:
    """`action`: approve or turn-down, the latter with a `reason`; `sha256`: of the text that was looked at."""
    script = access.script(pk)
    if request.method == "POST":
        return decide(request, script)
    return page(request, script)


def page(request: HttpRequest, script: Script, problem: str = "", status: int = 200) -> HttpResponse:
    """`problem`: with the reason; what was typed stays."""
    sight = library.look(script)
    context = {
        "script": script,
        "sight": sight,
        "story": approval_story.of(script, sight.revision, caller(request)),
        "problem": problem,
        "reason": request.POST.get("reason", ""),
        "longest": approving.LONGEST_REASON,
    }
    return render(request, "scripts/approval.html", context, status=status)


def decide(request: HttpRequest, script: Script) -> HttpResponse:
    saw, user, action = request.POST.get("sha256", ""), caller(request), request.POST.get("action")
    if action not in ("approve", "turn-down"):
        raise Http404(f"There is no action {action!r}.")
    try:
        if action == "approve":
            approving.approve(script, saw, user=user)
            messages.success(request, f"Approved: this version of '{script.name}' runs from now on.")
        else:
            approving.turn_down(script, saw, request.POST.get("reason", ""), user=user)
            messages.success(request, "Turned down. Whoever wrote it finds your reason on this page.")
    except Invalid as error:
        return page(request, script, next(iter(error.errors.values())), 422)
    except Refused as error:
        messages.warning(request, error.message)
        return redirect("script-approval", script.pk)
    return redirect("script", script.pk)
