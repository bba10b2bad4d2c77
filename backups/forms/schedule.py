"""A schedule: when, which repositories in which order, and what follows; and for how long one is paused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone

from backups import cron
from backups.models import Repository, ScheduledJob
from borgui.accounts import time_zone
from borgui.accounts.forms import time_zones
from borgui.long_select import LongSelect
from scripts_library.lanes import moved

from .fields import Duration, plain

OWN = "own"
NIGHTLY = cron.PRESETS[0].expression
PRESET = {preset.expression: preset.words for preset in cron.PRESETS}


# --- when -------------------------------------------------------------------------------------------------------------
def presets() -> list[tuple[str, str]]:
    return [*((one, f"{words[:1].upper()}{words[1:]}") for one, words in PRESET.items()), (OWN, "At other times")]


class WhenForm(forms.Form):
    """One of the presets, or a cron expression of one's own; `cron_expression` is clean in both cases."""

    preset = forms.ChoiceField(label="How often", choices=presets, initial=NIGHTLY, required=False)
    cron_expression = forms.CharField(
        label="Cron expression",
        required=False,
        max_length=100,
        widget=plain(placeholder=NIGHTLY, **{"aria-describedby": "id_cron_expression_helptext cron-reading"}),
        help_text="Minute, hour, day of the month, month, day of the week: 30 3 * * 1-5 is 03:30 from Monday to Friday.",
    )
    timezone = forms.ChoiceField(label="Time zone", choices=time_zones, widget=LongSelect, initial=time_zone.name)

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or self.cleaned_data
        preset = fields.get("preset") or OWN
        if preset != OWN:
            fields["cron_expression"] = preset
        elif sentence := cron.problem(fields.get("cron_expression", "")):
            self.add_error("cron_expression", sentence)
        return fields


@dataclass(frozen=True)
class Reading:
    """What an expression means: in words, and the next times. Pages say times in their own zone, these in `zone`."""

    words: str
    times: Sequence[datetime]
    zone: str

    @property
    def shown(self) -> list[datetime]:
        return [timezone.make_naive(moment, ZoneInfo(self.zone)) for moment in self.times]


def reading(form: WhenForm, now: datetime, count: int = 5) -> Reading | None:
    """None where it cannot be read; the form says why."""
    if not form.is_valid():
        return None
    expression, zone = form.cleaned_data["cron_expression"], form.cleaned_data["timezone"]
    return Reading(cron.in_words(expression), cron.next_times(expression, zone, now, count), zone)


# --- which repositories, in order -------------------------------------------------------------------------------------
class InOrder(forms.Field):
    """Ids of repositories, as hidden inputs that stand in their order."""

    widget = forms.SelectMultiple  # drawn by the template

    def to_python(self, value: Any) -> list[int]:
        return list(dict.fromkeys(int(one) for one in value or [] if str(one).isdecimal() and len(str(one)) < 19))


@dataclass(frozen=True)
class Picker:
    chosen: Sequence[Repository]
    others: Sequence[tuple[int, str]]  # by name


def step(ids: Sequence[int], action: str, add: int | None) -> list[int]:
    """The order after one press of a button: `up-ID`, `down-ID`, `remove-ID` or `add`."""
    word, _, number = action.partition("-")
    if word == "add":
        return [*ids, add] if add is not None and add not in ids else list(ids)
    pk = int(number) if number.isdecimal() and len(number) < 19 else 0
    if pk not in ids:
        return list(ids)
    return [one for one in ids if one != pk] if word == "remove" else moved(ids, pk, -1 if word == "up" else 1)


# --- the whole schedule -----------------------------------------------------------------------------------------------
class ScheduleForm(WhenForm):
    afterwards = ("prune_after", "compact_after", "check_every_days")
    advanced = ("timezone", "catch_up", "jitter", "ping_url", "ping_removed")

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    repositories = InOrder(
        label="Repositories", error_messages={"required": "Choose what is to be backed up: at least one repository."}
    )
    add = forms.IntegerField(
        required=False, widget=forms.HiddenInput
    )  # drawn by the template, as a list to choose from
    prune_after = forms.BooleanField(
        label="Delete old archives, as each repository's retention says",
        required=False,
        help_text="Repositories that do so after every backup need no word here.",
    )
    compact_after = forms.BooleanField(
        label="Give the space back (compact)", required=False, help_text="borg frees nothing before."
    )
    check_every_days = forms.IntegerField(
        label="Check the repository every so many days",
        required=False,
        min_value=1,
        max_value=3650,
        help_text="Empty: only where the repository itself asks for it.",
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
        is_set = bool(schedule and schedule.ping_url)
        self.fields["ping_url"].help_text = (
            "Set; leave empty to keep it."
            if is_set
            else "Told of start, good end and failure, as healthchecks does it."
        )
        if not is_set:
            del self.fields["ping_removed"]

    @property
    def advanced_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.advanced if name in self.fields]

    @property
    def picker(self) -> Picker:
        ids = InOrder().to_python(self["repositories"].value())
        named = dict(Repository.objects.kept().order_by("name").values_list("pk", "name"))
        chosen = [Repository(pk=pk, name=named[pk]) for pk in ids if pk in named]
        return Picker(chosen, [(pk, name) for pk, name in named.items() if pk not in ids])

    def clean(self) -> dict[str, Any]:
        """What is chosen in the list and was not added by its button is meant all the same."""
        fields = super().clean()
        if (add := fields.get("add")) is not None:
            fields["repositories"] = step(fields.get("repositories", []), "add", add)
            self.errors.pop("repositories", None)
        return fields

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
    names = ("name", "timezone", "prune_after", "compact_after", "check_every_days")
    known = schedule.cron_expression in PRESET
    members = schedule.members.filter(repository__deleted_at=None).order_by("position")
    return {
        **{name: getattr(schedule, name) for name in names},
        "preset": schedule.cron_expression if known else OWN,
        "cron_expression": "" if known else schedule.cron_expression,
        "repositories": list(members.values_list("repository_id", flat=True)),
        "catch_up": schedule.catch_up or "0 s",
        "jitter": schedule.jitter or None,
    }


def as_typed(data: QueryDict, schedule: ScheduledJob | None) -> ScheduleForm:
    """The form with what was typed, not judged yet, after a button of the picker was pressed."""
    ids = InOrder().to_python(data.getlist("repositories"))
    add = data.get("add", "")
    order = step(ids, data.get("action", ""), int(add) if add.isdecimal() and len(add) < 19 else None)
    typed = {name: data.get(name, "") for name in ScheduleForm.base_fields}
    return ScheduleForm(schedule=schedule, initial={**typed, "repositories": order, "add": None})


# --- pausing ----------------------------------------------------------------------------------------------------------
class PauseForm(forms.Form):
    """Until when; empty: until somebody says so."""

    until = forms.DateTimeField(
        label="Until",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"invalid": "Write the day and the time, or leave it empty."},
    )
