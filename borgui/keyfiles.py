"""Key files in the data directory: made once, mode 0600, never half-written, never replaced."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path, content: str | None = None) -> str:
    """The text of the file at `path`; where there is none it is made with `content` (default: 50 random bytes).

    Two processes that start at once get the same text: the file is written under another name and linked, and the
    second link fails. Raises OSError if the directory cannot be written.
    """
    try:
        return read(path)
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write((content or secrets.token_urlsafe(50)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
    finally:
        os.unlink(draft)
    return read(path)


def read(path: Path) -> str:
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise FileNotFoundError(f"{path} is empty")
    return text
