"""Endpoints of schedules, and of pausing everything."""

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.responses import Status

from borgui.accounts.authentication import RUN, caller
from borgui.accounts.once import once
from borgui.rest import Listing, Page
from scripts_library.models import TriggeredBy

from . import access, schedules, scheduling, tasks
from .models import ScheduledJob
from .schedule_schemas import PausedOut, PauseIn, ScheduleChange, ScheduleIn, ScheduleOut
from .schemas import JobOut

router = Router(tags=["schedules"])


@router.get("/scheduled-jobs", response=Listing[ScheduleOut])
def list_schedules(request: HttpRequest, filters: Query[Page]) -> Listing[ScheduleOut]:
    """All schedules, by name."""
    rows: QuerySet[ScheduledJob] = ScheduledJob.objects.order_by("name", "id")
    if filters.search:
        rows = rows.filter(name__icontains=filters.search)
    now, page = timezone.now(), filters.cut(rows.prefetch_related("members__repository"))
    return Listing[ScheduleOut](count=rows.count(), items=[ScheduleOut.of(row, now) for row in page])


@router.post("/scheduled-jobs", response={201: ScheduleOut})
def create_schedule(request: HttpRequest, payload: ScheduleIn) -> Status:
    """Make a schedule. It starts at its next due time, never at one that is over."""
    row = schedules.create(payload.given(), caller(request))
    return Status(201, ScheduleOut.of(row, timezone.now()))


@router.get("/scheduled-jobs/{int:pk}", response=ScheduleOut)
def get_schedule(request: HttpRequest, pk: int) -> ScheduleOut:
    """One schedule with its next times."""
    return ScheduleOut.of(access.schedule(pk), timezone.now())


@router.put("/scheduled-jobs/{int:pk}", response=ScheduleOut)
def change_schedule(request: HttpRequest, pk: int, payload: ScheduleChange) -> ScheduleOut:
    """Change a schedule; new times count from now on."""
    return ScheduleOut.of(schedules.change(access.schedule(pk), payload.given()), timezone.now())


@router.delete("/scheduled-jobs/{int:pk}", response={204: None})
def delete_schedule(request: HttpRequest, pk: int) -> Status:
    """Delete a schedule; what it has queued stays queued."""
    schedules.delete(access.schedule(pk))
    return Status(204, None)


@router.post("/scheduled-jobs/{int:pk}/run", response={202: list[JobOut]}, auth=RUN)
@once
def run_schedule(request: HttpRequest, pk: int) -> Status:
    """Queue its backups now, with all that follows them; its due times stay. 409 where all of them wait already."""
    with transaction.atomic():
        jobs = schedules.run_now(access.schedule(pk), caller(request), by=TriggeredBy.API)
        transaction.on_commit(tasks.start_jobs)
    return Status(202, [JobOut.of(job, timezone.now()) for job in jobs])


@router.post("/scheduled-jobs/{int:pk}/pause", response=ScheduleOut, auth=RUN)
def pause_schedule(request: HttpRequest, pk: int, payload: PauseIn) -> ScheduleOut:
    """Start nothing by itself until then; with null it is switched off until somebody resumes it."""
    return ScheduleOut.of(schedules.pause(access.schedule(pk), payload.until), timezone.now())


@router.post("/scheduled-jobs/{int:pk}/resume", response=ScheduleOut, auth=RUN)
def resume_schedule(request: HttpRequest, pk: int) -> ScheduleOut:
    """What was due meanwhile is not made up for."""
    return ScheduleOut.of(schedules.resume(access.schedule(pk)), timezone.now())


@router.post("/pause", response=PausedOut, auth=RUN)
def pause_everything(request: HttpRequest, payload: PauseIn) -> PausedOut:
    """No schedule starts anything until then; with null until somebody resumes."""
    schedules.pause_all(payload.until)
    return paused_now()


@router.post("/resume", response=PausedOut, auth=RUN)
def resume_everything(request: HttpRequest) -> PausedOut:
    """What was due meanwhile is not made up for."""
    schedules.resume_all()
    return paused_now()


def paused_now() -> PausedOut:
    found = scheduling.paused(timezone.now())
    if found is None:
        return PausedOut(paused=False, since=None, until=None)
    return PausedOut(paused=True, since=found.schedules_paused_at, until=found.schedules_paused_until)
