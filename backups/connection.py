"""Trying out a place for a repository: can it be reached, what is there, and does the passphrase open it?

The answer is a value with one sentence, and it decides whether a repository is made there or connected to. What can go
wrong is told apart as far as ssh and borg tell it.
"""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import TextChoices

from backups import borg
from borgui.mounts import mount_of

from . import sources, ssh, target
from .models import Encryption, Repository
from .places import Place

PATIENCE = 45.0  # seconds for one call of borg or ssh: a person waits


class Kind(TextChoices):
    """What was found; the label is its name on the page."""

    NOTHING = "nothing", "Free"
    REPOSITORY = "repository", "A repository is there"
    REFUSED = "refused", "No answer"
    UNKNOWN_HOST = "unknown_host", "Unknown machine"
    CHANGED_HOST = "changed_host", "The machine shows another key than before"
    NO_LOGIN = "no_login", "Not let in"
    NO_BORG = "no_borg", "No borg over there"
    NO_FOLDER = "no_folder", "No such folder"
    NOT_ALLOWED = "not_allowed", "Not allowed"
    SOMETHING_ELSE = "something_else", "Something else is there"
    WRONG_PASSPHRASE = "wrong_passphrase", "Another passphrase"
    UNENCRYPTED = "unencrypted", "Not encrypted"
    OTHER = "other", "That did not work"


READY = (Kind.NOTHING, Kind.REPOSITORY)
FIELD_OF = {Kind.WRONG_PASSPHRASE: "passphrase", Kind.UNENCRYPTED: "encryption"}  # else it is about the place

_CHANGED = re.compile("HOST IDENTIFICATION HAS CHANGED")
_UNKNOWN = re.compile("Host key verification failed|host key is known for")
_DENIED = re.compile(r"Permission denied|Too many authentication failures")
_NO_PROGRAM = (126, 127)
_OF_MESSAGE = {
    "PassphraseWrong": Kind.WRONG_PASSPHRASE,
    "NoPassphraseFailure": Kind.WRONG_PASSPHRASE,
    "Cache.CacheInitAbortedError": Kind.UNENCRYPTED,
    "PathNotAllowed": Kind.NOT_ALLOWED,
    "Repository.PathPermissionDenied": Kind.NOT_ALLOWED,
}
_SENTENCES = {
    Kind.WRONG_PASSPHRASE: "A repository is there, and this passphrase does not open it: enter the one it was made with.",
    Kind.UNENCRYPTED: "A repository is there, and it is not encrypted. If that is right, choose 'none' as encryption.",
}


@dataclass(frozen=True)
class Finding:
    kind: Kind
    sentence: str
    archives: int = 0
    newest: datetime | None = None
    shown: tuple[ssh.HostKey, ...] = ()  # the keys that the machine shows, to be compared by a person
    trusted: tuple[ssh.HostKey, ...] = ()  # the ones it showed before
    missing: str = ""  # a folder of this machine that could be made
    hint: str = ""

    @property
    def is_ready(self) -> bool:
        """The repository can be made, or connected to."""
        return self.kind in READY

    @property
    def is_there(self) -> bool:
        return self.kind == Kind.REPOSITORY

    @property
    def field(self) -> str:
        """The field of a repository that it is about."""
        return FIELD_OF.get(self.kind, "path")

    @property
    def tone(self) -> str:
        if self.is_ready:
            return "ok"
        return "attention" if self.kind in (Kind.UNKNOWN_HOST, Kind.WRONG_PASSPHRASE, Kind.UNENCRYPTED) else "failed"


def test(repository: Repository) -> Finding:
    """Try the place of a repository, saved or not, with its passphrase. Raises BorgUnavailable, PassphraseSealed."""
    place = Place.of(repository.path)
    return _remote(repository, place) if place.host else _local(repository, Path(place.folder))


def trust(repository: Repository, fingerprints: Collection[str]) -> Finding:
    """Trust the keys with these fingerprints, which a person has compared, and try again."""
    place = Place.of(repository.path)
    if ssh.trust(place.host, place.port, fingerprints):
        return test(repository)
    shown = ssh.scan(place.host, place.port)
    return Finding(Kind.UNKNOWN_HOST, f"{place.host} shows other keys now: compare again.", shown=shown.keys)


