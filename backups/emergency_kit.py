"""The emergency kit: all that is needed to read a repository when this machine and this product are gone.

It holds the passphrase and the key, so it is made when somebody asks for it, and kept nowhere here.
"""

import re
import secrets
import shlex
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backups import borg
from borgui.accounts import audit

from . import target
from .host import hostname
from .models import Encryption, Repository
from .places import Place

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look like another
GROUPS, GROUP = 6, 5  # 30 letters, 148 bits
HELD = {"name", "path", "passphrase", "remote_path"}  # fields of a repository that are in a kit
KEYLESS = "UnencryptedRepo"


@dataclass(frozen=True)
class Kit:
    """`key_problem`: why the key is not in it, where it should be."""

    text: str
    key_problem: str = ""


def new_passphrase() -> str:
    """A random one that can be read out and typed: six groups of five letters and digits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))


def make(repository: Repository, now: datetime) -> Kit:
    """Raises PassphraseSealed. Where borg cannot be asked for the key, the kit is made without it and says so."""
    place, key, problem = target.of(repository), "", ""
    audit.record("emergency kit shown", repository)
    if repository.encryption != Encryption.NONE:
        key, problem = _key(place)
    return Kit("\n\n".join([_head(repository, now), *_parts(repository, place, key, problem)]) + "\n", problem)


def file_name(repository: Repository) -> str:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", repository.name).strip("-") or str(repository.pk)
    return f"emergency-kit-{slug}.txt"


def note_saved(repository: Repository, now: datetime) -> None:
    """A person says that the kit is stored elsewhere."""
    with transaction.atomic():
        Repository.objects.filter(pk=repository.pk).update(kit_saved_at=now)
        audit.record("emergency kit stored elsewhere", repository)


def _key(place: borg.Target) -> tuple[str, str]:
    """The exported key, or why there is none."""
    try:
        answer = borg.key_export(borg.find(settings.BORG), place)
    except borg.BorgUnavailable as problem:
        return "", str(problem)
    if answer.ok and answer.data:
        return answer.data.strip(), ""
    return "", "" if answer.msgid == KEYLESS else answer.sentence or answer.error or "borg gave no reason."


# --- the text ---------------------------------------------------------------------------------------------------------
def _head(repository: Repository, now: datetime) -> str:
    stamp = f"{timezone.localtime(now):%d %b %Y, %H:%M %Z}"
    return (
        f"EMERGENCY KIT: {repository.name}\n"
        f"Made on {hostname()}, {stamp}.\n\n"
        "With this sheet and any machine that has BorgBackup 1.2 or 1.4, every archive\n"
        "can be read. Whoever has it can read them too: keep it like a house key, and\n"
        "not only on the machine that is backed up."
    )


def _parts(repository: Repository, place: borg.Target, key: str, problem: str) -> list[str]:
    passphrase = place.passphrase or "(none: this repository is not encrypted)"
    parts = [
        f"1. WHERE IT IS\n\n{repository.path}\n{_way_in(repository)}".rstrip(),
        f"2. PASSPHRASE\n\n{passphrase}\n\nEncryption: {repository.encryption}",
    ]
    if key or problem:
        parts.append(f"3. KEY\n\n{key or 'Not in this kit: ' + problem}\n\n{_about_key(repository, key)}".rstrip())
    return [*parts, f"{len(parts) + 1}. HOW TO GET FILES BACK\n\n{_commands(repository, key)}"]


def _way_in(repository: Repository) -> str:
    where = Place.of(repository.path)
    if not where.host:
        return "A folder, on the machine named above or on a disk that was mounted there."
    port = f", port {where.port}" if where.port else ""
    return f"By ssh to {where.host}{port}{f', as {where.user}' if where.user else ''}: you need a way to log in there."


def _about_key(repository: Repository, key: str) -> str:
    if not key:
        return ""
    if repository.encryption.startswith("keyfile"):
        return "The key is nowhere in the repository: without it no archive can be read."
    return "A copy of the key is in the repository. This one helps when that is damaged."


def _commands(repository: Repository, key: str) -> str:
    """As typed in a shell; borg asks for the passphrase."""
    remote = f"export BORG_REMOTE_PATH={shlex.quote(repository.remote_path)}\n" if repository.remote_path else ""
    restore_key = ""
    if key:
        first = (
            "First save"
            if repository.encryption.startswith("keyfile")
            else "Only if borg says that the key is missing: save"
        )
        restore_key = f"# {first} the lines of part 3 as key.txt, then\nborg key import :: key.txt\n\n"
    return (
        f"export BORG_REPO={shlex.quote(repository.path)}\n{remote}\n{restore_key}"
        "# what is there, the newest last\nborg list\n\n"
        "# into an empty folder: all files of an archive\nborg extract --list ::ARCHIVE\n\n"
        "# or look around first, where FUSE is installed\nborg mount :: /mnt/archives\nborg umount /mnt/archives"
    )
