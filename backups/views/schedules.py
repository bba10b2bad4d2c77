"""What runs when: the list of schedules, one schedule with its history, and what people do with them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backups import access, cron, schedule_story, schedules, scheduling, tasks, tonight, window_story
from backups.forms.schedule import PauseForm, ScheduleForm, as_typed
from backups.models import ScheduledJob
from backups.views.timed_forms import agreed, form_context, typed_page
from borgui.accounts import time_zone
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import links
from scripts_library.errors import Invalid, Refused

PAGE = 50
SECRET = sensitive_post_parameters("ping_url")


# --- the list ---------------------------------------------------------------------------------------------------------
@signed_in
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    start, end = tonight.axis(now)
    page = Paginator(schedule_story.everything(), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "count": page.paginator.count,
        "rows": schedule_story.rows(page, now),
        "tonight": tonight.drawn(scheduling.tonight(start, now + tonight.DAY), start, end),
        "windows": window_story.rows(window_story.everything()[:PAGE], now),
        "paused": scheduling.paused(now),
        "zone": time_zone.name(),
    }
    return render(request, "schedules/list.html", context)


# --- a new one, and changing one --------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
@SECRET
def new(request: HttpRequest) -> HttpResponse:
    """`repository`: the one with which the form begins."""
    if request.method != "POST":
        return new_page(request, ScheduleForm(initial=proposed(request.GET.get("repository", ""))))
    if typed := still_typing(request):
        return typed_page(request, typed, new_page)
    form = ScheduleForm(request.POST)
    if form.is_valid() and (made := agreed(form, lambda: schedules.create(form.given(), caller(request)))):
        messages.success(request, f"'{made.name}' runs by itself from now on.")
        return redirect("schedule", made.pk)
    return new_page(request, form, status=422)


def proposed(repository: str) -> dict[str, Any]:
    """Every night, and a name that is free."""
    row = access.repository(int(repository)) if repository.isdecimal() and len(repository) < 19 else None
    name = schedules.free_name(f"{row.name}, every night" if row else "Every night")
    return {"name": name, "repositories": [row.pk] if row else []}


def new_page(request: HttpRequest, form: ScheduleForm, status: int = 200) -> HttpResponse:
    return render(request, "schedules/new.html", form_context(form), status=status)


@signed_in
@require_http_methods(["GET", "POST"])
@SECRET
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.schedule(pk)
    if request.method != "POST":
        return schedule_page(request, ScheduleForm(schedule=row))
    if typed := still_typing(request, row):
        return typed_page(request, typed, schedule_page)
    form = ScheduleForm(request.POST, row)
    if form.is_valid() and agreed(form, lambda: schedules.change(access.schedule(pk), form.given())):
        messages.success(request, "Saved.")
        return redirect("schedule", pk)
    return schedule_page(request, form, status=422)


def schedule_page(request: HttpRequest, form: ScheduleForm, status: int = 200) -> HttpResponse:
    row, now = access.schedule(form.schedule.pk if form.schedule else 0), timezone.now()
    before = request.GET.get("before", "")
    runs, earlier = schedule_story.history(row, int(before) if before.isdecimal() and len(before) < 19 else None)
    repositories = schedule_story.members_of([row.pk])[row.pk]
    things = links.interrupts_of([repository.pk for repository in repositories])
    context = {
        "schedule": row,
        "state": schedule_story.state_of(row, now),
        "paused": scheduling.paused(now),
        "when": cron.in_words(row.cron_expression),
        "next_times": schedule_story.next_times(row, now),
        "repositories": repositories,
        "interrupts": sorted({thing for some in things.values() for thing in some}),
        "runs": runs,
        "earlier": earlier,
        **form_context(form),
    }
    return render(request, "schedules/schedule.html", context, status=status)


def still_typing(request: HttpRequest, row: ScheduledJob | None = None) -> ScheduleForm | None:
    """The form as it stands after any button but the one that saves."""
    return None if request.POST.get("action", "save") == "save" else as_typed(request.POST, row)


# --- what people do with one ------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.schedule(pk)
    if request.method == "POST":
        schedules.delete(row)
        messages.success(request, f"'{row.name}' is deleted. Its backups and archives are where they were.")
        return redirect("schedules")
    repositories = schedule_story.members_of([row.pk])[row.pk]
    return render(request, "schedules/delete.html", {"schedule": row, "repositories": repositories})


@signed_in
@require_POST
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue its backups now; to the page of the first one."""
    row = access.schedule(pk)
    try:
        jobs = schedules.run_now(row, caller(request))
    except Refused as reason:
        messages.error(request, reason.message)
        return redirect("schedule", pk)
    tasks.poke()
    if len(jobs) == 1:
        return redirect("job", jobs[0].pk)
    messages.success(request, f"{len(jobs)} backups are queued.")
    return redirect("schedule", pk)


@signed_in
@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.schedule(pk)
    paused(request, lambda until: schedules.pause(row, until))
    return redirect("schedule", pk)


@signed_in
@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        schedules.resume(access.schedule(pk))
    except Invalid as reason:
        messages.error(request, f"Not resumed. {' '.join(reason.errors.values())}")
    return redirect("schedule", pk)


@signed_in
@require_POST
def pause_all(request: HttpRequest) -> HttpResponse:
    paused(request, schedules.pause_all)
    return redirect("schedules")


@signed_in
@require_POST
def resume_all(request: HttpRequest) -> HttpResponse:
    schedules.resume_all()
    messages.success(request, "Schedules run again.")
    return redirect("schedules")


def paused(request: HttpRequest, act: Callable[[datetime | None], object]) -> None:
    """Until the time in the form; what is wrong with that is told."""
    form = PauseForm(request.POST)
    try:
        if form.is_valid():
            act(form.cleaned_data["until"])
        else:
            raise Invalid({"until": str(form.errors["until"][0])})
    except Invalid as reason:
        messages.error(request, f"Not paused. {' '.join(reason.errors.values())}")
