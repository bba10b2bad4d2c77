"""The form that copies the scripts of one repository to others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from .models import Hook

PLACES = {Hook.PRE: "before", Hook.POST: "after"}


@dataclass(frozen=True)
class Target:
    """A repository to copy to, and the hooks where an old inline text of its own would no longer run."""

    id: int
    name: str
    displaced: Sequence[str]

    @property
    def label(self) -> str:
        places = " and ".join(PLACES[Hook(hook)] for hook in sorted(self.displaced, reverse=True))
        return f"{self.name} (its old inline text {places} the backup no longer runs then)" if places else self.name


class CopyForm(forms.Form):
    """`chosen()` are ids and names; a secret goes along only where there is one and somebody said so."""

    def __init__(self, targets: Sequence[Target], secrets: Sequence[str], data: Any = None) -> None:
        super().__init__(data)
        self.names = {one.id: one.name for one in targets}
        self.secrets = secrets
        self.fields["repositories"] = forms.TypedMultipleChoiceField(
            label="Copy them to",
            choices=[(one.id, one.label) for one in targets],
            coerce=int,
            widget=forms.CheckboxSelectMultiple,
            error_messages={"required": "Choose at least one repository."},
        )
        if secrets:
            self.fields["secrets"] = forms.BooleanField(
                label=f"Copy the secrets too ({', '.join(secrets)})",
                required=False,
                help_text="They stay on this server and are not shown. Otherwise they have to be typed in there.",
            )

    @property
    def with_secrets(self) -> bool:
        return bool(self.cleaned_data.get("secrets"))

    def chosen(self) -> list[tuple[int, str]]:
        return [(pk, self.names[pk]) for pk in self.cleaned_data["repositories"]]
