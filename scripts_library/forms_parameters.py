"""Form fields for the declared parameters of a script, where it is kept and where it is used.

A field is named as in errors: "parameters.NAME". Secrets are write-only: an empty field keeps what is stored, a tick
beside it forgets it (behaviour.md, section 10).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from borgui.encryption import is_sealed

from .manifest import Manifest
from .models import Script
from .parameters import SHORTEST_SECRET, Declared, as_text, shown

PREFIX = "parameters."
FORGET = ".forget"
NOT_SET = ("", "not set")
NOTHING = (None, "")
SPEAKS_OF_LINES = re.compile(r"\blines?\b", re.IGNORECASE)


class Lines(forms.CharField):
    """A text as it was typed, with the line ends of Unix: browsers send others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, **options})

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True)
class Values:
    """The parameters of one form. `stored` are the values of its row; where that has none, `defaults` count.

    `source` says whose the defaults are, `needed` what stands at a required parameter without one.
    """

    declared: Sequence[Declared]
    stored: Mapping[str, Any]
    defaults: Mapping[str, Any]
    source: str
    needed: str

    @classmethod
    def of_script(cls, script: Script) -> "Values":
        """The default values of a library entry; behind them stands the block."""
        declared = Manifest.from_dict(script.manifest).parameters
        block = {entry.name: entry.default for entry in declared}
        return cls(
            declared, script.parameters, block, "The block", "Needed; may also be given where the script is used."
        )

    @classmethod
    def of_use(cls, script: Script, stored: Mapping[str, Any]) -> "Values":
        """The values of one use of a script; behind them stand those of the library entry, then the block."""
        entry = cls.of_script(script)
        usable = {name: value for name, value in entry.stored.items() if value is not None}
        return cls(
            entry.declared, {} if is_sealed(stored) else stored, {**entry.defaults, **usable}, "The script", "Needed."
        )

    def fields(self) -> dict[str, forms.Field]:
        """The fields by name, in the order of the block."""
        made: dict[str, forms.Field] = {}
        for entry in self.declared:
            made[PREFIX + entry.name] = field = self._field(entry)
            if self.is_secret(entry) and entry.name in self.stored:
                forget = forms.BooleanField(required=False, label=f"Forget the stored value of {field.label}")
                made[PREFIX + entry.name + FORGET] = forget
        return made

    def given(self, form: forms.Form) -> dict[str, Any]:
        """What a person changed, by name, for `parameters.merge`: None gives up the stored value."""
        values: dict[str, Any] = {}
        for entry in self.declared:
            name = PREFIX + entry.name
            if form.cleaned_data.get(name + FORGET):
                values[entry.name] = None
            elif name in form.changed_data:
                values[entry.name] = self._value(entry, form.cleaned_data.get(name))
        return values

    def is_incomplete(self) -> bool:
        """A required value is given nowhere."""
        known = {**self.defaults, **self.stored}
        return any(entry.required and known.get(entry.name) in NOTHING for entry in self.declared)

    def secret_fields(self) -> list[str]:
        """The names of the fields by which a secret is set or forgotten."""
        names = [PREFIX + entry.name for entry in self.declared if self.is_secret(entry)]
        return [*names, *(name + FORGET for name in names)]

    def is_secret(self, entry: Declared) -> bool:
        """A value stays a secret whatever a later block calls it."""
        return entry.is_secret or isinstance(self.stored.get(entry.name), Mapping)

    def _default(self, entry: Declared) -> Any:
        """None where it is a secret: no page shows it."""
        value = self.defaults.get(entry.name)
        return None if isinstance(value, Mapping) else value

    def _field(self, entry: Declared) -> forms.Field:
        value = shown(self.declared, self.stored).get(entry.name, self._default(entry))
        is_secret = self.is_secret(entry)
        field = _KINDS["secret" if is_secret else entry.type](entry, value)
        field.label = entry.label or entry.name
        field.required = False
        field.help_text = self._help(entry)
        field.show_hidden_initial = not is_secret
        return field

    def _value(self, entry: Declared, typed: Any) -> Any:
        """A value equal to the default is not stored, so that it follows the default."""
        default = self._default(entry)
        if typed in NOTHING:
            return "" if entry.type == "text" and default else None
        value = typed == "true" if entry.type == "boolean" else typed
        return None if not self.is_secret(entry) and as_text(value) == as_text(default) else value

    def _help(self, entry: Declared) -> SafeString:
        """Help and the state of the value. Escaped: forms take help texts as HTML, and this one is the script's."""
        own = entry.help if entry.help.endswith((".", "?", "!")) or not entry.help else f"{entry.help}."
        return escape(" ".join(part for part in (own, self._state(entry)) if part))

    def _state(self, entry: Declared) -> str:
        default = self.defaults.get(entry.name)
        if self.is_secret(entry):
            elsewhere = f"{self.source} has one; a value here wins." if default not in NOTHING else "Not set."
            return "Set; leave it empty to keep it." if entry.name in self.stored else elsewhere
        if self._default(entry) not in NOTHING:
            return f"{self.source} says: {Truncator(as_text(default)).chars(60)}."
        return self.needed if entry.required else ""


# --- one field for each type ------------------------------------------------------------------------------------------
def _text(entry: Declared, value: Any) -> forms.Field:
    """Of several lines where the value has them, or the help speaks of lines."""
    is_long = "\n" in as_text(value) or SPEAKS_OF_LINES.search(entry.help)
    widget = forms.Textarea(attrs={"rows": 3}) if is_long else forms.TextInput(attrs={"autocomplete": "off"})
    return Lines(initial=as_text(value), widget=widget)


def _secret(entry: Declared, value: Any) -> forms.Field:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"})
    too_short = f"A secret has at least {SHORTEST_SECRET} characters."
    return forms.CharField(
        strip=False, min_length=SHORTEST_SECRET, widget=widget, error_messages={"min_length": too_short}
    )


def _integer(entry: Declared, value: Any) -> forms.Field:
    return forms.IntegerField(initial=value, error_messages={"invalid": "A whole number is expected."})


def _boolean(entry: Declared, value: Any) -> forms.Field:
    return forms.ChoiceField(initial=as_text(value), choices=[NOT_SET, ("true", "yes"), ("false", "no")])


def _choice(entry: Declared, value: Any) -> forms.Field:
    return forms.ChoiceField(initial=as_text(value), choices=[NOT_SET, *((one, one) for one in entry.choices)])


def _path(entry: Declared, value: Any) -> forms.Field:
    return forms.CharField(initial=as_text(value), widget=forms.TextInput(attrs={"autocomplete": "off"}))


_KINDS = {
    "text": _text,
    "secret": _secret,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
    "path": _path,
}
