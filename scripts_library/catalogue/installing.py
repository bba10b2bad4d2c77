"""Shipped templates as files in the data directory, for people who look there. Plain Python.

They are read-only, and written anew where somebody changed them: who wants to change one makes a script from it.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts_library.store import digest

from .reading import load

RECORD = ".installed"  # JSON: what was installed, by name, with its hash
MODES = {".sh": 0o555, ".toml": 0o444}


class NotInstalled(Exception):
    """One sentence; what could be written is there."""


@dataclass
class Installed:
    """What became of each file, by name. `kept`: somebody else's files under the name of one that went."""

    new: list[str] = field(default_factory=list)
    upgraded: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def install(source: Path, target: Path) -> Installed:
    """Bring `target` up to the templates of `source`; a file that is right is not touched.

    A file that is shipped no longer goes, unless it is not the one that was installed. Raises NotInstalled, and
    BrokenTemplate.
    """
    load(source)
    shipped = {path.name: path.read_bytes() for path in sorted(source.iterdir()) if path.suffix in MODES}
    done = Installed()
    with _said(target):
        target.mkdir(mode=0o755, parents=True, exist_ok=True)
        before = _record(target)
        for name, raw in shipped.items():
            _put(target / name, raw, done)
        for name in sorted(before.keys() - shipped.keys()):
            _take_away(target / name, before[name], done)
        record = {name: digest(raw.decode()) for name, raw in shipped.items()}
        if record != before:
            _write(target / RECORD, json.dumps(record, indent=1).encode(), 0o644)
    return done


@contextmanager
def _said(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = error.filename or target
        raise NotInstalled(f"The templates cannot be written: {name}: {error.strerror or error}.") from error


def _record(target: Path) -> dict[str, str]:
    """Names outside the folder are nobody's of ours; a record that cannot be read counts as none."""
    try:
        found = json.loads((target / RECORD).read_text(encoding="utf-8"))
        return {name: str(sha256) for name, sha256 in found.items() if Path(name).name == name}
    except (FileNotFoundError, ValueError, AttributeError):
        return {}


def _put(path: Path, raw: bytes, done: Installed) -> None:
    mode = MODES[path.suffix]
    is_file = path.is_file() and not path.is_symlink()
    if is_file and path.read_bytes() == raw:
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
        done.same.append(path.name)
        return
    (done.upgraded if is_file else done.new).append(path.name)
    _write(path, raw, mode)


def _take_away(path: Path, sha256: str, done: Installed) -> None:
    if not path.is_file():
        return
    if path.is_symlink() or digest(path.read_bytes().decode(errors="replace")) != sha256:
        done.kept.append(path.name)
        return
    path.unlink()
    done.removed.append(path.name)


def _write(path: Path, raw: bytes, mode: int) -> None:
    """Whole or not at all; two processes may do this at once."""
    draft = path.with_name(f".{secrets.token_hex(8)}.new")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
