"""A channel: where to, and who hears what there. Mail has fields of its own, every other service an address."""

from typing import Any, cast

from django import forms
from django.utils.html import format_html

from backups.models import Channel, Repository
from backups.notifications import addresses
from backups.notifications.events import KINDS, USUAL
from backups.notifications.mail import Encryption, Mail

from .fields import PLAIN, plain

KEEP, MAIL, OTHER = "keep", "mail", "other"
WAYS = [(MAIL, "By mail"), (OTHER, "By another service: ntfy, Gotify, Telegram, Matrix, Discord, Slack, a web hook…")]
ENCRYPTIONS = [
    (Encryption.STARTTLS.value, "STARTTLS (usual, port 587)"),
    (Encryption.TLS.value, "TLS from the beginning (port 465)"),
    (Encryption.NONE.value, "None (port 25): only inside a network that you trust"),
]
NEEDED_FOR_MAIL = {
    "server": "Enter the name or the address of the mail server.",
    "sender": "Enter the address that the mail comes from.",
    "recipients": "Enter at least one address.",
}
EVENTS = [
    (kind.event.value, format_html('{} <span class="second">{}</span>', kind.label, kind.sentence)) for kind in KINDS
]


class MailFields(forms.Form):
    """What makes the address of a channel that sends mail."""

    mail_fields = ("recipients", "sender", "server", "encryption", "port", "user", "password")

    recipients = forms.CharField(
        label="To", required=False, widget=plain(placeholder="anna@example.org"), help_text="Several: with commas."
    )
    sender = forms.CharField(label="From", required=False, widget=plain(placeholder="borgui@example.org"))
    server = forms.CharField(label="Mail server", required=False, widget=plain(placeholder="smtp.example.org"))
    encryption = forms.ChoiceField(choices=ENCRYPTIONS, required=False, initial=Encryption.STARTTLS.value)
    port = forms.IntegerField(
        required=False, min_value=1, max_value=65535, help_text="Empty: the usual one.", widget=forms.NumberInput()
    )
    user = forms.CharField(label="User", required=False, widget=plain(), help_text="Empty: without signing in.")
    password = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput(attrs={**PLAIN, "autocomplete": "new-password"})
    )

    def check_mail(self) -> None:
        for name, sentence in NEEDED_FOR_MAIL.items():
            if not self.cleaned_data.get(name) and name not in self.errors:
                self.add_error(name, sentence)
        server = self.cleaned_data.get("server", "")
        if any(char in server for char in " /@?#"):
            self.add_error("server", "Only its name or address, for example smtp.example.org.")
        for name in ("user", "password"):
            if not self.cleaned_data.get(name, "").isascii():
                self.add_error(name, "Mail servers take letters, digits and signs of ASCII only.")

        if not self.errors and self.lost_recipients():
            self.add_error("recipients", "One of these is no address of mail.")

    def lost_recipients(self) -> bool:
        """apprise leaves out what it takes for no address, and says nothing."""
        plugin = addresses.plugin_of(self.mail().url())
        wanted = [one for one in self.cleaned_data["recipients"].split(",") if one.strip()]
        return plugin is None or len(getattr(plugin, "targets", [])) < len(wanted)

    def mail(self) -> Mail:
        given = {name: self.cleaned_data[name] for name in self.mail_fields}
        encryption = Encryption(given.pop("encryption") or Encryption.STARTTLS)
        return Mail(encryption=encryption, **{**given, "server": given["server"].strip("[]")})


class ChannelForm(MailFields):
    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    way = forms.ChoiceField(label="How?", choices=WAYS, initial=MAIL, widget=forms.RadioSelect)
    url = forms.CharField(
        label="Address", required=False, widget=plain(placeholder="ntfys://ntfy.example.org/backups"), max_length=2000
    )
    events = forms.MultipleChoiceField(
        label="What is told", choices=EVENTS, initial=USUAL, required=False, widget=forms.CheckboxSelectMultiple
    )
    all_repositories = forms.BooleanField(label="All repositories, also those to come", required=False, initial=True)
    repositories = forms.MultipleChoiceField(label="Only these", required=False, widget=forms.CheckboxSelectMultiple)
    enabled = forms.BooleanField(label="Switched on", required=False, initial=True)

    def __init__(self, data: Any = None, channel: Channel | None = None) -> None:
        super().__init__(data, initial=stored(channel) if channel else None)
        names = Repository.objects.kept().order_by("name").values_list("pk", "name")
        cast(forms.MultipleChoiceField, self.fields["repositories"]).choices = list(names)
        if channel is not None:
            cast(forms.ChoiceField, self.fields["way"]).choices = [(KEEP, f"As it is: {channel.kind}"), *WAYS]

    def clean(self) -> dict[str, Any]:
        super().clean()
        way = self.cleaned_data.get("way")
        if way == MAIL:
            self.check_mail()
        if way == OTHER and not self.cleaned_data.get("url"):
            self.add_error("url", "Where to? It needs an address.")
        if not self.cleaned_data.get("all_repositories") and not self.cleaned_data.get("repositories"):
            self.add_error("all_repositories", "Choose the repositories, or all of them.")
        return self.cleaned_data

    def tell(self, errors: dict[str, str]) -> None:
        """Sentences of `notifications.channels`; what is wrong with the address of mail is said above the form."""
        for name, sentence in errors.items():
            is_hidden = name == "url" and self.cleaned_data.get("way") == MAIL
            self.add_error(None if is_hidden or name not in self.fields else name, sentence)

    def given(self) -> dict[str, Any]:
        """What `notifications.channels` takes."""
        clean = self.cleaned_data
        names = ("name", "events", "all_repositories", "enabled")
        addresses = {KEEP: "", MAIL: "", OTHER: clean["url"]}
        url = self.mail().url() if clean["way"] == MAIL else addresses[clean["way"]]
        chosen = [int(pk) for pk in clean["repositories"]]
        return {**{name: clean[name] for name in names}, "url": url, "repositories": chosen}


def stored(channel: Channel) -> dict[str, Any]:
    """Never the address: it holds secrets."""
    return {
        "name": channel.name,
        "way": KEEP,
        "events": channel.events,
        "all_repositories": channel.all_repositories,
        "repositories": list(channel.repositories.values_list("pk", flat=True)),
        "enabled": channel.enabled,
    }
