from functools import cache
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm

from borgui.long_select import LongSelect

from .models import User


@cache
def time_zones() -> list[tuple[str, str]]:
    """Every zone that this machine knows; the folder of zones is read once."""
    return [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if zone != "localtime"]


class SetupForm(BaseUserCreationForm):
    """The account of the first administrator, and the time zone in which the installation speaks."""

    time_zone = forms.ChoiceField(choices=time_zones, widget=LongSelect, initial=lambda: settings.TIME_ZONE)

    class Meta:
        model = User
        fields = ["username"]
        help_texts = {"username": ""}
