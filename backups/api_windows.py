"""Endpoints of maintenance windows and their openings."""

from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.responses import Status

from borgui.accounts.authentication import RUN, caller
from borgui.accounts.once import once
from borgui.rest import Listing, Page
from scripts_library.models import ScriptExecution, TriggeredBy

from . import access, maintenance_windows, queue, tasks, window_scripts, windows
from .models import BackupJob, MaintenanceWindow, WindowRun
from .window_schemas import WindowChange, WindowIn, WindowOut, WindowRunInList, WindowRunOut

router = Router(tags=["windows"])


@router.get("/maintenance-windows", response=Listing[WindowOut])
def list_windows(request: HttpRequest, filters: Query[Page]) -> Listing[WindowOut]:
    """All maintenance windows, by name."""
    rows: QuerySet[MaintenanceWindow] = MaintenanceWindow.objects.order_by("name", "id")
    if filters.search:
        rows = rows.filter(name__icontains=filters.search)
    now, page = timezone.now(), filters.cut(rows.prefetch_related("window_scripts__script", "scheduled_jobs"))
    return Listing[WindowOut](count=rows.count(), items=[WindowOut.of(row, now) for row in page])


@router.post("/maintenance-windows", response={201: WindowOut})
def create_window(request: HttpRequest, payload: WindowIn) -> Status:
    """Make a window. What is backed up inside are scheduled jobs with its `maintenance_window_id`."""
    with transaction.atomic():
        row = maintenance_windows.create(payload.columns(), caller(request))
        window_scripts.put(row, payload.scripts())
    return Status(201, WindowOut.of(row, timezone.now()))


@router.get("/maintenance-windows/{int:pk}", response=WindowOut)
def get_window(request: HttpRequest, pk: int) -> WindowOut:
    return WindowOut.of(access.window(pk), timezone.now())


@router.put("/maintenance-windows/{int:pk}", response=WindowOut)
def change_window(request: HttpRequest, pk: int, payload: WindowChange) -> WindowOut:
    """Change a window; new times count from now on. A list of scripts is given whole, in order."""
    with transaction.atomic():
        row = maintenance_windows.change(access.window(pk), payload.columns())
        window_scripts.put(row, payload.scripts())
    return WindowOut.of(row, timezone.now())


@router.delete("/maintenance-windows/{int:pk}", response={204: None})
def delete_window(request: HttpRequest, pk: int) -> Status:
    """Delete a window; 409 while it is open, and while scheduled jobs belong to it. Its history stays."""
    maintenance_windows.delete(access.window(pk))
    return Status(204, None)


@router.post("/maintenance-windows/{int:pk}/run", response={202: WindowRunOut}, auth=RUN)
@once
def open_window(request: HttpRequest, pk: int) -> Status:
    """Open it now; its due times stay. 409 while it is open, or about to be."""
    with transaction.atomic():
        run = windows.open_now(access.window(pk), caller(request), by=TriggeredBy.API)
        transaction.on_commit(tasks.start_jobs)
    return Status(202, WindowRunOut.of(access.window_run(run.pk), timezone.now()))


@router.post("/maintenance-windows/{int:pk}/cancel", response={202: WindowRunOut}, auth=RUN)
def cancel_window(request: HttpRequest, pk: int) -> Status:
    """No further backup starts, those that run are stopped; its post-scripts run all the same. 409 when too late."""
    run = WindowRun.objects.unfinished().filter(window=access.window(pk)).first()
    if run is None:
        raise queue.TooLate("This window is not open.")
    windows.request_cancel(run, caller(request))
    return Status(202, WindowRunOut.of(access.window_run(run.pk), timezone.now()))


@router.get("/maintenance-windows/{int:pk}/runs", response=Listing[WindowRunInList])
def list_window_runs(request: HttpRequest, pk: int, filters: Query[Page]) -> Listing[WindowRunInList]:
    """Its openings, the newest first, each with its jobs; without what scripts printed."""
    rows, now = access.window(pk).runs.order_by("-id"), timezone.now()
    if filters.search:
        rows = rows.filter(message__icontains=filters.search)
    executions = ScriptExecution.objects.in_order().defer("stdout", "stderr")
    jobs = BackupJob.objects.prefetch_related("broken_promises", Prefetch("executions", executions))
    page = filters.cut(
        rows.prefetch_related("broken_promises", Prefetch("executions", executions), Prefetch("jobs", jobs))
    )
    return Listing[WindowRunInList](count=rows.count(), items=[WindowRunInList.of_rows(row, now) for row in page])
