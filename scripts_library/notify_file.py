"""What a script wrote into NOTIFY_FILE: a title line and a text (behaviour.md, section 9). Plain Python."""

import os
import stat
from pathlib import Path

from borgui.masking import Masker

LONGEST = 16384  # bytes
LONGEST_TITLE = 250  # characters


def read(path: Path, masker: Masker) -> tuple[str, str]:
    """Title and text, secrets masked; the title is empty where there is nothing to tell."""
    written = _first_bytes(path, LONGEST + masker.longest)  # a secret cut in two would be recognised by its half
    text = masker.text(written.decode("utf-8", "replace").replace("\0", ""))
    title, _, body = text.encode()[:LONGEST].decode("utf-8", "ignore").strip().partition("\n")
    return title.strip()[:LONGEST_TITLE], body.strip()


def _first_bytes(path: Path, limit: int) -> bytes:
    """None where there is no ordinary file: a FIFO would be waited for, and a link may lead anywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, limit) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(descriptor)
