"""The scripts of one repository, copied to others."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from backups import access as backups_access
from backups import facts
from backups.models import Repository
from borgui.accounts.access import signed_in
from scripts_library import copying
from scripts_library.errors import Invalid, Refused
from scripts_library.forms_copy import CopyForm, Target

from .assignments import REFUSED


@signed_in
@require_http_methods(["GET", "POST"])
def assignments_copy(request: HttpRequest, pk: int) -> HttpResponse:
    """`repositories`: where to. Secrets stay here unless somebody says otherwise."""
    repository = backups_access.repository(pk)
    form = CopyForm(
        targets_of(repository), copying.secret_names(pk), request.POST if request.method == "POST" else None
    )
    if form.is_valid():
        for target, name in form.chosen():
            copy_to(request, pk, target, name, form.with_secrets)
        return redirect("repository-scripts", pk)
    context = {"repository": repository, "form": form, "entries": copying.entries_of(pk)}
    return render(request, "repositories/scripts_copy.html", context, status=REFUSED if form.errors else 200)


def copy_to(request: HttpRequest, pk: int, target: int, name: str, with_secrets: bool) -> None:
    """One repository; the others do not wait for it where it takes nothing."""
    try:
        messages.success(request, told(name, copying.copy(pk, target, with_secrets=with_secrets)))
    except (Invalid, Refused) as reason:
        messages.error(request, f"Nothing was copied to '{name}': {reason}.")


def targets_of(source: Repository) -> list[Target]:
    """All other repositories by name, each with the hooks whose old inline text would no longer run."""
    hooks = {entry.hook_type for entry in copying.entries_of(source.pk) if entry.enabled}
    others = Repository.objects.kept().exclude(pk=source.pk).order_by("name")
    return [Target(one.pk, one.name, [hook for hook in hooks if has_text(one, hook)]) for one in others]


def has_text(repository: Repository, hook: str) -> bool:
    old = facts.of(repository).inline(hook)
    return bool(old.text.strip()) and not old.migrated


def told(name: str, done: copying.Copied) -> str:
    """What became of one repository, in words."""
    added = f"Copied to '{name}': {', '.join(done.added)}." if done.added else f"Nothing was copied to '{name}'."
    return f"{added} There already, and left as they were: {', '.join(done.there)}." if done.there else added
