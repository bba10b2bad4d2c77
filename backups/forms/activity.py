"""What somebody looks for in the feed; nonsense is passed over."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from backups.activity import Filters, State
from backups.models import Repository
from backups.words.activity import WHEN
from scripts_library.models import Script, TriggeredBy

ASKED_BY = [(one.value, str(one.label)) for one in TriggeredBy if one != TriggeredBy.RERUN]
DAY = {"type": "date", "class": "form-control"}


class Number(forms.IntegerField):
    """The number of a row, chosen from a list that the template draws."""

    def __init__(self) -> None:
        super().__init__(required=False, min_value=1, max_value=2**63 - 1)


def choice(choices: list[tuple[str, str]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        required=False, choices=[("", "All"), *choices], widget=forms.Select(attrs={"class": "form-select"})
    )


class ActivityFilter(forms.Form):
    search = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "class": "form-control"}),
    )
    repository = Number()
    state = choice(State.choices)
    script = Number()
    hook = choice([(hook.value, words) for hook, words in WHEN.items()])
    by = choice(ASKED_BY)
    since = forms.DateField(required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"))

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self.full_clean()

    @cached_property
    def filters(self) -> Filters:
        """Days are those of the installation's time zone; `until` is the last one that counts."""
        given = self.cleaned_data
        until = given.get("until")
        return Filters(
            repository_id=given.get("repository"),
            script_id=given.get("script"),
            hook=given.get("hook", ""),
            state=given.get("state", ""),
            triggered_by=given.get("by", ""),
            since=begin_of(given.get("since")),
            until=begin_of(until + timedelta(days=1)) if until and until < date.max else None,
            search=given.get("search", "").replace("\0", ""),
        )

    @property
    def is_used(self) -> bool:
        return self.filters != Filters()

    @property
    def uses_more(self) -> bool:
        """One of those that are folded away."""
        return any(self.cleaned_data.get(name) for name in ("script", "hook", "by", "since", "until"))

    @property
    def query(self) -> QueryDict:
        """What was given, for the address of the next page."""
        found = QueryDict(mutable=True)
        found.update({name: self.data[name] for name in self.fields if self.data.get(name)})
        return found

    @property
    def repositories(self) -> list[tuple[int, str]]:
        return list(Repository.objects.kept().order_by("name").values_list("pk", "name"))

    @property
    def scripts(self) -> list[tuple[int, str]]:
        return list(Script.objects.kept().order_by("name").values_list("pk", "name"))


def begin_of(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
