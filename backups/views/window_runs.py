"""The page of one opening of a window, live while it is open; and what people do with one: cancel it, start services again."""

from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from backups import access, tasks, window_run_story, windows
from backups.models import WindowRun
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller


@signed_in
@require_GET
def window_run(request: HttpRequest, pk: int) -> HttpResponse:
    return page_of(request, access.window_run(pk))


def page_of(request: HttpRequest, row: WindowRun, status: int = 200, **refused: object) -> HttpResponse:
    """`refused`: the promise that could not be closed as asked, with the form that says why."""
    context = {"run": row, "story": window_run_story.of(row, timezone.now()), **refused}
    return render(request, "windows/run.html", context, status=status)


@signed_in
@require_GET
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything on it; 204 while that is what the reader has seen. The last answer asks no more."""
    row = access.window_run(pk)
    story = window_run_story.of(row, timezone.now())
    if story.is_live and story.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "windows/_run_progress.html", {"run": row, "story": story})


@signed_in
@require_POST
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """No further backup starts, those that run are stopped; the scripts after them run all the same."""
    windows.request_cancel(access.window_run(pk), caller(request))
    return redirect("window-run", pk)


@signed_in
@require_POST
def run_post_scripts(request: HttpRequest, pk: int) -> HttpResponse:
    """Run the scripts after the backups again, those that have not come to a good end."""
    with transaction.atomic():
        windows.request_post_scripts(access.window_run(pk), caller(request))
        transaction.on_commit(partial(tasks.start_window_again, pk))
    return redirect("window-run", pk)
