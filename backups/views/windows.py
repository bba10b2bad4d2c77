"""Maintenance windows: what is down when, for what; one window with its openings; and what people do with it."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backups import access, maintenance_windows, scheduling, sharing, tasks, tonight, window_story, windows
from backups.forms.window import WindowForm, as_typed
from backups.models import MaintenanceWindow
from backups.views.timed_forms import agreed, form_context, typed_page
from borgui.accounts import time_zone
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library.errors import Refused

PAGE = 50


# --- the list ---------------------------------------------------------------------------------------------------------
@signed_in
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    start, end = tonight.axis(now, tonight.WEEK)
    page = Paginator(window_story.everything(), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "count": page.paginator.count,
        "rows": window_story.rows(page, now),
        "tonight": tonight.drawn(scheduling.coming_openings(start, now + tonight.WEEK), start, end),
        "paused": scheduling.paused(now),
        "zone": time_zone.name(),
    }
    return render(request, "windows/list.html", context)


@signed_in
@require_GET
def window(request: HttpRequest, pk: int) -> HttpResponse:
    """`before`: the number of a run, to see those before it."""
    row, now = access.window(pk), timezone.now()
    context = {"window": row, "story": window_story.of(row, now, number_in(request.GET.get("before", "")) or None)}
    return render(request, "windows/window.html", context)


# --- a new one, and changing one --------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """`repositories`: with which the form begins. `scripts_of`: the one whose scripts that all of them share go along."""
    if request.method != "POST":
        return new_page(request, WindowForm(initial=proposed(request.GET.getlist("repositories"))))
    if request.POST.get("action", "save") != "save":
        return typed_page(request, as_typed(request.POST, None, None), new_page)
    form = WindowForm(request.POST)
    if form.is_valid() and (made := agreed(form, partial(made_of, request, form))):
        messages.success(request, f"'{made.name}' opens by itself from now on.")
        return redirect("window", made.pk)
    return new_page(request, form, status=422)


def made_of(request: HttpRequest, form: WindowForm) -> MaintenanceWindow:
    """The window, its jobs, and the scripts that go along: all or nothing."""
    with transaction.atomic():
        made = maintenance_windows.create(form.given(), caller(request))
        maintenance_windows.set_jobs(made, form.of_jobs(), only_here=form.only_here_wanted)
        if moved := moved_in(request):
            sharing.copy_to(made, moved, form.of_jobs()["repositories"])
    return made


def proposed(repositories: list[str]) -> dict[str, Any]:
    """Every night, and a name that is free."""
    ids = [pk for one in repositories if (pk := number_in(one))]
    return {"name": maintenance_windows.free_name("Night"), "repositories": ids}


def new_page(request: HttpRequest, form: WindowForm, status: int = 200) -> HttpResponse:
    return render(request, "windows/new.html", {**form_context(form), "moved": moved_in(request)}, status=status)


def moved_in(request: HttpRequest) -> sharing.Moved | None:
    pk = number_in(request.POST.get("scripts_of", "") or request.GET.get("scripts_of", ""))
    return sharing.moved(access.repository(pk)) if pk else None


@signed_in
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.window(pk)
    jobs = maintenance_windows.own_schedule(row)
    if request.method != "POST":
        return settings_page(request, with_more(request, WindowForm(window=row, jobs=jobs)))
    if request.POST.get("action", "save") != "save":
        return typed_page(request, as_typed(request.POST, row, jobs), settings_page)
    form = WindowForm(request.POST, row, jobs)
    if form.is_valid() and agreed(form, partial(changed, pk, form)):
        messages.success(request, "Saved.")
        return redirect("window", pk)
    return settings_page(request, form, status=422)


def with_more(request: HttpRequest, form: WindowForm) -> WindowForm:
    """`add`: repositories with which the form is opened, behind those that it has."""
    more = [pk for one in request.GET.getlist("add") if (pk := number_in(one))]
    if more and form.has_own:
        form.initial["repositories"] = [*form.initial.get("repositories", []), *more]
    return form


def changed(pk: int, form: WindowForm) -> MaintenanceWindow:
    with transaction.atomic():
        row = maintenance_windows.change(access.window(pk), form.given())
        if form.has_own:
            maintenance_windows.set_jobs(row, form.of_jobs(), only_here=form.only_here_wanted)
    return row


def settings_page(request: HttpRequest, form: WindowForm, status: int = 200) -> HttpResponse:
    row = access.window(form.window.pk if form.window else 0)  # as it is, whatever was typed
    context = {"window": row, "jobs": list(row.scheduled_jobs.order_by("name")), **form_context(form)}
    return render(request, "windows/settings.html", context, status=status)


# --- what people do with one ------------------------------------------------------------------------------------------
@signed_in
@require_POST
def open_now(request: HttpRequest, pk: int) -> HttpResponse:
    """To the page of its run. What will stop is named beside the button."""
    row = access.window(pk)
    try:
        with transaction.atomic():
            run = windows.open_now(row, caller(request))
            transaction.on_commit(tasks.poke)
    except Refused as reason:
        messages.error(request, reason.message)
        return redirect("window", pk)
    return redirect("window-run", run.pk)


@signed_in
@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    row = maintenance_windows.pause(access.window(pk))
    messages.success(request, f"'{row.name}' does not open by itself until somebody resumes it.")
    return redirect("window", pk)


@signed_in
@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    row = maintenance_windows.resume(access.window(pk))
    messages.success(request, f"'{row.name}' opens by itself again.")
    return redirect("window", pk)


@signed_in
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = access.window(pk)
    if request.method == "POST":
        try:
            maintenance_windows.delete(row, with_jobs=True)
        except Refused as reason:
            messages.error(request, reason.message)
            return redirect("window-delete", pk)
        messages.success(request, f"'{row.name}' is deleted. Scripts, backups and archives are where they were.")
        return redirect("windows")
    return render(request, "windows/delete.html", {"window": row, **window_story.before_deletion(row)})


@signed_in
@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Nobody wants this window: the overview does not suggest it again. `key` is that of the suggestion."""
    sharing.dismiss(request.POST.get("key", ""))
    messages.success(request, "It is not suggested again.")
    return redirect("start")


def number_in(text: str) -> int:
    """0 for what is no number of a row."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
