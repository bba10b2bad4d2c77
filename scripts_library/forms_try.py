"""The form beside the editor: how a script is tried. Its fields go with the form of the editor, so they have a prefix."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django import forms

from borgui.fields import is_sealed

from . import parameters, trying
from .errors import Invalid
from .forms_parameters import PREFIX, Values
from .manifest import Manifest
from .models import Hook, Outcome, Script
from .testruns import BOTH, LONGEST_PAUSE

SHORT_PAUSE = 5  # seconds; what stands in the form
HOOKS = {
    BOTH: "both, with a pause between",
    Hook.PRE.value: "before the backup",
    Hook.POST.value: "after the backup",
}
OUTCOMES = {
    Outcome.SUCCESS.value: "good",
    Outcome.WARNING.value: "good, with warnings",
    Outcome.FAILURE.value: "failed",
    Outcome.CANCELLED.value: "cancelled",
    Outcome.SKIPPED.value: "skipped",
}
SAMPLES = ("", "sample values")
Names = Mapping[int, str]


def hooks_of(manifest: Manifest) -> list[str]:
    """Where it may be tried: both first where the block names both, everything where it says nothing."""
    declared = [hook for hook in (Hook.PRE.value, Hook.POST.value) if hook in manifest.hooks]
    if not declared:
        return [Hook.PRE.value, Hook.POST.value, BOTH]
    return [BOTH, *declared] if len(declared) > 1 else declared


class TryForm(forms.Form):
    """`manifest`: the block of the text that will be tried. `using` and `others`: names of repositories by id."""

    def __init__(
        self, data: Any = None, *, script: Script, manifest: Manifest, using: Names, others: Names, initial: Any = None
    ) -> None:
        super().__init__(data, prefix="try", initial=initial)
        self.script, self.manifest = script, manifest
        self.names = {**using, **others}
        hooks = hooks_of(manifest)
        self.fields["hook"] = choice("Run it as", [(hook, HOOKS[hook]) for hook in hooks], hooks[0])
        self.fields["outcome"] = choice("The backup was", OUTCOMES.items(), Outcome.SUCCESS.value)
        if BOTH in hooks:
            self.fields["pause"] = pause()
        self.fields["repository"] = repository(using, others)
        self.choose()
        self.values = Values(manifest.parameters, {}, self.counting(), self.source, "Needed.")
        self.fields.update(overrides(self.values))
        for field in self.fields.values():
            let_be_saved(field.widget)

    # --- what was chosen, before anything is checked ------------------------------------------------------------------
    def choose(self) -> None:
        """The hook and the repository of which the rest of the form speaks; what cannot be chosen counts as nothing."""
        hook, chosen = str(self["hook"].value()), str(self["repository"].value() or "")
        hooks = [value for value, _ in cast(Any, self.fields["hook"]).choices]
        self.hook = hook if hook in hooks else hooks[0]
        self.repository_id = int(chosen) if chosen.isdecimal() and int(chosen) in self.names else None
        self.stored = trying.stored_values(self.script, self.repository_id, self.hook)

    def counting(self) -> dict[str, Any]:
        return trying.counting(self.manifest, self.stored, self.script.parameters)

    @property
    def source(self) -> str:
        return self.names[self.repository_id] if self.repository_id and self.stored else "The script"

    @property
    def parameters(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def has_bad_values(self) -> bool:
        return self.is_bound and any(field.errors for field in self.parameters)

    @property
    def declared(self) -> str:
        """Tells two sets of parameter fields apart: a page keeps what was typed while they are the same."""
        fields = [f"{entry.name}:{entry.type}:{'|'.join(entry.choices)}" for entry in self.manifest.parameters]
        return " ".join([str(self.repository_id or ""), self.hook, *fields])

    # --- what was given -----------------------------------------------------------------------------------------------
    def clean(self) -> dict[str, Any]:
        clean = super().clean() or {}
        typed = Values(self.manifest.parameters, {}, {}, "", "").given(self)
        try:
            self.merged = parameters.merge(self.manifest.parameters, self.known(), typed)
        except Invalid as error:
            self.merged = self.known()
            for name, sentence in error.errors.items():
                self.add_error(name if name in self.fields else None, sentence[:1].upper() + sentence[1:] + ".")
        return clean

    @property
    def pause(self) -> int:
        """Seconds between the two parts."""
        return int(self.cleaned_data.get("pause") or 0)

    @property
    def outcome(self) -> str:
        return str(self.cleaned_data["outcome"] or Outcome.SUCCESS.value)

    def known(self) -> dict[str, Any]:
        """The stored values that the block still declares; sealed ones as they are, for then it cannot run."""
        if is_sealed(self.stored):
            return self.stored
        declared = {entry.name for entry in self.manifest.parameters}
        return {name: value for name, value in self.stored.items() if name in declared}

    def warned(self) -> trying.Warned:
        """What to say first, for what has been chosen and typed so far."""
        values = self.merged if self.is_bound and self.is_valid() else self.known()
        return trying.warned(self.manifest, self.script, values, self.hook)


def let_be_saved(widget: forms.Widget) -> None:
    """It stands in another form, whose saving it must not hold up: what is wrong here, the answer to a try says."""
    widget.attrs = {name: value for name, value in widget.attrs.items() if name not in ("min", "max", "minlength")}
    if isinstance(widget, forms.NumberInput):
        widget.input_type = "text"
        widget.attrs["inputmode"] = "numeric"


def choice(label: str, choices: Iterable[tuple[str, str]], initial: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=list(choices), initial=initial, required=False)


def pause() -> forms.IntegerField:
    return forms.IntegerField(
        label="Pause (s)",
        required=False,
        min_value=0,
        max_value=LONGEST_PAUSE,
        initial=SHORT_PAUSE,
        help_text=f"Between both, 0 to {LONGEST_PAUSE}.",
    )


def repository(using: Names, others: Names) -> forms.ChoiceField:
    """Those that use the script stand first."""
    choices: list[Any] = [SAMPLES]
    for label, names in (("Use this script", using), ("Other repositories", others)):
        if names:
            choices.append((label, [(str(pk), name) for pk, name in names.items()]))
    return forms.ChoiceField(label="With the values of", choices=choices, required=False)


def overrides(values: Values) -> dict[str, forms.Field]:
    """Empty fields: what is typed there counts for this try alone."""
    fields = values.fields()
    for field in fields.values():
        field.initial, field.show_hidden_initial = None, False
        if isinstance(field, forms.ChoiceField):
            offered = list(cast(Iterable[Any], field.choices))
            field.choices = [("", "as it is"), *offered[1:]]
    return fields
