"""Names of script files: which of a folder's are scripts, and what a new one is called. Plain Python."""

import re
import unicodedata


def is_script(name: str) -> bool:
    return not name.startswith((".", "README")) and not name.endswith(("~", ".swp")) and is_text(name)


def is_text(name: str) -> bool:
    """Whether a row can hold it: Linux takes any bytes for a name, of which Python makes lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def slug(name: str) -> str:
    """A short ASCII name for a file: "Docker: stop" gives "docker-stop"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "script"
