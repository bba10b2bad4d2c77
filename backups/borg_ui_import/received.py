"""An installation of Borg Web UI that somebody sent: laid out in the cache as its data folder, for its sender alone.

There are secrets in it. It goes when it was imported, when its sender sends another one, or with the day.
"""

import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from django.conf import settings

from .reading import DATABASE, SECRET, CannotRead

LARGEST = 200 * 1024 * 1024  # bytes of everything together
MOST_SCRIPTS = 1000
KEPT_FOR = 24 * 3600  # seconds
NAME = re.compile(r"[0-9a-f]{32}")
GONE = "What you sent is no longer here: it was imported, or it waited for more than a day. Send it again."


class Sent(Protocol):
    name: str | None

    def chunks(self) -> Iterable[bytes]: ...


def keep(database: Sent, secret: Sent | None, scripts: Iterable[Sent], user_id: int) -> str:
    """The name under which its sender finds it again. Raises CannotRead where it cannot be kept."""
    forget_all(user_id)
    name = secrets.token_hex(16)
    folder = _folder() / f"{user_id}-{name}"
    library = folder / "scripts" / "library"
    try:
        _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        library.mkdir(parents=True)
        _write(database, folder / DATABASE)
        if secret:
            _write(secret, folder / SECRET)
        for script in list(scripts)[:MOST_SCRIPTS]:
            if plain := _plain(script):
                _write(script, library / plain)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CannotRead(f"What you sent cannot be kept: {error.strerror or error}.") from error
    return name


def place(name: str, user_id: int) -> Path:
    """Raises CannotRead, also for what somebody else sent."""
    folder = _folder() / f"{user_id}-{name}"
    if not NAME.fullmatch(name) or not folder.is_dir():
        raise CannotRead(GONE)
    return folder


def forget_all(user_id: int) -> None:
    for folder in _folder().glob(f"{user_id}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def age_out() -> int:
    """Remove what waited too long; how many."""
    old = list(_old())
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _old() -> Iterator[Path]:
    for folder in _folder().glob("*-*"):
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - KEPT_FOR:
                yield folder


def _folder() -> Path:
    return Path(settings.CACHE_DIR) / "imports"


def _plain(sent: Sent) -> str:
    """The last part of its name; "" where that is none of a file."""
    plain = PurePosixPath((sent.name or "").replace("\\", "/")).name
    return "" if plain in ("", ".", "..") or "\0" in plain or len(plain.encode()) > 255 else plain


def _write(sent: Sent, path: Path) -> None:
    path.touch(mode=0o600)
    file: IO[bytes]
    with open(path, "wb") as file:
        for chunk in sent.chunks():
            file.write(chunk)
