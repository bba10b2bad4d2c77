"""What the pages of schedules and of windows share: a form with times and repositories, read out while it is filled in."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from backups.forms.schedule import ScheduleForm
from backups.forms.when import WhenForm, reading
from backups.forms.window import WindowForm
from borgui import htmx
from borgui.accounts.access import signed_in
from scripts_library.errors import Invalid, Refused

TimedForm = ScheduleForm | WindowForm
Made = TypeVar("Made", bound=Model)


def form_context(form: WhenForm) -> dict[str, Any]:
    return {"form": form, **(told(as_when(form)) if "preset" in form.fields else {})}


def as_when(form: WhenForm) -> WhenForm:
    """What is in the form about times, to be read out beside it."""
    return WhenForm({name: form[name].value() or "" for name in WhenForm.base_fields})


def told(form: WhenForm) -> dict[str, Any]:
    """The reading, or why there is none."""
    found = reading(form, timezone.now())
    return {"reading": found, "problem": "" if found else next(iter(form.errors.values()))[0]}


def typed_page(request: HttpRequest, form: TimedForm, page: Callable[..., HttpResponse]) -> HttpResponse:
    """After a button of the picker: the picker alone for HTMX, else the whole page."""
    if not htmx.of(request):
        return page(request, form)
    order = ", then ".join(repository.name for repository in form.picker.chosen)
    said = f"In this order: {order}." if order else "No repository is chosen."
    pressed = request.POST["action"]
    focus = {  # where the pressed button is gone
        "removed": pressed.startswith("remove-"),
        "added_last": pressed == "add" and not form.picker.others,
    }
    return render(request, "schedules/_schedule_picker.html", {"form": form, "said": said, **focus})


def agreed(form: TimedForm, act: Callable[[], Made]) -> Made | None:
    """Do it; what is refused is shown at its field."""
    try:
        return act()
    except Invalid as reason:
        form.tell(reason.errors)
    except Refused as reason:
        form.tell({reason.field: reason.message})
    return None


@signed_in
@require_GET
def cron_reading(request: HttpRequest) -> HttpResponse:
    """The piece that says what the times in the form mean; 422 with the reason where they mean nothing."""
    found = told(WhenForm(request.GET))
    return render(request, "schedules/_cron_reading.html", found, status=200 if found["reading"] else 422)
