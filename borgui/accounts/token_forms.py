from datetime import datetime, timedelta

from django import forms

from .models import Scope
from .tokens import LONGEST_NAME

FOR_EVER = "0"


class TokenForm(forms.Form):
    """A new token, for whoever is signed in."""

    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, help_text="What it is for, so that you know it again."
    )
    scope = forms.ChoiceField(
        label="It may",
        widget=forms.RadioSelect,
        initial=Scope.READ,
        choices=[
            (Scope.READ, "look at everything, change nothing"),
            (Scope.RUN, "look, start and stop backups and scripts"),
            (Scope.WRITE, "do everything that you may do"),
        ],
    )
    days = forms.ChoiceField(
        label="It expires",
        initial="90",
        choices=[
            ("7", "in 7 days"),
            ("30", "in 30 days"),
            ("90", "in 90 days"),
            ("365", "in a year"),
            (FOR_EVER, "never"),
        ],
    )

    def expires_at(self, now: datetime) -> datetime | None:
        days = self.cleaned_data["days"]
        return None if days == FOR_EVER else now + timedelta(days=int(days))
