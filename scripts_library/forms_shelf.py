"""The form above the list of all scripts: which ones, in which order."""

from typing import Any, cast

from django import forms
from django.conf import settings

from .forms_script import RUN_AFTER
from .models import Hook, RunOn, Script
from .shelf import ORDERS, State


class Choice(forms.ChoiceField):
    def __init__(self, label: str, choices: list[tuple[str, str]]) -> None:
        super().__init__(label=label, choices=choices, required=False, widget=forms.Select({"class": "form-select"}))


class ShelfForm(forms.Form):
    """Which scripts to list. What is no answer counts as none: an address is not worth an error."""

    search = forms.CharField(required=False, widget=forms.TextInput({"type": "search", "class": "form-control"}))
    hook = Choice("Runs", [("", "any"), (Hook.PRE.value, "before the backup"), (Hook.POST.value, "after the backup")])
    run_on = Choice("Run after", [("", "any"), (RunOn.ALWAYS.value, "every backup"), *RUN_AFTER[1:]])
    category = Choice(
        "Made",
        [("", "any"), (Script.Category.CUSTOM.value, "here"), (Script.Category.TEMPLATE.value, "from a template")],
    )
    state = Choice("State", [])
    sort = Choice("Order", [("", "by name"), *((name, words) for name, (words, _) in ORDERS.items())])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        states = [one for one in State if settings.FOUR_EYES or one != State.WAITING]
        named = [("", "any"), *((one.value, str(one.label)) for one in states)]
        cast(forms.ChoiceField, self.fields["state"]).choices = named

    def wanted(self) -> dict[str, Any]:
        """The answers, by field; those that are none left out."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
