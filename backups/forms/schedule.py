"""A schedule: when, which repositories in which order, and what follows; and for how long one is paused."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from backups.models import MaintenanceWindow, ScheduledJob

from .fields import Duration, plain
from .members import MembersForm, of_members, typed_in
from .when import NIGHTLY, WhenForm, filled_in


def places() -> list[tuple[int | str, str]]:
    windows = MaintenanceWindow.objects.order_by("name").values_list("pk", "name")
    return [("", "By itself, at times of its own"), *((pk, f"Inside the window '{name}'") for pk, name in windows)]


class ScheduleForm(MembersForm, WhenForm):
    """`maintenance_window_id` is there where there are windows."""

    field_order = ("name", "repositories")
    advanced = ("timezone", "catch_up", "jitter", "ping_url", "ping_removed")

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    maintenance_window_id = forms.TypedChoiceField(
        label="It runs",
        choices=places,
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": "There is no such window any more. Choose again."},
    )
    catch_up = Duration(
        label="Make up for it within",
        required=False,
        widget=plain(placeholder="12 h"),
        help_text="After the machine was off, one missed run is made up for if it is not older than this; 0 s: never.",
    )
    jitter = Duration(
        label="Start up to this much later",
        required=False,
        widget=plain(placeholder="none"),
        help_text="So that many machines do not start at the same second: 15 min.",
    )
    ping_url = forms.CharField(
        label="Address to ping",
        required=False,
        max_length=1000,
        widget=plain(type="url", placeholder="https://health.example.org/..."),
    )
    ping_removed = forms.BooleanField(label="Forget the address", required=False)

    def __init__(self, data: Any = None, schedule: ScheduledJob | None = None, initial: Mapping[str, Any] = {}) -> None:
        super().__init__(data, initial={**(of_schedule(schedule) if schedule else {}), **initial})
        self.schedule = schedule
        self.has_times = schedule is None or schedule.maintenance_window_id is None
        if not self.has_times:  # its window opens when it does
            for name in ("preset", "cron_expression", "timezone", "catch_up", "jitter"):
                del self.fields[name]
        self._ask_where()
        is_set = bool(schedule and schedule.ping_url)
        self.fields["ping_url"].help_text = (
            "Set; leave empty to keep it."
            if is_set
            else "Told of start, good end and failure, as healthchecks does it."
        )
        if not is_set:
            del self.fields["ping_removed"]

    def _ask_where(self) -> None:
        field = self.fields["maintenance_window_id"]
        if not MaintenanceWindow.objects.exists():
            del self.fields["maintenance_window_id"]
        elif self.has_times:
            field.help_text = "Inside a window it starts when that opens, and the times below do not count."
        else:
            field.help_text = "By itself: at the times that it had before, else every night at 02:17."

    def clean(self) -> dict[str, Any]:
        fields = super().clean()
        if "maintenance_window_id" not in self.data:  # what was not asked stays as it is
            fields.pop("maintenance_window_id", None)
        elif self.schedule and not self.has_times and fields.get("maintenance_window_id") is None:
            fields["cron_expression"] = self.schedule.cron_expression or NIGHTLY
        return fields

    @property
    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.advanced if name in self.fields]

    def given(self) -> dict[str, Any]:
        """What `backups.schedules` takes. No address keeps the stored one."""
        fields = {name: value for name, value in self.cleaned_data.items() if name in GIVEN}
        if not fields["ping_url"]:
            del fields["ping_url"]
        return {**fields, "ping_url": None} if self.cleaned_data.get("ping_removed") else fields

    def tell(self, errors: Mapping[str, str]) -> None:
        """Sentences by field; above the form where no field of it is meant."""
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)


GIVEN = {
    "name",
    "repositories",
    "maintenance_window_id",
    "cron_expression",
    "timezone",
    "prune_after",
    "compact_after",
    "check_every_days",
    "catch_up",
    "jitter",
    "ping_url",
}


def of_schedule(schedule: ScheduledJob) -> dict[str, Any]:
    """The form filled in with what a schedule is."""
    return {
        "name": schedule.name,
        "maintenance_window_id": schedule.maintenance_window_id,
        "timezone": schedule.timezone,
        **filled_in(schedule.cron_expression),
        **of_members(schedule),
        "catch_up": schedule.catch_up or "0 s",
        "jitter": schedule.jitter or None,
    }


def as_typed(data: QueryDict, schedule: ScheduledJob | None) -> ScheduleForm:
    """The form with what was typed, not judged yet, after a button of the picker was pressed."""
    return ScheduleForm(schedule=schedule, initial=typed_in(data, list(ScheduleForm.base_fields)))


# --- pausing ----------------------------------------------------------------------------------------------------------
class PauseForm(forms.Form):
    """Until when; empty: until somebody says so."""

    until = forms.DateTimeField(
        label="Until",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "Write the day and the time, or leave it empty."},
    )
