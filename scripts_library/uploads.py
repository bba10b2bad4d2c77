"""Packages that somebody sent and has not decided about yet: files in the cache, each for its sender alone.

They go when they are decided about, when their sender sends many more, or with the days.
"""

import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from .errors import Refused

KEPT_FOR = 24 * 3600  # seconds
MOST_OF_ONE = 5  # packages of one person that wait
NAME = re.compile(r"[0-9a-f]{32}")
GONE = "This package is no longer here: it was decided about, or it waited for more than a day. Send it again."


class Gone(Refused):
    def __init__(self) -> None:
        super().__init__(GONE)


def keep(raw: bytes, user_id: int) -> str:
    """The name under which the sender finds it again."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(folder.glob(f"{user_id}-*"), key=_written_at)[: 1 - MOST_OF_ONE]:
        path.unlink(missing_ok=True)
    name = secrets.token_hex(16)
    path = folder / f"{user_id}-{name}"
    path.touch(mode=0o600)
    path.write_bytes(raw)
    return name


def load(name: str, user_id: int) -> bytes:
    """Raises Gone, also for what somebody else sent."""
    try:
        return _path(name, user_id).read_bytes()
    except FileNotFoundError as error:
        raise Gone from error


def forget(name: str, user_id: int) -> None:
    _path(name, user_id).unlink(missing_ok=True)


def age_out() -> int:
    """Remove what waited too long; how many."""
    old = [path for path in _waiting() if _written_at(path) < time.time() - KEPT_FOR]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _folder() -> Path:
    return Path(settings.CACHE_DIR) / "packages"


def _waiting() -> Iterator[Path]:
    return _folder().glob("*-*")


def _path(name: str, user_id: int) -> Path:
    if not NAME.fullmatch(name):
        raise Gone
    return _folder() / f"{user_id}-{name}"


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
