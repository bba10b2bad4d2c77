"""What an import asks for: where the other installation is, and passphrases that could not be read."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from backups.borg_ui_import.planned import Repository
from backups.repository_rules import passphrase_problem

from .fields import PLAIN, plain


class PlaceForm(forms.Form):
    path = forms.CharField(
        label="Its data folder on this machine",
        widget=plain(placeholder="/srv/borg-ui/data"),
        max_length=4096,
        help_text="The folder that holds borg.db, .secret_key and scripts. It is only read.",
    )


class PassphrasesForm(forms.Form):
    """One field for each repository whose passphrase could not be read; empty is "later"."""

    def __init__(self, asked: Iterable[Repository], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.asked = list(asked)
        for one in self.asked:
            self.fields[self.name(one)] = forms.CharField(
                label=f"Passphrase of '{one.name}'",
                required=False,
                strip=False,
                widget=forms.PasswordInput(attrs={**PLAIN, "autocomplete": "off"}, render_value=True),
                validators=[_possible],
            )

    @staticmethod
    def name(repository: Repository) -> str:
        return f"passphrase_{repository.id}"

    def given(self) -> dict[int, str]:
        """By the number of the repository over there."""
        found = {one.id: self.cleaned_data.get(self.name(one), "") for one in self.asked}
        return {number: text for number, text in found.items() if text}


def _possible(text: str) -> None:
    if problem := passphrase_problem(text):
        raise forms.ValidationError(problem)
