"""The form that makes a script from a template, and puts it to use in repositories in the same step.

What the library would refuse, and what the plan of the next backup would find wrong, is said here, before anything is made.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from . import draft, gallery, making
from .catalogue import Need, Template
from .errors import Invalid
from .facts import RepositoryFacts
from .facts_of_script import in_words
from .forms_copy import Target
from .forms_parameters import PREFIX, Values
from .forms_script import ADVICE, RUN_AFTER, Refusable
from .models import Hook, OnFailure
from .parameters import Declared, Resolved, fill, is_inside, merge, resolve

SHOWN = 3  # sources in a sentence


class Part(Refusable):
    """Values for the parameters of a template: those of all repositories, or of one."""

    declared: Sequence[Declared]
    values: Values

    def stored(self, start: Mapping[str, Any]) -> dict[str, Any]:
        """The values as they are kept, those given over `start`; what is wrong is said at its field."""
        given = self.values.given(self)
        kept = dict(start)
        for name, value in given.items():
            try:
                kept = merge(self.declared, kept, {name: value})
            except Invalid as error:
                self.refuse_fields({key: text[:1].upper() + text[1:] + "." for key, text in error.errors.items()})
        return kept

    @property
    def fields_of_values(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]


class OwnForm(Part):
    """Values for one repository where they differ from those of all; an empty field means "as above"."""

    def __init__(self, declared: Sequence[Declared], facts: RepositoryFacts, data: Any = None) -> None:
        super().__init__(data, prefix=prefix(facts.id))
        self.declared, self.facts = declared, facts
        self.values = Values(declared, {}, {}, "", "")
        for name, field in self.values.fields().items():
            entry = next(one for one in declared if PREFIX + one.name == name)
            field.show_hidden_initial = False
            field.help_text = "A secret of its own. Empty: as above." if entry.is_secret else "Empty: as above."
            self.fields[name] = field


def prefix(repository_id: int | None) -> str:
    return f"repository-{repository_id}"


@dataclass(frozen=True)
class Place:
    """A repository that may use the script. `displaced`: hooks whose old inline text would no longer run then."""

    facts: RepositoryFacts
    displaced: Sequence[str] = ()

    @property
    def target(self) -> Target:
        return Target(self.facts.id or 0, self.facts.name, self.displaced)


class MakeForm(Part):
    name = forms.CharField(max_length=200, help_text="What the script is called in the library.")

    def __init__(
        self, template: Template, places: Sequence[Place], data: Any = None, chosen: Sequence[int] = ()
    ) -> None:
        super().__init__(data, initial={"name": making.free_name(template), "repositories": list(chosen)})
        self.template, self.places = template, {place.target.id: place for place in places}
        self.common, self.stored_own = dict(template.defaults), dict[int, dict[str, Any]]()
        self.declared = template.manifest.parameters
        block = {entry.name: entry.default for entry in self.declared}
        self.values = Values(self.declared, {}, {**block, **template.defaults}, "The template", "Needed.")
        self.fields.update(self.values.fields())
        for field in self.fields.values():
            field.show_hidden_initial = False
        self.fields["repositories"] = self.repositories_field()
        self.add_use()
        self.own = {pk: self.own_form(pk) for pk in self.ticked()}

    def repositories_field(self) -> forms.Field:
        return forms.TypedMultipleChoiceField(
            label="Use it for",
            required=False,
            coerce=int,
            choices=[(place.target.id, place.target.label) for place in self.places.values()],
            widget=forms.CheckboxSelectMultiple,
            error_messages={"invalid_choice": "One of the repositories is not there any more."},
        )

    def add_use(self) -> None:
        """What the block leaves open: where it runs, and after which backups."""
        hooks = making.hooks_of(self.template)
        if not hooks:
            self.fields["hooks"] = forms.MultipleChoiceField(
                label="Run it",
                required=False,
                choices=[(Hook.PRE.value, "before the backup"), (Hook.POST.value, "after the backup")],
                widget=forms.CheckboxSelectMultiple,
                help_text="Its block does not say.",
            )
        if making.must_say_when(self.template, hooks or (Hook.POST,)):
            self.fields["run_on"] = forms.ChoiceField(
                label="Run after", required=False, choices=[("", "choose"), *RUN_AFTER], help_text=ADVICE
            )
        if not hooks or Hook.PRE in hooks:
            self.fields["on_failure"] = forms.ChoiceField(
                label="If it fails before the backup",
                required=False,
                choices=OnFailure.choices,
                widget=forms.RadioSelect,
                initial=OnFailure.ABORT.value,
            )

    def own_form(self, pk: int) -> OwnForm:
        return OwnForm(self.declared, self.places[pk].facts, self.data if self.is_bound else None)

    def ticked(self) -> list[int]:
        """The chosen repositories, in the order of the list."""
        chosen = set(self["repositories"].value() or [])
        return [pk for pk in self.places if pk in chosen or str(pk) in chosen]

    # --- what was given -----------------------------------------------------------------------------------------------
    def clean(self) -> dict[str, Any]:
        self.common = self.stored(self.template.defaults)
        self.stored_own = {pk: form.stored({}) if form.is_valid() else {} for pk, form in self.own.items()}
        if self.own:
            self.check_use()
        wrong = set(self.errors)
        for pk in self.own:
            self.check_values(pk, wrong)
        return self.cleaned_data

    def check_use(self) -> None:
        hooks = self.plan.hooks
        if not hooks:
            self.add_error("hooks", "Choose where it runs: before the backup, after it, or both.")
        elif making.must_say_when(self.template, hooks) and not self.cleaned_data.get("run_on"):
            self.add_error("run_on", "Choose after which backups it runs: the script itself does not say.")

    def check_values(self, pk: int, wrong: Collection[str]) -> None:
        """What the plan of a backup of this repository would find wrong; `wrong`: fields that are known to be."""
        facts, resolved = self.places[pk].facts, self.resolved(pk)
        for entry in self.declared:
            value = resolved.values[entry.name]
            if entry.required and not value.strip():
                sentence = f"Needed for '{facts.name}': give it for all, or for '{facts.name}' alone."
            elif entry.must_be_source and value and not is_inside(value, facts.source_paths):
                sentence = outside(value, facts)
            else:
                continue
            name, own = PREFIX + entry.name, self.own[pk]
            if entry.name in self.stored_own[pk]:
                own.add_error(name, sentence)
            elif name not in own.errors and name not in wrong:
                self.add_error(name, sentence)

    def is_valid(self) -> bool:
        return super().is_valid() and all(form.is_valid() for form in self.own.values())

    def resolved(self, pk: int | None) -> Resolved:
        """The values with which it would run there; of no repository: those of all."""
        return resolve(self.declared, self.common, self.stored_own.get(pk, {}) if pk else {})

    @property
    def plan(self) -> making.Plan:
        clean = getattr(self, "cleaned_data", {})
        hooks = making.hooks_of(self.template) or sorted(clean.get("hooks") or (), reverse=True)
        return making.Plan(tuple(hooks), clean.get("on_failure") or OnFailure.ABORT.value, clean.get("run_on") or None)

    @property
    def timeout(self) -> int:
        """Seconds."""
        return int(self.template.manifest.timeout or draft.DEFAULTS["timeout"])

    @property
    def run_on_now(self) -> str:
        return self.template.manifest.run_on or self.plan.run_on or ""

    @property
    def on_failure_words(self) -> str:
        return str(OnFailure(self.plan.on_failure).label).partition(" (")[0]

    def uses(self) -> list[making.Use]:
        return [making.Use(pk, form.values.given(form)) for pk, form in self.own.items()]

    def given_common(self) -> dict[str, Any]:
        return self.values.given(self)

    @property
    def rows(self) -> list[tuple[int, str, OwnForm | None]]:
        """Each repository that may be chosen: its number, its words, and the form of those that are."""
        return [(pk, place.target.label, self.own.get(pk)) for pk, place in self.places.items()]

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """Everything that is wrong: the address of its field, its label, the sentence."""
        found = []
        forms_: list[tuple[Part, str]] = [(self, ""), *((one, f" for '{one.facts.name}'") for one in self.own.values())]
        for form, where in forms_:
            for name, errors in form.errors.items():
                field = form[name] if name in form.fields else None
                label = f"{field.label}{where}" if field else ""
                found += [(field.id_for_label or field.auto_id if field else "", label, str(text)) for text in errors]
        return found

    @property
    def has_secrets_typed(self) -> bool:
        """A secret was typed; the page that comes back does not hold it any more."""
        forms_ = (self, *self.own.values())
        return any(form.data.get(form.add_prefix(name)) for form in forms_ for name in form.values.secret_fields())


def outside(path: str, facts: RepositoryFacts) -> str:
    if not facts.source_paths:
        return f"'{facts.name}' has no sources, so {path} would not be backed up. Add it to its sources first."
    more = len(facts.source_paths) - SHOWN
    named = ", ".join(facts.source_paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return (
        f"{path} is inside none of the sources of '{facts.name}' ({named}), so it would not be backed up. Choose a folder "
        f"inside one of them, or add {path} to the sources of '{facts.name}' first."
    )


# --- what would run ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Value:
    """One variable as the script will find it; a secret is `***`, "" where it has no value."""

    name: str
    text: str


@dataclass(frozen=True)
class Foreseen:
    """What would run around the backups of one repository; `repository` is "" where none is chosen yet.

    `interrupts`: what is down meanwhile, in words; `missing`: what it needs and this machine does not have.
    """

    repository: str
    values: list[Value]
    interrupts: str
    missing: list[Need]


def foreseen(form: MakeForm) -> list[Foreseen]:
    """Of each chosen repository, else of none."""
    return [_foreseen(form, pk) for pk in form.own] or [_foreseen(form, None)]


def _foreseen(form: MakeForm, pk: int | None) -> Foreseen:
    found = form.resolved(pk)
    values = [
        Value(name, "***" if value and name in found.secret_names else value) for name, value in found.values.items()
    ]
    own = form.stored_own.get(pk, {}) if pk else {}
    return Foreseen(
        form.places[pk].facts.name if pk else "",
        values,
        _interrupts(form, found, own),
        gallery.missing(form.template, found.values),
    )


def _interrupts(form: MakeForm, found: Resolved, own: Mapping[str, Any]) -> str:
    """As a run would say it; while nothing is typed, with the labels of what is asked for."""
    said = " ".join(fill(form.template.manifest.interrupts, found.values).split())
    return said or in_words(form.template.manifest, form.common, own)
