"""When something runs by itself: one of the presets or a cron expression, in a time zone; and what that means in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from backups import cron
from borgui.accounts import time_zone
from borgui.accounts.forms import time_zones
from borgui.long_select import LongSelect

from .fields import plain

OWN = "own"
NIGHTLY = cron.PRESETS[0].expression
PRESET = {preset.expression: preset.words for preset in cron.PRESETS}


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
        if "preset" not in self.fields:  # it has no times of its own
            return fields
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


def filled_in(expression: str) -> dict[str, str]:
    """The two fields for an expression that is stored."""
    known = expression in PRESET
    return {"preset": expression if known else OWN, "cron_expression": "" if known else expression}
