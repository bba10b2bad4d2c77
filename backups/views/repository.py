"""The first page of one repository: is this one safe, since when? And what is done to it from everywhere."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from backups import access, archives, queue, repository_story, tasks
from backups.borg import BorgUnavailable
from backups.target import PassphraseSealed
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library.errors import Refused
from scripts_library.models import TriggeredBy


@signed_in
@require_GET
def repository(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.repository(pk)
    story = repository_story.of(row, timezone.now())
    return render(request, "repositories/overview.html", {"repository": row, "story": story})


@signed_in
@require_POST
def repository_backup(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a backup, and go to its page."""
    with transaction.atomic():
        job = queue.enqueue(access.repository(pk), triggered_by=TriggeredBy.MANUAL, user=caller(request))
        transaction.on_commit(tasks.poke)
    return redirect("job", job.pk)


@signed_in
@require_POST
def repository_break_lock(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the lock of another borg, as a person wants it; back to the page that offered it."""
    row = access.repository(pk)
    try:
        archives.break_lock(row)
    except (Refused, BorgUnavailable, PassphraseSealed) as reason:
        messages.error(request, f"The lock is still there. {reason}")
    else:
        messages.success(request, f"The lock of '{row.name}' is broken. You can back up again.")
    job = request.POST.get("job", "")
    return redirect("job", int(job)) if job.isdecimal() and len(job) < 19 else redirect("repository", pk)
