"""The page of a job, live while it runs; and what people do with one: cancel it, put right what it left."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from backups import access, job_log, job_story, promises, queue, tasks
from backups.forms.promise import ClosingForm
from backups.models import BackupJob
from borgui import log_page
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller

from . import window_runs

BORG_LOGS = ("borg", *job_log.AFTERWARDS)


@signed_in
@require_GET
def job(request: HttpRequest, pk: int) -> HttpResponse:
    return page_of(request, access.job(pk))


def page_of(request: HttpRequest, row: BackupJob, status: int = 200, **refused: Any) -> HttpResponse:
    """`refused`: the promise that could not be closed as asked, with the form that says why."""
    story = job_story.of(row, timezone.now())
    news = job_log.overview(job_log.steps(row, story.executions))
    return render(request, "jobs/job.html", {"story": story, "job": row, "news": news, **refused}, status=status)


@signed_in
@require_GET
def job_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Verdicts, next steps and timeline; 204 while they are what the reader has seen. The last answer asks no more."""
    row = access.job(pk)
    story = job_story.of(row, timezone.now())
    if story.is_live and story.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "jobs/_job_progress.html", {"story": story, "job": row})


@signed_in
@require_GET
def job_tail(request: HttpRequest, pk: int) -> HttpResponse:
    """What the scripts and borg have printed since the cursor `at`; 204 for nothing. The last answer asks no more."""
    row = access.job(pk)
    story = job_story.of(row, timezone.now())
    news = job_log.since(job_log.steps(row, story.executions), request.GET.get("at", ""))
    if story.is_live and not news:
        return HttpResponse(status=204)
    return render(request, "jobs/_job_tail.html", {"story": story, "job": row, "news": news})


@signed_in
@require_GET
def job_log_file(request: HttpRequest, pk: int, step: str) -> StreamingHttpResponse:
    """What borg printed in one step, as a file."""
    if step not in BORG_LOGS:
        raise Http404
    name = f"{pk}.log" if step == "borg" else f"{pk}-{step}.log"
    access.job(pk)
    return StreamingHttpResponse(
        log_page.plain(settings.LOGS_DIR / "jobs" / name),
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="job-{pk}-{step}.txt"'},
    )


@signed_in
@require_POST
def job_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask it to stop; the scripts after the backup run all the same."""
    queue.request_cancel(access.job(pk), caller(request))
    return redirect("job", pk)


@signed_in
@require_POST
def job_post_backup(request: HttpRequest, pk: int) -> HttpResponse:
    """Run the scripts after the backup again, those that have not come to a good end."""
    with transaction.atomic():
        queue.request_post_backup(access.job(pk), caller(request))
        transaction.on_commit(partial(tasks.start_again, pk))
    return redirect("job", pk)


@signed_in
@require_POST
def job_seen(request: HttpRequest, pk: int) -> HttpResponse:
    """A person has seen that it was lost and brought to its end."""
    row = access.job(pk)
    if not queue.note_seen(row, caller(request)):
        messages.info(request, "Nobody has to look at this backup any more.")
    return redirect("job", pk)


@signed_in
@require_POST
def promise_close(request: HttpRequest, pk: int) -> HttpResponse:
    """A person has put things right, and says how."""
    promise = access.promise(pk)
    form = ClosingForm(request.POST)
    if not form.is_valid():
        refused = {"refused": promise.pk, "form": form}
        if promise.window_run_id:
            return window_runs.page_of(request, access.window_run(promise.window_run_id), status=422, **refused)
        return page_of(request, access.job(promise.job_id or 0), status=422, **refused)
    if promises.close(promise, note=form.cleaned_data["note"], user=caller(request)):
        messages.success(request, f"Closed: '{promise.script_name}' is no longer shown as broken.")
    else:
        messages.info(request, "It was closed already.")
    return redirect("job", promise.job_id) if promise.job_id else redirect("window-run", promise.window_run_id)
