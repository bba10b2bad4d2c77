"""A new repository in three parts (where, what, how locked), its settings, and saying goodbye to one."""

import os.path
from collections.abc import Collection, Mapping
from typing import Any

from django import forms
from django.urls import reverse_lazy

from backups import repository_rules, ssh
from backups.models import Encryption, Repository
from backups.places import Place

from .fields import PLAIN, Duration, Lines, plain

LOCAL, SSH = "local", "ssh"
WORD = "unencrypted"  # to be typed by who wants no encryption

ENCRYPTIONS = [
    (Encryption.REPOKEY_BLAKE2, "repokey-blake2: key in the repository (recommended)"),
    (Encryption.REPOKEY, "repokey: the same, faster on machines with SHA extensions"),
    (Encryption.KEYFILE_BLAKE2, "keyfile-blake2: key on this machine only"),
    (Encryption.KEYFILE, "keyfile: the same with SHA-256"),
    (Encryption.AUTHENTICATED_BLAKE2, "authenticated-blake2: readable by all, protected against changes"),
    (Encryption.AUTHENTICATED, "authenticated: the same with SHA-256"),
    (Encryption.NONE, "none: readable and changeable by whoever holds the disk"),
]


class RuledForm(forms.Form):
    """Fields of a repository keep its rules; a field may have another name on the page (`shown_as`)."""

    shown_as: Mapping[str, str] = {}

    def tell(self, errors: Mapping[str, str]) -> None:
        """Sentences by field of a repository; above the form where no field of it is meant."""
        for name, sentence in errors.items():
            field = self.shown_as.get(name, name)
            self.add_error(field if field in self.fields else None, sentence)

    def given(self) -> dict[str, Any]:
        """The fields of a repository, as far as they were understood."""
        return {name: value for name, value in self.cleaned_data.items() if hasattr(Repository, name)}

    def clean(self) -> dict[str, Any]:
        super().clean()
        found = repository_rules.problems(self.given())
        self.tell({name: text for name, text in found.items() if self.shown_as.get(name, name) not in self.errors})
        return self.cleaned_data

    def judge_only(self, names: Collection[str]) -> bool:
        """Whether these fields are right; what is wrong with others is not told yet."""
        for name in set(self.errors) - set(names):
            del self.errors[name]
        return not self.errors


class ContentForm(RuledForm):
    """What goes into the archives."""

    source_paths = Lines(
        label="Folders and files",
        help_text="One a line, each with its full path.",
        attrs={
            "hx-post": reverse_lazy("sources-seen"),
            "hx-target": "#sources-seen",
            "hx-swap": "outerHTML",
            # late: what comes between the button that goes down and the one that comes up would move it away
            "hx-trigger": "input changed delay:600ms, change delay:600ms",
            "placeholder": "/home",
        },
    )
    exclude_patterns = Lines(
        label="Leave out",
        required=False,
        help_text="One pattern a line, as borg writes them: */.cache or sh:/home/*/Downloads.",
    )
    exclude_if_present = Lines(
        label="Leave out folders that hold a file named",
        required=False,
        rows=2,
        help_text="One name a line, for example .nobackup.",
    )
    exclude_caches = forms.BooleanField(
        label="Leave out caches", required=False, help_text="Folders that programs have marked with a CACHEDIR.TAG."
    )
    one_file_system = forms.BooleanField(
        label="Stay on one file system", required=False, help_text="Other disks mounted below a folder are left out."
    )


class OptionsForm(RuledForm):
    """What most people never change."""

    advanced = (
        "exclude_if_present",
        "exclude_caches",
        "one_file_system",
        "compression",
        "archive_name_template",
        "remote_path",
        "upload_rate_limit",
        "lock_wait",
        "backup_timeout",
        "max_downtime",
    )

    compression = forms.CharField(
        widget=plain(),
        initial="lz4",
        help_text="lz4 is quick, zstd,3 smaller, auto,zstd,3 leaves alone what is packed.",
    )
    archive_name_template = forms.CharField(
        label="Names of archives", widget=plain(), initial="{name}-{now}", help_text="{now} is the time of the backup."
    )
    remote_path = forms.CharField(
        label="borg on the other machine",
        widget=plain(),
        required=False,
        help_text="Only where it is not simply called borg there.",
    )
    upload_rate_limit = forms.IntegerField(
        label="Upload limit, KiB/s", required=False, help_text="Empty: as fast as the line."
    )
    lock_wait = forms.IntegerField(
        label="Wait for another borg, seconds", required=False, help_text="Empty: one second."
    )
    backup_timeout = Duration(
        label="Time limit", required=False, widget=plain(placeholder="none"), help_text="borg is stopped then: 12 h."
    )
    max_downtime = Duration(
        label="Longest interruption",
        required=False,
        widget=plain(placeholder="none"),
        help_text="What scripts stopped is started again then, at the price of the backup: 2 h.",
    )

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.advanced]


