"""When does it run, what is kept? The schedule of one repository; and the one screen after its first good backup."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backups import access, schedule_story, schedules, scheduling, window_story
from backups.forms.protect import ProtectForm
from backups.forms.retention import RetentionForm
from backups.forms.when import NIGHTLY
from backups.models import Channel, MaintenanceWindow, Repository, ScheduledJob
from backups.notifications import channels, sending
from backups.views.timed_forms import as_when, told
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library.errors import Invalid, Refused


@signed_in
@require_GET
def repository_schedule(request: HttpRequest, pk: int) -> HttpResponse:
    repository, now = access.repository(pk), timezone.now()
    mine = ScheduledJob.objects.by_themselves().filter(members__repository=repository).order_by("next_run", "name")
    inside = MaintenanceWindow.objects.filter(scheduled_jobs__members__repository=repository)
    context = {
        "repository": repository,
        "rows": schedule_story.rows(mine, now),
        "windows": window_story.rows(inside.distinct().order_by("next_run", "name"), now),
        "upcoming": scheduling.upcoming(now, schedule_story.NEXT, repository),
        "others": list(schedules.without(repository).values_list("pk", "name")),
        "paused": scheduling.paused(now),
        "retention_form": RetentionForm(None, repository),
        "told_by": list(hearing(repository).values_list("name", flat=True)),
    }
    return render(request, "repositories/schedule.html", context)


def hearing(repository: Repository) -> QuerySet[Channel]:
    """The channels that are told of it."""
    mine = Q(all_repositories=True) | Q(repositories=repository)
    return Channel.objects.filter(mine, enabled=True).order_by("name").distinct()


@signed_in
@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Into the schedule that was chosen (`schedule`), or into one of its own, every night (none)."""
    repository, chosen = access.repository(pk), request.POST.get("schedule", "")
    try:
        if chosen.isdecimal() and len(chosen) < 19:
            row = access.schedule(int(chosen))
            ids = [one.pk for one in schedule_story.members_of([row.pk])[row.pk] if one.pk != pk]
            schedules.change(row, {"repositories": [*ids, pk]})
        else:
            row = schedules.create(nightly(repository), caller(request))
    except (Invalid, Refused) as reason:
        messages.error(request, f"Not added. {reason}")
    else:
        messages.success(request, f"'{repository.name}' is backed up by '{row.name}' from now on.")
    return redirect("repository-schedule", pk)


def nightly(repository: Repository) -> dict[str, Any]:
    """Every night, under a name that is free."""
    return {
        "name": schedules.free_name(f"{repository.name}, every night"),
        "repositories": [repository.pk],
        "cron_expression": NIGHTLY,
    }


# --- the one screen ---------------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
@sensitive_post_parameters("password")
def protect(request: HttpRequest, pk: int) -> HttpResponse:
    """Two questions, one Save; and a test mail at once, so that nobody learns of a wrong password at night."""
    repository = access.repository(pk)
    if ScheduledJob.objects.filter(members__repository=repository).exists():
        return redirect("repository-schedule", pk)
    form = ProtectForm(request.POST if request.method == "POST" else None)
    if request.POST.get("action") == "read" or not form.is_bound:
        return protect_page(request, repository, form)
    if form.is_valid() and (made := protected(form, repository, request)):
        messages.success(request, f"'{repository.name}' is backed up by itself from now on.")
        try_out(made[1], request)
        return redirect("repository-schedule", pk)
    return protect_page(request, repository, form, status=422)


def protect_page(request: HttpRequest, repository: Repository, form: ProtectForm, status: int = 200) -> HttpResponse:
    context = {"repository": repository, "form": form, **told(as_when(form))}
    return render(request, "repositories/protect.html", context, status=status)


def protected(
    form: ProtectForm, repository: Repository, request: HttpRequest
) -> tuple[ScheduledJob, Channel | None] | None:
    """The schedule, and the channel where one was asked for: both or none, and then the form says why."""
    given = form.channel()
    try:
        with transaction.atomic():
            row = schedules.create({**nightly(repository), **form.schedule()}, caller(request))
            return row, channels.create(given) if given else None
    except Invalid as reason:
        form.tell(reason.errors)
    except Refused as reason:
        form.tell({reason.field: reason.message})
    return None


def try_out(channel: Channel | None, request: HttpRequest) -> None:
    if channel is None:
        return
    sent = sending.test(channel, caller(request).get_username())
    if sent.ok:
        messages.success(request, f"'{channel.name}': a test mail was sent. Look whether it has arrived.")
    else:
        messages.error(request, f"'{channel.name}': the test mail was not sent. {sent.error}")
