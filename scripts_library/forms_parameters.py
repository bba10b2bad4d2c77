"""Form fields for the declared parameters of a script; a field is named as in errors: "parameters.NAME".

Secrets are write-only: an empty field keeps what is stored, a tick beside it forgets it (behaviour.md, section 10).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from .parameters import Declared, as_text, shown

PREFIX = "parameters."
FORGET = ".forget"
NOT_SET = ("", "not set")


class Lines(forms.CharField):
    """A text as it was typed, with the line ends of Unix: browsers send others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"strip": False, **options})

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")


def fields(declared: Sequence[Declared], stored: Mapping[str, Any]) -> dict[str, forms.Field]:
    """The fields by name, in the order of the block; `stored` gives the values shown."""
    values = shown(declared, stored)
    made: dict[str, forms.Field] = {}
    for entry in declared:
        value = values.get(entry.name, entry.default)
        is_secret = entry.is_secret or isinstance(value, Mapping)  # a value stays a secret whatever a later block says
        made[PREFIX + entry.name] = field = _KINDS["secret" if is_secret else entry.type](entry, value)
        field.label = entry.label or entry.name
        field.required = False
        field.help_text = _help(entry, is_secret, entry.name in values)
        field.show_hidden_initial = not is_secret
        if is_secret and entry.name in values:
            made[PREFIX + entry.name + FORGET] = forms.BooleanField(
                required=False, label=f"Forget the stored value of {field.label}"
            )
    return made


def given(form: forms.Form, declared: Sequence[Declared]) -> dict[str, Any]:
    """What a person changed, by name, for `parameters.merge`: None gives up the stored value."""
    values: dict[str, Any] = {}
    for entry in declared:
        name = PREFIX + entry.name
        if form.cleaned_data.get(name + FORGET):
            values[entry.name] = None
        elif name in form.changed_data:
            values[entry.name] = _value(entry, form.cleaned_data.get(name))
    return values


def _value(entry: Declared, typed: Any) -> Any:
    """A value equal to the block's own is not stored, so that it follows the block."""
    if typed in (None, ""):
        return "" if entry.type == "text" and entry.default else None
    value = typed == "true" if entry.type == "boolean" else typed
    return None if value == entry.default else value


def _help(entry: Declared, is_secret: bool, is_stored: bool) -> SafeString:
    """Help text and the state of the value. Escaped, for forms take help texts as HTML, and this one is the script's."""
    parts = [entry.help.rstrip(".") + "." if entry.help else ""]
    if is_secret:
        parts.append("Set; leave it empty to keep it." if is_stored else "Not set.")
    elif entry.default not in (None, ""):
        parts.append(f"The block says: {Truncator(as_text(entry.default)).chars(60)}.")
    elif entry.required:
        parts.append("Needed; may also be given where the script is used.")
    return escape(" ".join(part for part in parts if part))


# --- one field for each type ------------------------------------------------------------------------------------------
def _text(entry: Declared, value: Any) -> forms.Field:
    widget = forms.Textarea(attrs={"rows": 3}) if "\n" in as_text(value) else forms.TextInput()
    return Lines(initial=as_text(value), widget=widget)


def _secret(entry: Declared, value: Any) -> forms.Field:
    return forms.CharField(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))


def _integer(entry: Declared, value: Any) -> forms.Field:
    return forms.IntegerField(initial=value)


def _boolean(entry: Declared, value: Any) -> forms.Field:
    return forms.ChoiceField(initial=as_text(value), choices=[NOT_SET, ("true", "yes"), ("false", "no")])


def _choice(entry: Declared, value: Any) -> forms.Field:
    return forms.ChoiceField(initial=as_text(value), choices=[NOT_SET, *((one, one) for one in entry.choices)])


def _path(entry: Declared, value: Any) -> forms.Field:
    return forms.CharField(initial=as_text(value))


_KINDS = {
    "text": _text,
    "secret": _secret,
    "integer": _integer,
    "boolean": _boolean,
    "choice": _choice,
    "path": _path,
}
