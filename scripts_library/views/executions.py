"""The page of one execution: what did this script say? Live while it runs."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from backups import queue
from borgui import log_page
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, execution_story
from scripts_library.execution_story import path_of


@signed_in
@require_GET
def execution(request: HttpRequest, pk: int) -> HttpResponse:
    """`from` is the byte offset at which the shown part of the output begins."""
    story = execution_story.of(access.execution(pk), number_in(request, "from"))
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
def execution_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop this one script; the others go on by their rules."""
    row = access.execution(pk)
    try:
        queue.request_execution_cancel(row, caller(request))
    except queue.TooLate as reason:
        messages.error(request, str(reason))
    if request.POST.get("next") == "job" and row.backup_job_id:
        return redirect("job", row.backup_job_id)
    return redirect("execution", pk)
