"""The form of an assignment: when a script runs around the backups of one repository, and with which values."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django import forms

from . import assignments
from .forms_parameters import Values
from .manifest import LONGEST_TIMEOUT
from .models import Assignment, Hook, OnFailure, RunOn, Script

FIELDS = {"custom_timeout": "timeout", "custom_run_on": "run_on", "on_failure": "on_failure", "enabled": "enabled"}
ORDER = [RunOn.ALWAYS, RunOn.SUCCESS, RunOn.COMPLETED, RunOn.WARNING, RunOn.FAILURE]  # as people should read them
MUST_CHOOSE = "Choose after which backups it runs: the script itself does not say."


class AssignmentForm(forms.Form):
    """`given()` is what `assignments.assign` and `assignments.change` take; `refuse()` shows what they say no to.

    `known` is what `assignments.change` wants to know: with it, what is in the row is what the person saw.
    """

    def __init__(
        self,
        script: Script,
        hook: str,
        entry: Assignment | None = None,
        data: Any = None,
        auto_id: str = "id_%s",
    ) -> None:
        super().__init__(data, auto_id=auto_id)
        self.script, self.hook, self.entry = script, hook, entry
        self.values = Values.of_use(script, entry.parameters if entry else {})
        if hook == Hook.POST:
            self.fields["run_on"] = self.run_on_field()
        else:
            self.fields["on_failure"] = self.on_failure_field()
        self.fields.update(self.values.fields())
        self.fields["timeout"] = self.timeout_field()
        if entry:
            self.fields["enabled"] = forms.BooleanField(label="Switched on", required=False, initial=entry.enabled)
            self.add_known(entry)

    def add_known(self, entry: Assignment) -> None:
        self.fields["known"] = forms.CharField(
            required=False, widget=forms.HiddenInput, initial=assignments.state_of(entry)
        )
        for field in self.fields.values():
            field.show_hidden_initial = False

    # --- the fields ---------------------------------------------------------------------------------------------------
    def run_on_field(self) -> forms.Field:
        """Without a declared condition a person has to choose: nothing is preselected."""
        choices = [(one.value, str(one.label)) for one in ORDER]
        if self.script.run_on_declared:
            label = str(RunOn(self.script.effective_run_on).label).partition(" (")[0]
            choices.insert(0, ("", f"as the script says: {label}"))
        return forms.ChoiceField(
            label="Run after",
            choices=choices,
            widget=forms.RadioSelect,
            required=not self.script.run_on_declared,
            initial=(self.entry.custom_run_on or "") if self.entry else "",
            error_messages={"required": MUST_CHOOSE},
        )

    def on_failure_field(self) -> forms.Field:
        return forms.ChoiceField(
            label="If this script fails",
            choices=OnFailure.choices,
            widget=forms.RadioSelect,
            initial=self.entry.on_failure if self.entry else OnFailure.ABORT,
        )

    def timeout_field(self) -> forms.Field:
        return forms.IntegerField(
            label="Time limit, in seconds",
            required=False,
            min_value=1,
            max_value=LONGEST_TIMEOUT,
            initial=self.entry.custom_timeout if self.entry else None,
            help_text=f"Empty: {self.script.timeout} s, from the script. Then it is stopped.",
        )

    @property
    def known(self) -> str:
        return str(self.cleaned_data.get("known", ""))

    def is_outdated(self, sentence: str) -> None:
        """Somebody else has changed the row meanwhile. Sent once more, this form wins."""
        data: Any = copy(self.data)
        data["known"] = ""
        self.data = data
        self.add_error(None, sentence)

    def has_secrets_given(self) -> bool:
        """A secret was typed or forgotten, so the form must be shown anew, without it."""
        given = self.cleaned_data
        return any(given.get(name) for name in self.values.secret_fields())

    # --- what was given -----------------------------------------------------------------------------------------------
    def given(self) -> dict[str, Any]:
        """Only what this form asks for; a value that is the default is not stored."""
        clean = self.cleaned_data
        found: dict[str, Any] = {"custom_timeout": clean["timeout"]}
        if self.hook == Hook.POST:
            found["custom_run_on"] = clean["run_on"] or None
        else:
            found["on_failure"] = clean["on_failure"]
        if "enabled" in self.fields:
            found["enabled"] = clean["enabled"]
        if values := self.values.given(self):
            found["parameters"] = values
        return found

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Put the library's sentences at the fields they are about."""
        for name, sentence in errors.items():
            field = FIELDS.get(name, name)
            self.add_error(field if field in self.fields else None, sentence[:1].upper() + sentence[1:])
