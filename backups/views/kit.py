"""The emergency kit: shown and downloaded when somebody asks for it, and noted as stored elsewhere."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from backups import access, emergency_kit
from backups.target import PassphraseSealed
from borgui.accounts.access import signed_in


@signed_in
@never_cache
def kit(request: HttpRequest, pk: int) -> HttpResponse:
    """What the kit is and why; by POST with the kit itself, to be printed: no link and no prefetch shows a passphrase."""
    repository = access.repository(pk)
    context: dict[str, Any] = {"repository": repository}
    if request.method == "POST":
        try:
            context["kit"] = emergency_kit.make(repository, timezone.now())
        except PassphraseSealed as problem:
            messages.error(request, str(problem))
    return render(request, "repositories/kit.html", context)


@signed_in
@never_cache
@require_POST
def kit_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The kit as a text file."""
    repository = access.repository(pk)
    try:
        made = emergency_kit.make(repository, timezone.now())
    except PassphraseSealed as problem:
        messages.error(request, str(problem))
        return redirect("repository-kit", pk)
    name = emergency_kit.file_name(repository)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(made.text, content_type="text/plain; charset=utf-8", headers=headers)


@signed_in
@require_POST
def kit_saved(request: HttpRequest, pk: int) -> HttpResponse:
    """A person says that it is stored elsewhere."""
    repository = access.repository(pk)
    emergency_kit.note_saved(repository, timezone.now())
    messages.success(request, f"Noted: the emergency kit of '{repository.name}' is stored elsewhere.")
    return redirect("repository", pk)
