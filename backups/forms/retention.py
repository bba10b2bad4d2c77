"""What is kept of a repository's archives, and what follows each backup."""

import copy
from typing import Any

from django import forms

from backups.models import Repository

from .fields import plain
from .repository import RuledForm


def count(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=100_000)


class RetentionForm(RuledForm):
    periods = ("keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly")

    keep_hourly = count("Hours")
    keep_daily = count("Days")
    keep_weekly = count("Weeks")
    keep_monthly = count("Months")
    keep_yearly = count("Years")
    keep_within = forms.CharField(
        label="And everything younger than",
        required=False,
        widget=plain(placeholder="nothing more"),
        help_text="2d keeps all of the last two days. H is hours, d days, w weeks, m months, y years.",
    )
    prune_after = forms.BooleanField(label="Delete the archives that are not kept", required=False)
    compact_after = forms.BooleanField(
        label="Give their space back (compact)", required=False, help_text="borg frees nothing before."
    )
    check_every_days = forms.IntegerField(
        label="Check the repository every so many days", required=False, help_text="Empty: never by itself."
    )

    def __init__(self, data: Any, repository: Repository) -> None:
        super().__init__(data, initial={name: getattr(repository, name) for name in type(self).base_fields})
        self.stored = repository
        if not repository.may_prune:
            self.fields["prune_after"].disabled = True
            self.fields["prune_after"].help_text = (
                "This repository was there before: look at what would be deleted and confirm it, "
                "then this can be switched on."
            )

    @property
    def period_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.periods]

    @property
    def is_to_confirm(self) -> bool:
        """Whether somebody has to agree to what goes, before anything does."""
        return self.stored.connected and (not self.stored.may_prune or bool(self.new_rules))

    @property
    def new_rules(self) -> list[str]:
        return [name for name in (*self.periods, "keep_within") if self.is_bound and name in self.changed_data]

    def clean(self) -> dict[str, Any]:
        self.cleaned_data.update({name: self.cleaned_data.get(name) or 0 for name in self.periods})
        return super().clean()

    def changed(self) -> dict[str, Any]:
        return {name: value for name, value in self.given().items() if name in self.changed_data}

    def repository(self) -> Repository:
        """As it would be; not saved."""
        row = copy.copy(self.stored)
        for name, value in self.given().items():
            setattr(row, name, value)
        return row
