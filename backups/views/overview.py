"""The overview: am I safe?"""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from backups import access, overview, queue, tasks
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import links
from scripts_library.models import TriggeredBy


@signed_in
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "overview/start.html", overview.gather(timezone.now()))


@signed_in
def overview_running(request: HttpRequest) -> HttpResponse:
    """The piece that shows what runs. `jobs`: those that the page shows; `state`: how it shows them."""
    shown = [int(pk) for pk in request.GET.get("jobs", "").split(",") if is_id(pk)]
    running = overview.running(shown[: overview.SHOWN_JOBS])
    if running.query == request.GET.urlencode(safe=","):
        return HttpResponse(status=204)
    return render(request, "overview/_overview_running.html", {"running": running})


@signed_in
@require_POST
def overview_backup(request: HttpRequest) -> HttpResponse:
    """Back up the repository that was chosen. Where that stops something, its own page names it first."""
    pk = request.POST.get("repository", "")
    repository = access.repository(int(pk) if is_id(pk) else 0)
    stops = links.interrupts_of([repository.pk])[repository.pk]
    if stops:
        messages.info(request, f"A backup of '{repository.name}' stops {', '.join(stops)} meanwhile. Start it here.")
        return redirect("repository", repository.pk)
    with transaction.atomic():
        job = queue.enqueue(repository, triggered_by=TriggeredBy.MANUAL, user=caller(request))
        transaction.on_commit(tasks.start_jobs)
    return redirect("job", job.pk)


def is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
