"""The fields of what a script declares about itself. What fits and what does not, the block decides, not they."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms

from .forms_parameters import Lines
from .forms_script import RUN_AFTER
from .manifest import Manifest
from .models import Hook
from .parameters import Declared, as_text

WORDS_OF_TYPES = {
    "text": "text",
    "secret": "secret: stored encrypted, never shown",
    "integer": "whole number",
    "boolean": "true or false",
    "choice": "choice",
    "path": "absolute path",
}


class Half(forms.Form):
    """A part of the form. What is left as it was keeps its value in the text, however it is written there."""

    def typed(self, name: str, was: Any, nothing: Any = "") -> Any:
        """A text, `nothing` where it is empty; `was` where nobody has changed how it reads."""
        given = self.cleaned_data.get(name, "")
        return was if given == shown(was) else given or nothing

    def whole(self, name: str, was: int | None) -> Any:
        """A whole number, None where nothing is said; a text where it is none."""
        return number(self.typed(name, was, None))


def shown(value: Any) -> str:
    """How a value reads in a browser, which knows one line end."""
    return Lines().to_python(as_text(value))


def number(given: Any) -> Any:
    """The whole number that this text is, else the text."""
    return int(given) if isinstance(given, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", given) else given


class BlockForm(Half):
    prefix = "block"

    name = forms.CharField(label="Title", required=False)
    description = Lines(label="What it does", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    hooks = forms.MultipleChoiceField(
        label="Where it may be used",
        required=False,
        choices=[(Hook.PRE.value, "before the backup"), (Hook.POST.value, "after the backup")],
        widget=forms.CheckboxSelectMultiple,
        help_text="Nothing ticked: at both.",
    )
    run_on = forms.CharField(
        label="After which backups",
        required=False,
        widget=forms.Select(choices=[("", "not said: good backups"), *RUN_AFTER]),
        help_text="Every backup, for anything that starts a service.",
    )
    timeout = forms.CharField(
        label="Seconds it may take",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text="1 to 86400. Left empty: 300.",
    )
    interrupts = forms.CharField(
        label="What is down meanwhile",
        required=False,
        strip=False,
        help_text="In people's words. ${NAME} stands for the value of a parameter.",
    )
    rerun = forms.BooleanField(label="It may run a second time after a crash", required=False)

    @classmethod
    def reading(cls, declared: Manifest) -> "BlockForm":
        values = {name: getattr(declared, name) for name in cls.base_fields}
        return cls(initial={**values, "hooks": list(declared.hooks)})

    def said(self, now: Manifest) -> Manifest:
        """What the form says, of a text that says `now`; values that do not fit included."""
        ticked = tuple(self.cleaned_data.get("hooks", now.hooks))
        return replace(
            now,
            name=self.typed("name", now.name, None),
            description=self.typed("description", now.description, None),
            hooks=now.hooks if set(ticked) == set(now.hooks) else ticked,
            run_on=self.typed("run_on", now.run_on, None),
            timeout=self.whole("timeout", now.timeout),
            interrupts=self.typed("interrupts", now.interrupts),
            rerun=self.cleaned_data["rerun"],
            warnings=(),
        )


class ParameterForm(Half):
    was = forms.CharField(required=False, widget=forms.HiddenInput)  # its name in the text
    name = forms.CharField(label="Variable", required=False, help_text="Letters, digits and _.")
    label = forms.CharField(label="Label", required=False, strip=False)
    help = Lines(label="Help", required=False, widget=forms.Textarea(attrs={"rows": 1}))
    type = forms.CharField(label="Kind", required=False, widget=forms.Select(choices=list(WORDS_OF_TYPES.items())))
    choices = Lines(
        label="Choices", required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="One in each line."
    )
    default = Lines(label="Value where none is given", required=False, widget=forms.Textarea(attrs={"rows": 1}))
    required = forms.BooleanField(label="A value is needed", required=False)
    must_be_source = forms.BooleanField(label="The path lies inside what is backed up", required=False)

    @classmethod
    def reading(cls, position: int, entry: Declared) -> "ParameterForm":
        values = {name: getattr(entry, name) for name in cls.base_fields if name != "was"}
        lines = {"default": as_text(entry.default), "choices": "\n".join(entry.choices)}
        return cls(prefix=prefix(position), initial={**values, **lines, "was": entry.name})

    @property
    def called(self) -> str:
        return str(self["name"].value() or "")

    def said(self, now: Mapping[str, Declared]) -> Declared:
        """`now`: what the text declares, by name."""
        was = now.get(self.cleaned_data["was"], Declared(""))
        kind = self.cleaned_data["type"] or "text"
        return Declared(
            name=self.typed("name", was.name),
            label=self.typed("label", was.label),
            help=self.typed("help", was.help),
            type=kind,
            required=self.cleaned_data["required"],
            default=self.default_of(kind, was),
            choices=self.choices_of(kind, was),
            must_be_source=kind == "path" and self.cleaned_data["must_be_source"],
        )

    def default_of(self, kind: str, was: Declared) -> Any:
        """In the kind that it is of; none for a secret."""
        given = self.cleaned_data["default"]
        if kind == was.type and given == shown(was.default):
            return was.default
        if kind == "secret" or given == "":
            return None
        typed = {"integer": number, "boolean": lambda text: {"true": True, "false": False}.get(text, text)}
        return typed.get(kind, str)(given)

    def choices_of(self, kind: str, was: Declared) -> tuple[str, ...]:
        given = self.cleaned_data["choices"]
        if kind == was.type and given == shown("\n".join(was.choices)):
            return was.choices
        return tuple(line for line in given.split("\n") if line) if kind == "choice" else ()


def prefix(position: int) -> str:
    return f"parameter-{position}"