def make_folder(repository: Repository) -> Finding:
    """Make the folder in which a local repository is going to be, and try again."""
    try:
        Path(repository.path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return Finding(Kind.NOT_ALLOWED, f"The folder {error.filename} cannot be made: {error.strerror}.")
    return test(repository)


# --- on this machine --------------------------------------------------------------------------------------------------
def _local(repository: Repository, folder: Path) -> Finding:
    if not folder.parent.is_dir():
        return _no_local_folder(folder.parent)
    if (folder / "config").exists():
        return _of_answer(repository, _ask(repository))
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        return Finding(Kind.SOMETHING_ELSE, f"{folder} holds something else: choose an empty folder, or a new one.")
    if not os.access(folder if folder.is_dir() else folder.parent, os.W_OK | os.X_OK):
        return Finding(Kind.NOT_ALLOWED, f"The user that runs this service may not write in {folder.parent}.")
    return Finding(
        Kind.NOTHING, "Nothing is there yet: a new repository will be made.", hint=_lost_with_container(folder)
    )


def _no_local_folder(parent: Path) -> Finding:
    hint = _lost_with_container(parent)
    sentence = f"The folder {parent} is not there. If it is on a disk that is not mounted, mount that first."
    return Finding(Kind.NO_FOLDER, sentence, missing=str(parent), hint=hint)


def _lost_with_container(folder: Path) -> str:
    mount = mount_of(folder)
    if not sources.in_container() or (mount and mount.kind != "overlay"):
        return ""
    line = f"- {folder.parent}:{folder.parent}"
    return f"This folder is inside the container and goes away with it. Mount one of the host, under volumes: {line}"


# --- on another one ---------------------------------------------------------------------------------------------------
def _remote(repository: Repository, place: Place) -> Finding:
    answer = _ask(repository)
    if answer.ok or not answer.msgid.startswith("Connection"):
        return _of_answer(repository, answer)
    try:
        said = ssh.probe(place, [repository.remote_path or "borg", "--version"], PATIENCE)
    except ssh.SshUnavailable as problem:
        return Finding(Kind.OTHER, str(problem))
    return _of_ssh(repository, place, said, answer)


def _of_ssh(repository: Repository, place: Place, said: ssh.Said, answer: borg.Answer) -> Finding:
    """borg could not talk to the other side; ssh, asked to run it once more, says why."""
    program = repository.remote_path or "borg"
    if said.exit_code in _NO_PROGRAM:
        next_step = "Install borg there, or give its place under Advanced."
        return Finding(Kind.NO_BORG, f"{place.host} let us in, but has no {program}. {next_step}")
    if _CHANGED.search(said.err) or _UNKNOWN.search(said.err):
        return _host_key(place)
    if _DENIED.search(said.err):
        next_step = "Put the key above into authorized_keys there, and look whether the user name is right."
        return Finding(Kind.NO_LOGIN, f"{place.host} did not let {place.user or 'us'} in. {next_step}")
    if said.exit_code in (255, None):
        words = next((line for line in reversed(said.err.splitlines()) if line.strip()), "no answer in time")
        return Finding(Kind.REFUSED, f"{place.host} could not be reached ({words.strip().rstrip('.')}).")
    return Finding(Kind.OTHER, answer.sentence)


def _host_key(place: Place) -> Finding:
    scan, trusted = ssh.scan(place.host, place.port), tuple(ssh.known(place.host, place.port))
    if not scan.keys:
        return Finding(Kind.UNKNOWN_HOST, f"ssh does not know {place.host}, and it shows no key: {scan.error}")
    if trusted:
        sentence = (
            f"{place.host} shows another key than the one that was trusted here. If it was not installed again, "
            "somebody else may be answering in its place: find out before you go on."
        )
        return Finding(Kind.CHANGED_HOST, sentence, shown=scan.keys, trusted=trusted)
    sentence = f"This is the first time that {place.host} is called. Is it the right machine? Compare one of its keys."
    return Finding(Kind.UNKNOWN_HOST, sentence, shown=scan.keys)


# --- what borg says ---------------------------------------------------------------------------------------------------
def _ask(repository: Repository) -> borg.Answer:
    return borg.list_archives(borg.find(settings.BORG), target.of(repository), timeout=PATIENCE)


def _of_answer(repository: Repository, answer: borg.Answer) -> Finding:
    if answer.ok and mode_of(answer) == Encryption.NONE != repository.encryption:
        return Finding(Kind.UNENCRYPTED, _SENTENCES[Kind.UNENCRYPTED])
    if answer.ok:
        return _repository(answer)
    if answer.msgid == "Repository.DoesNotExist":
        return _nothing(repository)
    if "InvalidRepository" in answer.msgid:
        return _not_one(repository)
    kind = _OF_MESSAGE.get(answer.msgid, Kind.OTHER)
    return Finding(kind, _SENTENCES.get(kind) or answer.sentence or answer.error or "borg gave no reason.")


def mode_of(answer: borg.Answer) -> str:
    """How the repository is encrypted, by borg's own words."""
    return str((answer.data or {}).get("encryption", {}).get("mode", ""))


def _repository(answer: borg.Answer) -> Finding:
    archives = answer.data["archives"] if answer.data else []
    count = {0: "no archives", 1: "one archive"}.get(len(archives), f"{len(archives)} archives")
    sentence = (
        f"A repository with {count} is there, and the passphrase opens it. It is connected to, and stays as it is."
    )
    newest = datetime.fromisoformat(archives[-1]["time"]) if archives else None
    return Finding(Kind.REPOSITORY, sentence, archives=len(archives), newest=newest)


def _nothing(repository: Repository) -> Finding:
    """On another machine the folder above is asked for as if it were a repository: borg tells only so if it is there."""
    above = Place.of(repository.path).parent
    if above:
        answer = _ask(Repository(path=above.path, remote_path=repository.remote_path))
        if answer.msgid == "Repository.DoesNotExist":
            return Finding(Kind.NO_FOLDER, f"The folder {above.folder} is not there on {above.host}: make it first.")
    return Finding(Kind.NOTHING, "Nothing is there yet: a new repository will be made.")


def _not_one(repository: Repository) -> Finding:
    place = Place.of(repository.path)
    if place.host:
        hint = "If it holds something else, borg will refuse."
        return Finding(Kind.NOTHING, "An empty folder, it seems: a new repository will be made in it.", hint=hint)
    return Finding(Kind.SOMETHING_ELSE, f"What is at {place.folder} is not a borg repository.")
