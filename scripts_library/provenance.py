"""Where an outside edit came from, when the library folder is a git work tree."""

from pathlib import Path

from django.db import connection

from borgui import process

from .environment import inherited

PATIENCE = 5.0  # seconds


def commit_of(path: Path) -> str:
    """Commit, author and subject of the file's last change; "" where git cannot tell, or the file is not committed.

    Not asked inside a transaction, which must not wait for a process.
    """
    folders = path.resolve().parents
    if connection.in_atomic_block or not any((folder / ".git").exists() for folder in folders):
        return ""
    if _git(path, "status", "--porcelain", "--", path.name) != "":
        return ""
    return (_git(path, "log", "-1", "--format=%h %an: %s", "--", path.name) or "").strip()


def _git(path: Path, *arguments: str) -> str | None:
    """What git printed; None if it failed."""
    printed: list[bytes] = []
    result = process.run(
        ["git", *arguments],
        env={**inherited(), "GIT_OPTIONAL_LOCKS": "0"},
        cwd=path.parent,
        timeout=PATIENCE,
        on_output=lambda stream, data, ms: printed.append(data) if stream == "o" else None,
    )
    return b"".join(printed).decode("utf-8", "replace").replace("\0", "") if result.ok else None
