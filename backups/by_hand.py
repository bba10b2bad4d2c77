"""The commands with which a person reads an archive on this machine, ready to be pasted into a shell."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from . import sources
from .archives import Archive
from .models import Repository

MOUNT_POINT = "/mnt"
IMAGE = Path("/app")  # where the Dockerfile puts the program


@dataclass(frozen=True)
class Commands:
    lists: str
    mounts: str
    unmounts: str
    extracts: str


def commands(repository: Repository, archive: Archive) -> Commands:
    place = shlex.quote(f"::{archive.name}")
    extract = f"mkdir -p {_folder()} && cd {_folder()} && {_borg(repository, f'extract --list {place}')}"
    return Commands(
        lists=_outside(_borg(repository, f"list {place}")),
        mounts=_outside(_borg(repository, f"mount {place} {MOUNT_POINT}")),
        unmounts=_outside(_borg(repository, f"umount {MOUNT_POINT}")),
        extracts=_outside(f"sh -c {shlex.quote(extract)}") if in_our_image() else extract,
    )


def in_our_image() -> bool:
    """Whether this is the container that the Dockerfile makes: people stand outside of it."""
    return settings.BASE_DIR == IMAGE and sources.in_container()


def _borg(repository: Repository, words: str) -> str:
    program = shlex.join([sys.executable, str(settings.BASE_DIR / "manage.py")])
    return f"{_environment()}{program} borg {shlex.quote(repository.name)} -- {words}"


def _environment() -> str:
    """In the image the variable is set already."""
    if in_our_image() or settings.DATA_DIR == settings.BASE_DIR / "data":
        return ""
    return f"BORGUI_DATA_DIR={shlex.quote(str(settings.DATA_DIR))} "


def _folder() -> str:
    """Where files are taken out to: borg writes where it is called."""
    return shlex.quote(str(settings.DATA_DIR / "restored")) if in_our_image() else "~/restored"


def _outside(command: str) -> str:
    return f"docker compose exec borgui {command}" if in_our_image() else command
