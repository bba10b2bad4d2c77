"""Endpoints of repositories, jobs, executions and broken promises, and the answer to "am I safe?"."""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.responses import Status

from borgui import log_file, transcript
from borgui.accounts.authentication import RUN, caller
from borgui.accounts.once import once
from borgui.rest import Listing, Page
from scripts_library import access as scripts_access
from scripts_library.models import ScriptExecution, TriggeredBy
from scripts_library.schemas import ExecutionFilters, ExecutionOut
from scripts_library.schemas_log import Line, LogFrom, LogOut

from . import access, activity, api_schedules, api_windows, archives, promises, queue, repositories, status, tasks
from .models import BackupJob, Repository
from .schemas import (
    ArchiveOut,
    JobFilters,
    JobInList,
    JobOut,
    PromiseClosed,
    PromiseClosing,
    RepositoryChange,
    RepositoryIn,
    RepositoryOut,
)
from .status_schemas import StatusOut

router = Router()
router.add_router("", api_schedules.router)
router.add_router("", api_windows.router)
LOG_BYTES = 500_000


@router.get("/status", response=StatusOut, tags=["status"])
def get_status(request: HttpRequest) -> dict[str, Any]:
    """Am I safe: every repository with both verdicts, broken promises, worker, disk, channels."""
    return status.overview(timezone.now())


# --- repositories -----------------------------------------------------------------------------------------------------
@router.get("/repositories", response=Listing[RepositoryOut], tags=["repositories"])
def list_repositories(request: HttpRequest, filters: Query[Page]) -> Listing[RepositoryOut]:
    """All repositories, by name."""
    rows = Repository.objects.kept().order_by("name", "id")
    if filters.search:
        rows = rows.filter(Q(name__icontains=filters.search) | Q(path__icontains=filters.search))
    return Listing[RepositoryOut](count=rows.count(), items=[RepositoryOut.of(row) for row in filters.cut(rows)])


@router.post("/repositories", response={201: RepositoryOut}, tags=["repositories"])
def create_repository(request: HttpRequest, payload: RepositoryIn) -> Status:
    """Make a repository, or connect to one with `init` false. 422 with the field where borg refuses, and no row."""
    return Status(201, RepositoryOut.of(repositories.create(payload.given())))


@router.get("/repositories/{int:pk}", response=RepositoryOut, tags=["repositories"])
def get_repository(request: HttpRequest, pk: int) -> RepositoryOut:
    """One repository with all its settings, without its passphrase."""
    return RepositoryOut.of(access.repository(pk))


@router.put("/repositories/{int:pk}", response=RepositoryOut, tags=["repositories"])
def change_repository(request: HttpRequest, pk: int, payload: RepositoryChange) -> RepositoryOut:
    """Change a repository; a new place or passphrase is tried out with borg first."""
    return RepositoryOut.of(repositories.change(access.repository(pk), payload.given()))


@router.delete("/repositories/{int:pk}", response={204: None}, tags=["repositories"])
def delete_repository(request: HttpRequest, pk: int) -> Status:
    """Forget a repository; borg's own is never touched. 409 while a backup is waiting or running."""
    repositories.delete(access.repository(pk))
    return Status(204, None)


@router.get(
    "/repositories/{int:pk}/archives",
    response=Listing[ArchiveOut],
    tags=["repositories"],
    openapi_extra={"x-may-refuse": True},
)
def list_archives(request: HttpRequest, pk: int, filters: Query[Page]) -> Listing[ArchiveOut]:
    """The archives, newest first, as borg lists them now. 409 with borg's reason where it cannot."""
    found = archives.newest_first(access.repository(pk))
    found = [entry for entry in found if filters.search.lower() in entry.name.lower()]
    return Listing[ArchiveOut](count=len(found), items=[ArchiveOut(**vars(entry)) for entry in filters.cut(found)])


@router.post("/repositories/{int:pk}/break-lock", response=RepositoryOut, tags=["repositories"])
def break_lock(request: HttpRequest, pk: int) -> RepositoryOut:
    """Remove the lock of another borg. If that one is still at work, this can damage the repository."""
    repository = access.repository(pk)
    archives.break_lock(repository)
    return RepositoryOut.of(repository)


@router.post("/repositories/{int:pk}/backup", response={202: JobOut}, auth=RUN, tags=["jobs"])
@once
def back_up(request: HttpRequest, pk: int) -> Status:
    """Queue a backup."""
    with transaction.atomic():
        job = queue.enqueue(access.repository(pk), triggered_by=TriggeredBy.API, user=caller(request))
        transaction.on_commit(tasks.start_jobs)
    return Status(202, JobOut.of(job, timezone.now()))


# --- jobs -------------------------------------------------------------------------------------------------------------
@router.get("/jobs", response=Listing[JobInList], tags=["jobs"])
def list_jobs(request: HttpRequest, filters: Query[JobFilters]) -> Listing[JobInList]:
    """Jobs, newest first; executions without what they printed."""
    rows, now = jobs_matching(filters), timezone.now()
    executions = ScriptExecution.objects.in_order().defer("stdout", "stderr")
    page = filters.cut(rows.prefetch_related("broken_promises", Prefetch("executions", executions)))
    items = [JobInList.of_rows(job, list(job.executions.all()), now) for job in page]
    return Listing[JobInList](count=rows.count(), items=items)


