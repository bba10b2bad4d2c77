from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.forms import BaseUserCreationForm
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from borgui.long_select import LongSelect

from . import half_way, second_factor
from .models import AuditEntry, User
from .roles import IN_WORDS


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


ROLES = [(words.role, words.name) for words in IN_WORDS]


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=ROLES, widget=forms.RadioSelect)

    @property
    def label(self) -> str:
        return dict(ROLES)[self.cleaned_data["role"]].lower()


class NewPersonForm(RoleForm):
    username = forms.CharField(
        max_length=150,
        label="Name",
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ["username", "role"]

    def clean_username(self) -> str:
        name: str = User.normalize_username(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError("Somebody has this name already.")
        return name


class CodeField(forms.CharField):
    """Six digits from the app, or a recovery code; spaces and dashes do not matter."""

    def __init__(self, **options: Any) -> None:
        attributes = {
            "autocomplete": "one-time-code",
            "spellcheck": "false",
            "autocapitalize": "none",
        }
        super().__init__(max_length=40, widget=forms.TextInput(attrs=attributes), **options)


class CodeForm(forms.Form):
    """The second question of a sign-in. A wrong code is counted when the form is checked."""

    code = CodeField(label="Code", help_text="The six digits that your app shows now. Phone gone? A recovery code.")

    def __init__(self, request: HttpRequest, user: User, data: Any = None, prefix: str | None = None) -> None:
        self.request, self.user = request, user
        super().__init__(data, prefix=prefix)
        self.fields["code"].widget.attrs["autofocus"] = True
        if not second_factor.has_app(user):
            self.fields["code"].help_text = "One of your recovery codes; each opens once."

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if fault := half_way.fault_of(self.request, self.user, code):
            raise forms.ValidationError(fault)
        return code


class NewFactorForm(forms.Form):
    """The first code of an app that has just been told the secret."""

    code = CodeField(label="Code", help_text="The six digits that the app shows now.")


class PasskeyForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        label="Name",
        help_text="By which you know it: your phone, the key on your key ring, your password manager.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AuditFilter(forms.Form):
    """What is looked for in the audit log; nonsense is passed over."""

    search = forms.CharField(required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"}))
    person = forms.CharField(required=False, max_length=150)
    action = forms.ChoiceField(required=False, choices=lambda: [("", "Everything"), *deeds()])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-select" if isinstance(field, forms.ChoiceField) else "form-control"
        self.full_clean()

    def matching(self) -> QuerySet[AuditEntry]:
        """The newest first; days are those of the installation's time zone."""
        given, rows = self.cleaned_data, AuditEntry.objects.order_by("-id")
        if given.get("search"):
            rows = rows.filter(Q(name__icontains=given["search"]) | Q(action__icontains=given["search"]))
        if given.get("person"):
            rows = rows.filter(username__icontains=given["person"])
        if given.get("action"):
            rows = rows.filter(action=given["action"])
        if given.get("since"):
            rows = rows.filter(at__gte=beginning(given["since"]))
        if given.get("until"):
            rows = rows.filter(at__lt=beginning(given["until"] + timedelta(days=1)))
        return rows

    @property
    def query(self) -> str:
        """For the links to the next page and to the export."""
        given = {name: str(value) for name, value in self.cleaned_data.items() if value}
        return urlencode(given)


def deeds() -> list[tuple[str, str]]:
    """What is in the log at all."""
    return [(one, one) for one in AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct()]


def beginning(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
