"""Which borg there is, and whether it can be used."""

import os
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from borgui import process

INSTALL = "apt-get install --no-install-recommends borgbackup openssh-client"
OLDEST = (1, 2, 0)
SECONDS = 60.0  # a cold start on a slow disk; usually 0.3 s


class BorgUnavailable(Exception):
    """borg cannot be used. The text is one line that says what to install or to set."""


class BorgMissing(BorgUnavailable):
    """There is no such program."""


class BorgUnsupported(BorgUnavailable):
    """There is one, but not of a version that is spoken here, or it does not start."""


@dataclass(frozen=True)
class Borg:
    path: str
    version: tuple[int, int, int]

    @property
    def series(self) -> str:
        """`1.2` or `1.4`: what may share a cache."""
        return f"{self.version[0]}.{self.version[1]}"


def find(configured: str = "") -> Borg:
    """The borg that `configured` (BORGUI_BORG) names, else the one in PATH.

    Its version is asked for once per file; a file that was replaced is asked again.
    Raises BorgMissing or BorgUnsupported.
    """
    path = _program(configured)
    facts = Path(path).stat()
    return Borg(path, _supported(path, _version(path, facts.st_mtime_ns, facts.st_size)))


def _program(configured: str) -> str:
    found = shutil.which(configured or "borg")
    if found:
        return str(Path(found).absolute())
    if not configured:
        raise BorgMissing(f"borg is not installed: {INSTALL} (or set BORGUI_BORG to its path).")
    if Path(configured).exists():
        raise BorgMissing(f"BORGUI_BORG names {configured}, which is not a program that may be started.")
    raise BorgMissing(f"BORGUI_BORG names {configured}, which is not there. Correct it, or unset it and: {INSTALL}")


@lru_cache(maxsize=16)
def _version(path: str, mtime_ns: int, size: int) -> tuple[int, int, int]:
    """Raises BorgUnsupported, which is not remembered."""
    said = bytearray()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    result = process.run(
        [path, "--version"], env=environment, cwd="/", timeout=SECONDS, on_output=lambda _, data, __: said.extend(data)
    )
    text = said.decode("utf-8", "replace").strip()
    match = re.match(r"borg(?:backup)? (\d+)\.(\d+)(?:\.(\d+))?", text)
    if not result.ok or not match:
        why = result.error or text.rpartition("\n")[2][:200] or f"exit {result.exit_code}"
        raise BorgUnsupported(f"{path} does not answer like borg ({why}): install borg 1.2 or 1.4.")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _supported(path: str, version: tuple[int, int, int]) -> tuple[int, int, int]:
    shown = ".".join(map(str, version))
    if version[0] >= 2:
        raise BorgUnsupported(
            f"{path} is borg {shown}, which is not supported yet: install borg 1.2 or 1.4, or set BORGUI_BORG to one."
        )
    if version < OLDEST:
        raise BorgUnsupported(f"{path} is borg {shown}, which is too old: install borg 1.2 or 1.4.")
    return version