class NewRepositoryForm(ContentForm, OptionsForm):
    shown_as = {"path": "folder"}
    place_fields = ("kind", "folder", "host", "port", "user", "passphrase", "remote_path")

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    kind = forms.ChoiceField(
        label="Where is it kept?",
        choices=[(LOCAL, "On this machine: a folder or a mounted disk"), (SSH, "On another machine, over SSH")],
        initial=LOCAL,
        widget=forms.RadioSelect,
    )
    host = forms.CharField(label="Machine", required=False, widget=plain(placeholder="nas.example.org"))
    port = forms.IntegerField(
        required=False, min_value=1, max_value=65535, widget=forms.NumberInput(attrs={"placeholder": "22"})
    )
    user = forms.CharField(label="User there", required=False, widget=plain(placeholder="borg"))
    folder = forms.CharField(
        widget=plain(placeholder="/srv/borg/photos"),
        help_text="Empty, or not there yet; or a repository to go on with.",
    )
    passphrase = forms.CharField(
        required=False,
        strip=False,
        widget=plain(),
        help_text="Made for you. For a repository that is there already, enter its own.",
    )
    encryption = forms.ChoiceField(choices=ENCRYPTIONS, initial=Encryption.REPOKEY_BLAKE2)
    unencrypted = forms.CharField(
        label="Without encryption?",
        required=False,
        widget=plain(),
        help_text=f"Only for the encryption 'none': type {WORD}.",
    )

    def repository(self) -> Repository:
        """As far as borg needs it to look at the place; not saved."""
        given = self.given()
        names = ("path", "passphrase", "encryption", "remote_path")
        return Repository(**{name: given[name] for name in names if name in given})

    def given(self) -> dict[str, Any]:
        found = super().given()
        if "folder" in self.cleaned_data:
            found["path"] = repository_rules.normal_path(self._place().path)
        if found.get("encryption") == Encryption.NONE:
            found["passphrase"] = ""
        return found

    def _place(self) -> Place:
        fields = self.cleaned_data
        if fields.get("kind") != SSH:
            return Place(fields["folder"])
        return Place(fields["folder"], fields.get("host", ""), fields.get("user", ""), fields.get("port"))

    def clean_host(self) -> str:
        host = self.cleaned_data["host"].strip().strip("[]")
        if self.data.get("kind") == SSH and not ssh.HOST.fullmatch(host):
            raise forms.ValidationError("Enter the name or the address of the machine.")
        return host

    def clean_user(self) -> str:
        user = self.cleaned_data["user"].strip()
        if user and not ssh.USER.fullmatch(user):
            raise forms.ValidationError("This is no name of a user.")
        return user

    def clean(self) -> dict[str, Any]:
        fields = super().clean()
        if fields.get("encryption") == Encryption.NONE and fields.get("unencrypted") != WORD:
            self.add_error("unencrypted", f"Whoever gets at it can read everything. If that is right, type {WORD}.")
        if fields.get("kind") == LOCAL and "folder" in fields and (source := self._swallowing_source()):
            sentence = f"It is inside {source}, which is backed up: choose another folder, or leave it out below."
            self.add_error("folder", sentence)
        return fields

    def _swallowing_source(self) -> str:
        """The source in which the repository would be, and grow with every backup by itself."""
        path = os.path.normpath(self.cleaned_data["folder"])
        if path in self.cleaned_data.get("exclude_patterns", []):
            return ""
        sources = self.cleaned_data.get("source_paths", [])
        return next((source for source in sources if f"{path}/".startswith(f"{source.rstrip('/')}/")), "")


class SettingsForm(ContentForm, OptionsForm):
    place_fields = ("path", "passphrase", "remote_path")

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    path = forms.CharField(label="Where it is", widget=plain(), help_text="/folder, or ssh://user@machine:22/folder.")
    passphrase = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={**PLAIN, "autocomplete": "new-password"}),
        help_text="Set; leave empty to keep it. Changing it here does not change it in the repository.",
    )

    def __init__(self, data: Any, repository: Repository) -> None:
        names = {**type(self).base_fields}
        super().__init__(data, initial={name: getattr(repository, name) for name in names if name != "passphrase"})
        self.stored = repository

    def repository(self) -> Repository:
        """As it would be, as far as borg needs it to look at the place; not saved."""
        given = self.given()
        return Repository(
            name=self.stored.name,
            path=repository_rules.normal_path(given.get("path", self.stored.path)),
            passphrase=given.get("passphrase") or self.stored.passphrase,
            encryption=self.stored.encryption,
            remote_path=given.get("remote_path", ""),
        )

    def changed(self) -> dict[str, Any]:
        """What is to be changed. Options of a repository that may be empty are None then."""
        return {name: value for name, value in self.given().items() if name in self.changed_data}


class DeleteForm(forms.Form):
    """The name, typed."""

    name = forms.CharField(label="Its name", strip=False, widget=plain())

    def __init__(self, data: Any, repository: Repository) -> None:
        super().__init__(data)
        self.repository = repository

    def clean_name(self) -> str:
        if self.cleaned_data["name"].strip() != self.repository.name:
            raise forms.ValidationError(f"Type {self.repository.name} to forget it.")
        return self.repository.name


class ListFilter(forms.Form):
    """What is looked for in the list; nonsense is passed over."""

    search = forms.CharField(required=False, widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}))
    show = forms.ChoiceField(required=False, choices=[("", "All"), ("attention", "Needs attention")])
