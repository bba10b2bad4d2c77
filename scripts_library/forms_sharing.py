"""The forms by which scripts leave in a package, and by which those of a package are chosen."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms

from .manifest import name_problem
from .models import Script
from .package import Packed
from .sharing import Offer


class ExportForm(forms.Form):
    """Which scripts go into the package."""

    def __init__(self, scripts: Iterable[Script], data: Any = None) -> None:
        super().__init__(data)
        self.scripts = {script.pk: script for script in scripts}
        self.fields["script"] = forms.TypedMultipleChoiceField(
            choices=[(pk, script.name) for pk, script in self.scripts.items()],
            coerce=int,
            error_messages={
                "required": "Choose at least one script.",
                "invalid_choice": "One of these scripts has been deleted meanwhile.",
            },
        )

    def chosen(self) -> list[Script]:
        return [self.scripts[pk] for pk in self.cleaned_data["script"]]


class ReviewForm(forms.Form):
    """Which scripts of a package become scripts here (`take`, by their number), and under which names (`name.NUMBER`).

    A name is asked for where another script has it.
    """

    def __init__(self, offers: Sequence[Offer], data: Any = None) -> None:
        super().__init__(data)
        self.offers = offers
        self.fields["take"] = forms.TypedMultipleChoiceField(
            choices=[(number, offer.packed.name) for number, offer in enumerate(offers)],
            coerce=int,
            initial=[number for number, offer in enumerate(offers) if offer.is_new],
            error_messages={
                "required": "Choose at least one script.",
                "invalid_choice": "This is no script of the package.",
            },
        )
        for number, offer in enumerate(offers):
            if offer.clash or offer.same:
                self.fields[_name_of(number)] = forms.CharField(
                    label="Take it as", required=False, max_length=200, initial=offer.free_name
                )

    @property
    def taken(self) -> set[int]:
        """The numbers that are ticked."""
        return {int(one) for one in self["take"].value() or () if str(one).isdecimal()}

    def name_field(self, number: int) -> forms.BoundField | None:
        return self[_name_of(number)] if _name_of(number) in self.fields else None

    def clean(self) -> None:
        """Every chosen name is one, and the only one among the chosen."""
        seen: set[str] = set()
        for number in self.cleaned_data.get("take", ()):
            name = self._name(number)
            if problem := name_problem(name):
                self._refuse(number, f"This {problem}." if name else "Give it a name.")
            elif name in seen:
                self._refuse(number, "Another chosen script has this name.")
            seen.add(name)

    def refuse_name(self, name: str, message: str) -> None:
        """Where the library says that the name is taken."""
        for number in self.cleaned_data.get("take", ()):
            if self._name(number) == name:
                return self._refuse(number, message)
        return self.add_error(None, message)

    def chosen(self) -> list[tuple[str, Packed]]:
        return [(self._name(number), self.offers[number].packed) for number in self.cleaned_data["take"]]

    def _name(self, number: int) -> str:
        asked = _name_of(number) in self.fields
        return str(self.cleaned_data.get(_name_of(number), "")).strip() if asked else self.offers[number].packed.name

    def _refuse(self, number: int, message: str) -> None:
        asked = _name_of(number) in self.fields
        self.add_error(_name_of(number) if asked else None, message if asked else f"'{self._name(number)}': {message}")


def _name_of(number: int) -> str:
    return f"name.{number}"