def jobs_matching(filters: JobFilters) -> QuerySet[BackupJob]:
    rows = BackupJob.objects.order_by("-id")
    if filters.search:
        words = Q(repository__name__icontains=filters.search) | Q(archive_name__icontains=filters.search)
        rows = rows.filter(words | Q(message__icontains=filters.search))
    if filters.repository_id is not None:
        rows = rows.filter(repository_id=filters.repository_id)
    if filters.status:
        rows = rows.filter(status=filters.status)
    if filters.triggered_by:
        rows = rows.filter(triggered_by=filters.triggered_by)
    if filters.script_id is not None or filters.hook_type:
        rows = rows.filter(activity.ran(filters.script_id, filters.hook_type))
    return filters.of(rows)


@router.get("/jobs/{int:pk}", response=JobOut, tags=["jobs"])
def get_job(request: HttpRequest, pk: int) -> JobOut:
    """A job with both verdicts, its timeline and its executions."""
    return JobOut.of(access.job(pk), timezone.now())


@router.post("/jobs/{int:pk}/cancel", response={202: JobOut}, auth=RUN, tags=["jobs"])
def cancel_job(request: HttpRequest, pk: int) -> Status:
    """Ask a job to stop; its post-backup scripts run all the same. 409 with the reason when it is too late."""
    return Status(202, JobOut.of(queue.request_cancel(access.job(pk), caller(request)), timezone.now()))


@router.post("/jobs/{int:pk}/post-backup", response={202: JobOut}, auth=RUN, tags=["jobs"])
@once
def run_post_backup(request: HttpRequest, pk: int) -> Status:
    """Run the post-backup scripts that have not succeeded again, while a promise is broken; otherwise 409."""
    with transaction.atomic():
        job = queue.request_post_backup(access.job(pk), caller(request))
        transaction.on_commit(partial(tasks.start_again, job.pk))
    return Status(202, JobOut.of(job, timezone.now()))


# --- executions -------------------------------------------------------------------------------------------------------
@router.get("/executions", response=Listing[ExecutionOut], tags=["executions"])
def list_executions(request: HttpRequest, filters: Query[ExecutionFilters]) -> Listing[ExecutionOut]:
    """Every run of a script, newest first."""
    rows = ScriptExecution.objects.order_by("-id")
    if filters.search:
        rows = rows.filter(Q(script_name__icontains=filters.search) | Q(error_message__icontains=filters.search))
    chosen = filters.model_dump(exclude_none=True, exclude={"search", "page", "page_size", "since", "until"})
    rows = filters.of(rows.filter(**chosen))
    return Listing[ExecutionOut](count=rows.count(), items=[ExecutionOut.of(row) for row in filters.cut(rows)])


@router.get("/executions/{int:pk}", response=ExecutionOut, tags=["executions"])
def get_execution(request: HttpRequest, pk: int) -> ExecutionOut:
    """One run of a script, with the beginning and the end of what it printed."""
    return ExecutionOut.of(scripts_access.execution(pk))


@router.get("/executions/{int:pk}/log", response=LogOut, tags=["executions"])
def get_log(request: HttpRequest, pk: int, filters: Query[LogFrom]) -> LogOut:
    """What the script printed, from a byte offset on, also while it runs. `complete`: nothing more will come."""
    row = scripts_access.execution(pk)  # before the file: what is over by now has written everything
    path = settings.LOGS_DIR / "executions" / f"{pk}.log"
    page = transcript.read(path, filters.offset, LOG_BYTES)
    lines = [Line(ms=line.ms, stream=stream_of(line), text=line.text) for line in page.lines]
    at_end = not path.exists() or page.next_offset >= path.stat().st_size
    return LogOut(lines=lines, next_offset=page.next_offset, complete=row.is_over and at_end)


def stream_of(line: log_file.Line) -> str:
    """Of the two that the interface knows: what the product itself remarks counts as standard error."""
    return line.stream if line.stream == log_file.OUTPUT else log_file.ERROR


@router.post("/executions/{int:pk}/cancel", response={202: ExecutionOut}, auth=RUN, tags=["executions"])
def cancel_execution(request: HttpRequest, pk: int) -> Status:
    """Stop one script that runs now; the chain goes on. 409 with the reason when it is too late."""
    return Status(202, ExecutionOut.of(queue.request_execution_cancel(scripts_access.execution(pk), caller(request))))


# --- broken promises --------------------------------------------------------------------------------------------------
@router.post("/broken-promises/{int:pk}/close", response=PromiseClosed, auth=RUN, tags=["status"])
def close_promise(request: HttpRequest, pk: int, payload: PromiseClosing) -> dict[str, Any]:
    """A person has put things right, and says how."""
    promise = access.promise(pk)
    if not promises.close(promise, note=payload.note, user=caller(request)):
        raise queue.TooLate("It is closed already.")
    return {"id": promise.pk, "job_id": promise.job_id, "closed": True}
