"""The page of one execution: what did this script say? Live while it runs."""

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backups import facts, queue, tasks
from borgui import htmx, log_page
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, execution_story, tried_again
from scripts_library.execution_story import path_of


@signed_in
@require_GET
def execution(request: HttpRequest, pk: int) -> HttpResponse:
    """`from` is the byte offset at which the shown part of the output begins; `search` shows the `hit`-th line with it."""
    row, words = access.execution(pk), request.GET.get("search", "")[:200]
    if words:
        story = execution_story.searched(row, words, number_in(request, "hit"))
    else:
        story = execution_story.of(row, number_in(request, "from"))
    return render(request, "executions/execution.html", {"story": story})


@signed_in
@require_GET
def execution_tail(request: HttpRequest, pk: int) -> HttpResponse:
    """What it printed since the offset `from`; 204 for nothing. The last answer asks no more."""
    top = max(1, number_in(request, "top"))
    story = execution_story.of(access.execution(pk), number_in(request, "from"), top)
    if story.is_live and not story.page.lines:
        return HttpResponse(status=204)
    return render(request, "executions/_execution_tail.html", {"story": story, "more": True})


def number_in(request: HttpRequest, name: str) -> int:
    given = request.GET.get(name, "")
    return int(given) if given.isdecimal() and given.isascii() and len(given) < 16 else 0


@signed_in
@require_GET
def execution_log(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """All that it printed, as a file."""
    row = access.execution(pk)
    name = f"execution-{row.pk}.txt"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = log_page.plain(path_of(row))
    return StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8", headers=headers)


@signed_in
@require_POST
def execution_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Try the script again, for real: a test run with what this one was told."""
    row = access.execution(pk)
    try:
        if not execution_story.again_of(row):
            raise tried_again.NotAgain("This run cannot be tried again.")
        of_repository = facts.of(row.repository) if row.repository else None
        with transaction.atomic():
            made = tried_again.again(row, of_repository, caller(request))
            transaction.on_commit(partial(tasks.start_test, made.pk))
    except tried_again.NotAgain as reason:
        messages.error(request, str(reason))
        return redirect("execution", pk)
    return redirect("execution", made.pk)


@signed_in
@require_POST
def execution_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop this one script; the others go on by their rules."""
    row = access.execution(pk)
    queue.request_execution_cancel(row, caller(request))
    if htmx.of(request):
        return HttpResponse(status=204)
    if request.POST.get("next") == "job" and row.backup_job_id:
        return redirect("job", row.backup_job_id)
    if request.POST.get("next") == "job" and row.window_run_id:
        return redirect("window-run", row.window_run_id)
    return redirect("execution", pk)
