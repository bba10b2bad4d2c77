"""The form of an assignment: when a script runs around the backups of one repository, and with which values."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.html import escape

from borgui.encryption import is_sealed

from .manifest import LONGEST_TIMEOUT, Manifest
from .models import Hook, OnFailure, RepositoryScript, RunOn, Script
from .parameters import LONGEST, Declared, as_text

PARAMETER = "parameter-"
FORGET = "forget-"
FIELDS = {"custom_timeout": "timeout", "custom_run_on": "run_on", "on_failure": "on_failure", "enabled": "enabled"}
ORDER = [RunOn.ALWAYS, RunOn.SUCCESS, RunOn.COMPLETED, RunOn.WARNING, RunOn.FAILURE]  # as people should read them
MUST_CHOOSE = "Choose after which backups it runs: the script itself does not say."


class AssignmentForm(forms.Form):
    """`given()` is what `assignments.assign` and `assignments.change` take; `refuse()` shows what they say no to."""

    def __init__(self, script: Script, hook: str, entry: RepositoryScript | None = None, data: Any = None) -> None:
        super().__init__(data)
        self.script, self.hook, self.entry = script, hook, entry
        self.declared = Manifest.from_dict(script.manifest).parameters
        self.stored: Mapping[str, Any] = entry.parameters if entry and not is_sealed(entry.parameters) else {}
        if hook == Hook.POST:
            self.fields["run_on"] = self.run_on_field()
        else:
            self.fields["on_failure"] = self.on_failure_field()
        for declared in self.declared:
            self.add_parameter(declared)
        self.fields["timeout"] = self.timeout_field()
        if entry:
            self.fields["enabled"] = forms.BooleanField(label="Switched on", required=False, initial=entry.enabled)

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

    def add_parameter(self, declared: Declared) -> None:
        name = f"{PARAMETER}{declared.name}"
        if declared.is_secret or self.is_stored_secret(declared):
            self.fields[name] = self.secret_field(declared)
            if declared.name in self.stored:
                forget = forms.BooleanField(label=f"Forget the stored value of {declared.name}", required=False)
                self.fields[f"{FORGET}{declared.name}"] = forget
            return
        self.fields[name] = self.plain_field(declared)

    def is_stored_secret(self, declared: Declared) -> bool:
        return isinstance(self.stored.get(declared.name), Mapping)

    def secret_field(self, declared: Declared) -> forms.Field:
        state = "Set: leave empty to keep it." if declared.name in self.stored else "Not set."
        return forms.CharField(
            label=declared.label or declared.name,
            required=False,
            strip=False,
            max_length=LONGEST,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
            help_text=sentences(declared.help, state),
        )

    def plain_field(self, declared: Declared) -> forms.Field:
        common: dict[str, Any] = {
            "label": declared.label or declared.name,
            "required": False,
            "initial": self.value_in_force(declared),
            "help_text": sentences(declared.help, "Required." if declared.required else ""),
        }
        if declared.type == "boolean":
            return forms.ChoiceField(choices=[("", "not set"), ("true", "yes"), ("false", "no")], **common)
        if declared.type == "choice":
            return forms.ChoiceField(choices=[("", "not set"), *((one, one) for one in declared.choices)], **common)
        return forms.CharField(
            strip=False, max_length=LONGEST, widget=forms.TextInput(attrs={"autocomplete": "off"}), **common
        )

    def value_in_force(self, declared: Declared) -> str:
        """The stored value, else the default: of the library entry, else of the block."""
        if declared.name in self.stored:
            return as_text(self.stored[declared.name])
        return self.default_of(declared)

    def default_of(self, declared: Declared) -> str:
        entry = self.script.parameters
        value = None if is_sealed(entry) else entry.get(declared.name)
        value = declared.default if value is None or isinstance(value, Mapping) else value
        return as_text(value)

    # --- what was given -----------------------------------------------------------------------------------------------
    def given(self) -> dict[str, Any]:
        """Only what this form asks for; a value that is the default is not stored."""
        clean = self.cleaned_data
        found: dict[str, Any] = {"custom_timeout": clean["timeout"]}
        if self.hook == Hook.POST:
            found["custom_run_on"] = clean["run_on"] or None
        else:
            found["on_failure"] = clean["on_failure"]
        if self.entry:
            found["enabled"] = clean["enabled"]
        if self.declared:
            found["parameters"] = self.given_values()
        return found

    def given_values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for declared in self.declared:
            value = self.cleaned_data[f"{PARAMETER}{declared.name}"]
            if self.cleaned_data.get(f"{FORGET}{declared.name}"):
                values[declared.name] = None
            elif declared.is_secret or self.is_stored_secret(declared):
                values |= {declared.name: value} if value else {}
            elif value == self.default_of(declared):
                values |= {declared.name: None} if declared.name in self.stored else {}
            else:
                values[declared.name] = value
        return values

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Put the library's sentences at the fields they are about."""
        for name, sentence in errors.items():
            field = FIELDS.get(name, name.replace("parameters.", PARAMETER, 1))
            self.add_error(field if field in self.fields else None, sentence[:1].upper() + sentence[1:])


def sentences(*texts: str) -> str:
    """One after another, each with its full stop. Escaped: forms take help texts as HTML, and these are a script's."""
    return escape(" ".join(text if text.endswith((".", "?", "!")) else f"{text}." for text in texts if text))
