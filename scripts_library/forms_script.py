"""Forms of the scripts pages. They say what a person changed; what may be, the library decides."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms

from .errors import Refused
from .forms_parameters import PREFIX, Lines, Values
from .manifest import Manifest
from .merging import undecided
from .models import RunOn, Script

EVERY = "every backup, also failed or cancelled ones"
RUN_AFTER = [
    (RunOn.ALWAYS.value, EVERY),  # without the advice, which a narrow field would cut off: it stands below it
    *((one.value, str(one.label)) for one in (RunOn.SUCCESS, RunOn.COMPLETED, RunOn.WARNING, RunOn.FAILURE)),
]
ADVICE = "Choose every backup for anything that starts a service. It counts after the backup, and can be set otherwise there."
SETTINGS = ("name", "description", "timeout", "run_on")

START = """\
#!/usr/bin/env bash
# /// borgui
# description = "What it does, in one sentence."
# hooks = ["pre-backup"]   # or ["post-backup"], or both
# # run_on = "always"      # after the backup: always, success, completed, warning, failure
# timeout = 300            # seconds
# ///
set -euo pipefail

echo "$HOOK_TYPE of $REPOSITORY_NAME"
"""


class ScriptText(forms.Textarea):
    """The plain field that editor.js turns into an editor."""

    def __init__(self) -> None:
        attrs = {
            "rows": 24,
            "class": "form-control code",
            "spellcheck": "false",
            "autocapitalize": "off",
            "wrap": "off",
        }
        super().__init__({**attrs, "autocomplete": "off", "data-editor": "", "aria-describedby": "content-help"})


class Refusable(forms.Form):
    """Takes what the library says no to, at the field where there is one."""

    def refuse(self, error: Refused) -> None:
        self.add_error(error.field if error.field in self.fields else None, error.message)

    def refuse_fields(self, errors: Mapping[str, str]) -> None:
        for name, message in errors.items():
            if name in self.fields:
                self.add_error(name, message)
            else:
                self.add_error(None, f"{name}: {message}")


class NewScriptForm(Refusable):
    name = forms.CharField(
        required=False, max_length=200, help_text="Left empty, the name in the script's block counts."
    )
    content = Lines(label="Text", widget=ScriptText, initial=START)


class ScriptForm(Refusable):
    """One script. Settings carry their first values with them, so that only what this person changed is saved."""

    name = forms.CharField(max_length=200, required=False, show_hidden_initial=True)
    description = Lines(required=False, widget=forms.Textarea(attrs={"rows": 2}), show_hidden_initial=True)
    timeout = forms.IntegerField(label="Time limit", required=False, show_hidden_initial=True)
    run_on = forms.ChoiceField(label="Run after", required=False, show_hidden_initial=True)
    sha256 = forms.CharField(widget=forms.HiddenInput, required=False)
    template = forms.CharField(widget=forms.HiddenInput, required=False)  # the version of it that is merged in
    over = forms.CharField(required=False)  # the version that a person has seen and decided to replace
    content = Lines(label="Text", required=False, widget=ScriptText)

    def __init__(
        self, data: Any = None, *, script: Script, text: str, readonly: bool = False, template: str = ""
    ) -> None:
        initial = {name: getattr(script, name) for name in (*SETTINGS, "sha256")}
        super().__init__(data, initial={**initial, "content": text, "template": template})
        self.values = Values.of_script(script)
        declared = Manifest.from_dict(script.manifest)
        cast(forms.ChoiceField, self.fields["run_on"]).choices = [("", "not said: good backups"), *RUN_AFTER]
        self.fields["run_on"].help_text = ADVICE
        self.fields["timeout"].help_text = f"Seconds, 1 to 86400. Left empty: {declared.timeout or 300}."
        self.fields.update(self.values.fields())
        if readonly:
            self.fields["content"].widget.attrs["readonly"] = True

    def clean_content(self) -> str:
        content: str = self.cleaned_data["content"]
        if lines := undecided(content):
            raise forms.ValidationError(
                f"Two versions still stand between marks, from line {lines[0]}: keep what is right, delete the marks."
            )
        return content

    @property
    def parameters(self) -> list[forms.BoundField]:
        """The fields of the default values."""
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def base(self) -> str:
        """The hash of the version that is to be replaced."""
        return str(self.cleaned_data["over"] or self.cleaned_data["sha256"])

    def changes(self, edited: str | None) -> dict[str, Any]:
        """What `library.update` takes. `edited` is the text from which the editing began; None where it is not known."""
        changed = {name: self.cleaned_data[name] for name in SETTINGS if name in self.changed_data}
        changes = {name: None if value == "" else value for name, value in changed.items()}
        content = self.cleaned_data["content"]
        if self.cleaned_data["over"] or edited is None or content != Lines().to_python(edited):
            changes["content"] = content
        if values := self.values.given(self):
            changes["parameters"] = values
        return changes
