"""An old inline text of a repository, moved to the library."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from backups import access, inline_migration
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
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
    except (Refused, Invalid) as reason:
        messages.error(request, f"It was not moved. {reason}")
        return redirect("repository-scripts", pk)
    messages.success(request, f"'{entry.script.name}' is a script of the library now, and runs here as it did before.")
    return redirect(f"{reverse('repository-scripts', args=[pk])}#assignment-{entry.pk}")
