"""Which archives are a repository's own: those whose names its template makes, and no others.

Several machines may keep their archives in one borg repository. `web-` begins the names of `web-2` as well, so a prefix
is not enough: the time is spelled out digit by digit. What was made under an earlier name or template is not its own.
"""

import re

from .models import Repository

_DIGITS = "0-9", "0-1", "0-3", "0-2", "0-5", "0-6"
_DIGIT, _MONTH, _DAY, _HOUR, _MINUTE, _SECOND = (f"[{digits}]" for digits in _DIGITS)
NOW = f"{_DIGIT * 4}-{_MONTH}{_DIGIT}-{_DAY}{_DIGIT}T{_HOUR}{_DIGIT}:{_MINUTE}{_DIGIT}:{_SECOND}{_DIGIT}"
_SPECIAL = {"*": "[*]", "?": "[?]", "[": "[/[]"}  # no name has a slash; Python warns of a set that begins with '['
_CHECKPOINT = r"(\.checkpoint(\.\d+)?)?"  # borg counts what an interrupted backup left to its archive


def glob(repository: Repository) -> str:
    """As borg's --glob-archives reads it ("borg help patterns", shell style)."""
    return NOW.join("".join(_SPECIAL.get(letter, letter) for letter in text) for text in _texts(repository))


def is_own(repository: Repository, archive: str) -> bool:
    """Our own reading of the same rule, to be held against what borg made of the pattern."""
    return bool(re.fullmatch(NOW.join(map(re.escape, _texts(repository))) + _CHECKPOINT, archive))


def _texts(repository: Repository) -> list[str]:
    """What stands before, between and after the times; filled in as `Repository.archive_name` does it."""
    filled = repository.archive_name_template.replace("{name}", repository.name.replace("/", "-"))
    return filled.split("{now}")
