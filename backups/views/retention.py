"""What is kept of a repository's archives: trying it out, saving it, and agreeing to what goes."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from backups import access, borg, repositories, retention
from backups.forms.retention import RetentionForm
from backups.target import PassphraseSealed
from borgui import htmx
from borgui.accounts.access import signed_in
from scripts_library.errors import Invalid, Refused

CANNOT = (Refused, borg.BorgUnavailable, PassphraseSealed)
ASKS_AGAIN = "Saved. What would be deleted has changed, so nothing is deleted until you have confirmed it again."


@signed_in
@require_POST
def retention_save(request: HttpRequest, pk: int) -> HttpResponse:
    form = RetentionForm(request.POST, access.repository(pk))
    if not (form.is_valid() and saved(form)):
        return page(request, form, status=422)
    messages.success(request, ASKS_AGAIN if form.is_to_confirm and form.new_rules else "Saved.")
    return redirect("repository-schedule", pk)


@signed_in
@never_cache
@require_POST
def retention_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What the numbers in the form would keep and delete now; nothing is saved."""
    form = RetentionForm(request.POST, access.repository(pk))
    return page(request, form, status=200 if form.is_valid() else 422, **looked(form))


@signed_in
@require_POST
def retention_confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """What was shown is right: keep the numbers, and delete from the next backup on."""
    form = RetentionForm(request.POST, access.repository(pk))
    if not (form.is_valid() and saved(form, without="prune_after")):
        return page(request, form, status=422)
    repository = access.repository(pk)
    try:
        retention.confirm(repository, request.POST.get("fingerprint", ""), timezone.now())
        repositories.change(repository, {"prune_after": True})
    except CANNOT as reason:
        return page(request, form, status=409, refusal=str(reason), **looked(form))
    messages.success(request, "Confirmed. Archives that are not kept are deleted from the next backup on.")
    return redirect("repository-schedule", pk)


def saved(form: RetentionForm, without: str = "") -> bool:
    """Whether it was; else the form says why."""
    fields = {name: value for name, value in form.changed().items() if name != without}
    try:
        repositories.change(access.repository(form.stored.pk), fields)
    except Invalid as problem:
        form.tell(problem.errors)
    else:
        return True
    return False


def looked(form: RetentionForm) -> dict[str, Any]:
    """The preview, or why there is none."""
    if form.errors:
        return {}
    try:
        return {"preview": retention.preview(form.repository())}
    except Invalid as problem:
        form.tell(problem.errors)
        return {}
    except CANNOT as problem:
        return {"problem": str(problem)}


def page(request: HttpRequest, form: RetentionForm, status: int = 200, **found: Any) -> HttpResponse:
    """The piece with the preview; without JavaScript the form as a page of its own."""
    template = "_retention_preview" if htmx.of(request) else "retention"
    context = {"repository": form.stored, "retention_form": form, **found}
    return render(request, f"repositories/{template}.html", context, status=status)
