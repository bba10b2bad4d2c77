"""A newer version of the template from which a script was made: look at it, take it, merge it, ignore it."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, approval, library, upgrading
from scripts_library.errors import Conflict, Refused
from scripts_library.forms_script import ScriptForm
from scripts_library.library import Sight
from scripts_library.models import Script
from scripts_library.upgrading import Upgrade

from .scripts import around_editor, surroundings


@signed_in
@require_http_methods(["GET", "POST"])
def script_upgrade(request: HttpRequest, pk: int) -> HttpResponse:
    """`action`: take, merge, ignore, want (no longer ignore). With `edit` in the address: both in the editor."""
    script = access.script(pk)
    sight, upgrade = library.look(script), upgrading.of(script)
    if upgrade and request.method == "POST":
        return decide(request, upgrade, sight)
    text = sight.revision.text if sight.revision else ""
    if upgrade and "edit" in request.GET:
        return in_editor(request, upgrade, sight, text)
    context = {
        "script": script,
        "sight": sight,
        "upgrade": upgrade,
        "story": upgrading.story(upgrade, text) if upgrade else None,
        "readonly": settings.SCRIPTS_READONLY,
    }
    return render(request, "scripts/upgrade.html", context)


def decide(request: HttpRequest, upgrade: Upgrade, sight: Sight) -> HttpResponse:
    script, text = upgrade.script, sight.revision.text if sight.revision else ""
    saw, user, version = request.POST.get("sha256", ""), caller(request), upgrade.template.version
    answers: dict[str, tuple[Callable[[], Any], str]] = {
        "take": (lambda: upgrading.take(upgrade, base_sha256=saw, user=user), f"Version {version} is the script now."),
        "merge": (
            lambda: upgrading.take_merged(upgrade, text, base_sha256=saw, user=user),
            f"Version {version} is in the script now, with what was changed here.",
        ),
        "ignore": (lambda: upgrading.ignore(upgrade), f"Version {version} is ignored."),
        "want": (lambda: upgrading.ignore(upgrade, wanted=True), f"Version {version} is offered again."),
    }
    action = request.POST.get("action")
    if action not in answers:
        raise Http404(f"There is no action {action!r}.")
    act, done = answers[action]
    return settle(request, script, act, done)


def settle(request: HttpRequest, script: Script, act: Callable[[], Any], done: str) -> HttpResponse:
    """Back to the script; where it was refused, back to the decision."""
    try:
        act()
    except Conflict as error:
        messages.warning(request, f"{error.message} This is how it is now.")
        return redirect("script-upgrade", script.pk)
    except Refused as error:
        messages.warning(request, error.message)
        return redirect("script-upgrade", script.pk)
    messages.success(request, f"{done}{approval.remark(script)}")
    return redirect("script", script.pk)


def in_editor(request: HttpRequest, upgrade: Upgrade, sight: Sight, text: str) -> HttpResponse:
    """The page of the script with both in one text. Nothing is saved yet; saved, it counts as taken."""
    script, merged = upgrade.script, upgrading.story(upgrade, text).merged
    form = ScriptForm(
        script=script, text=merged.text, readonly=settings.SCRIPTS_READONLY, template=upgrade.template.sha256
    )
    context = {**surroundings(request, script, sight, form), **around_editor(form, None)}
    return render(request, "scripts/script.html", {**context, "merged": merged, "theirs": "template", "unsaved": True})
