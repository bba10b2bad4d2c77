"""The page of all scripts, and the folder in which they lie."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backups import library_figures
from backups.models import Repository
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import api, approval, folder, shelf, upgrading
from scripts_library.forms_shelf import ShelfForm
from scripts_library.models import Script
from scripts_library.schemas import ScriptFilters
from scripts_library.store import StoreError

ON_A_PAGE = 50
NAMED = 5  # files in a notice; how many more there are is a number
ASKED = ("hook", "run_on", "category")  # what the API knows too


@signed_in
@require_GET
def scripts(request: HttpRequest) -> HttpResponse:
    wanted, on_disk = ShelfForm(request.GET).wanted(), shelf.folder()
    shelf.notice_edits(on_disk)
    page = Paginator(matching(wanted, on_disk), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": ShelfForm(initial=wanted),
        "wanted": wanted,
        "folder": on_disk,
        "page": page,
        "entries": shelf.entries(page.object_list, on_disk.missing),
        "facts": library_figures.figures(),
        "inline_texts": Repository.objects.kept().with_texts_to_move().count(),
        "newer": len(upgrading.waiting()),
        "waiting": Script.objects.waiting().count() if settings.FOUR_EYES else 0,
        "changed": Script.objects.kept().filter(unseen_edit=True).count(),
    }
    return render(request, "scripts/list.html", context)


def matching(wanted: Mapping[str, Any], on_disk: shelf.Folder) -> QuerySet[Script]:
    """In the order that was asked for."""
    rows = api.matching(ScriptFilters.model_validate({name: wanted.get(name) for name in ASKED}))
    rows = shelf.in_state(rows, wanted.get("state", ""), on_disk)
    if "search" in wanted:
        rows = shelf.containing(rows, wanted["search"])
    return shelf.in_order(rows, wanted.get("sort", ""))


@signed_in
@require_POST
def scripts_register(request: HttpRequest) -> HttpResponse:
    """Bring rows and folder together, as `sync_scripts` does: new files become scripts, renamed ones are followed."""
    try:
        report = folder.sync(user=caller(request))
    except StoreError as error:
        messages.error(request, str(error))
        return redirect("scripts")
    if report.unreadable:
        messages.warning(request, some([one["problem"].rstrip(".") for one in report.unreadable]))
    names = [f"'{one['name']}'" for one in report.registered]
    said = f"Registered: {some(names)}{approval.remark_on_new()}"
    messages.success(request, said if names else "Nothing new was found.")
    return redirect("scripts")


def some(things: Sequence[str]) -> str:
    """The first of them, and how many more there are: a notice of two thousand names helps nobody."""
    more = len(things) - NAMED
    return ", ".join(things[:NAMED]) + (f" and {more} more." if more > 0 else ".")
