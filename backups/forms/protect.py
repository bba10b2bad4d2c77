"""After the first good backup: when does it run by itself, and who is told when it fails? Both on one screen."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms

from backups.models import Channel

from .channel import MailFields
from .when import WhenForm

MAIL, KNOWN, NOBODY = "mail", "known", "nobody"


class ProtectForm(WhenForm, MailFields):
    """`told`: by a mail channel that is made now, by those that are there already, or nobody yet."""

    told = forms.ChoiceField(label="Tell", widget=forms.RadioSelect)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        known = ", ".join(Channel.objects.filter(enabled=True).order_by("name").values_list("name", flat=True))
        ways = [(KNOWN, f"Those who are told already: {known}")] if known else []
        told = cast(forms.ChoiceField, self.fields["told"])
        told.choices = [*ways, (MAIL, "Somebody, by mail"), (NOBODY, "Nobody yet")]
        told.initial = KNOWN if known else MAIL

    def clean(self) -> dict[str, Any]:
        fields = super().clean()
        if fields.get("told") == MAIL:
            self.check_mail()
        return fields

    def schedule(self) -> dict[str, Any]:
        """The part that `backups.schedules` takes."""
        return {name: self.cleaned_data[name] for name in ("cron_expression", "timezone")}

    def channel(self) -> dict[str, Any] | None:
        """The part that `backups.notifications.channels` takes; None where nobody new is told."""
        if self.cleaned_data["told"] != MAIL:
            return None
        name = f"Mail to {self.cleaned_data['recipients']}"[:90]
        taken = Channel.objects.filter(name__startswith=name).count()
        return {"name": f"{name} {taken + 1}" if taken else name, "url": self.mail().url()}

    def tell(self, errors: Mapping[str, str]) -> None:
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)
