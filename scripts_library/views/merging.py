"""Both versions of a script in the editor, for a person to make one of them."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from borgui.accounts.access import signed_in
from scripts_library import access, library
from scripts_library.forms_script import ScriptForm
from scripts_library.standoff import standoff

from .declaring import content_of
from .scripts import around_editor, surroundings


@signed_in
@require_POST
def script_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """The page with both in one text, begun from the saved version. Nothing is saved."""
    found = access.script(pk)
    sight = library.look(found)
    yours = content_of(request.POST)
    merged = standoff(found, yours, request.POST.get("sha256", "")).merged
    data = request.POST.copy()
    data.pop("over", None)
    if merged:
        data["content"], data["sha256"] = merged.text, found.sha256
    form = ScriptForm(data, script=found, text=yours, readonly=settings.SCRIPTS_READONLY)
    around = {**surroundings(request, found, sight, form), **around_editor(form, None)}
    return render(request, "scripts/script.html", {**around, "merged": merged, "unsaved": True})
