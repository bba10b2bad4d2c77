"""Which repositories are backed up, in which order, and what follows: the part that schedules and windows share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict

from backups.models import Repository, ScheduledJob
from scripts_library.lanes import moved


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


class MembersForm(forms.Form):
    """`repositories`: ids, in order. `add` is what is chosen in the list and not added by its button yet."""

    afterwards = ("prune_after", "compact_after", "check_every_days")
    order_words = "They are queued in this order."

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

    @property
    def picker(self) -> Picker:
        ids = InOrder().to_python(self["repositories"].value())
        named = dict(Repository.objects.kept().order_by("name").values_list("pk", "name"))
        chosen = [Repository(pk=pk, name=named[pk]) for pk in ids if pk in named]
        return Picker(chosen, [(pk, name) for pk, name in named.items() if pk not in ids])

    def clean(self) -> dict[str, Any]:
        """What is chosen in the list and was not added by its button is meant all the same."""
        fields = super().clean() or self.cleaned_data
        if (add := fields.get("add")) is not None:
            fields["repositories"] = step(fields.get("repositories", []), "add", add)
            self.errors.pop("repositories", None)
        return fields


def typed_in(data: QueryDict, names: Sequence[str]) -> dict[str, Any]:
    """What was typed, not judged yet, after a button of the picker was pressed: the fields of the form to be shown."""
    ids = InOrder().to_python(data.getlist("repositories"))
    add = data.get("add", "")
    order = step(ids, data.get("action", ""), int(add) if add.isdecimal() and len(add) < 19 else None)
    return {**{name: data.get(name, "") for name in names}, "repositories": order, "add": None}


def of_members(schedule: ScheduledJob) -> dict[str, Any]:
    """The fields filled in with what a schedule is."""
    members = schedule.members.filter(repository__deleted_at=None).order_by("position")
    return {
        **{name: getattr(schedule, name) for name in MembersForm.afterwards},
        "repositories": list(members.values_list("repository_id", flat=True)),
    }
