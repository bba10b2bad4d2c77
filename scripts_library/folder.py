"""The library folder as a whole against the rows: what is new, changed, renamed, missing (behaviour.md, section 11).

Thousands of files are an ordinary folder: one that nobody touched costs a `stat`, new ones are registered a batch at a
time. A process that is killed leaves whole batches behind, and no file changed.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, TypeVar

from .file_names import is_text
from .models import Script
from .registering import Newcomer, free_names, names_taken, newcomer, register
from .sight import (
    CHANGED,
    MISSING,
    Found,
    inspect,
    is_as_seen,
    record,
    record_stamps,
    spare_files,
    store,
    unregistered_paths,
)
from .store import FOLDER, StoreError

BATCH = 200  # files, whose texts are in memory at the same time
Item = TypeVar("Item")


@dataclass
class Report:
    """Each entry is what a person needs to find the file: its path, its script's id and name, or what is wrong."""

    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    renamed: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, Any]] = field(default_factory=list)
    unreadable: list[dict[str, Any]] = field(default_factory=list)
    registered: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        return asdict(self)


def sync(*, dry_run: bool = False, user: Any = None) -> Report:
    """Compare folder and rows, record outside edits and renames, register new files. Raises StoreError for the folder.

    With `dry_run` nothing is changed.
    """
    report = Report()
    spare = _spare_files_once()
    for batch in batches(Script.objects.kept().order_by("name")):
        found = [(script, inspect(script, spare)) for script in batch if not is_as_seen(script)]
        for script, one in found:
            _tell(script, one, report)
        if not dry_run:
            _record(found)
    _register_new(report, dry_run, user)
    _tell_misnamed(report)
    return report


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch


def catch_up(scripts: Sequence[Script]) -> None:
    """Record what is on disk for these, as `sync` does for all."""
    spare = _spare_files_once()
    _record([(script, inspect(script, spare)) for script in scripts])


# --- the scripts that there are ---------------------------------------------------------------------------------------
def _spare_files_once() -> Callable[[str], str | None]:
    """Where a file with this content lies that is no script yet. Read when first asked; each file is given once."""
    files: dict[str, str] | None = None

    def take(sha256: str) -> str | None:
        nonlocal files
        files = spare_files() if files is None else files
        return files.pop(sha256, None)

    return take


def _tell(script: Script, found: Found, report: Report) -> None:
    entry = {"id": script.pk, "name": script.name, "file_path": found.file_path}
    if found.state == MISSING:
        report.missing.append(entry)
    elif found.read is None:
        report.unreadable.append({**entry, "problem": found.problem})
    elif found.file_path != script.file_path:
        report.renamed.append({**entry, "was": script.file_path})
    elif found.state == CHANGED:
        report.changed.append(entry)


def _record(found: Sequence[tuple[Script, Found]]) -> None:
    """What changed one by one, each under its own lock; the marks of what is the same in one go."""
    unmarked = []
    for script, one in found:
        if one.read is None:
            continue
        if (script.sha256, script.file_path) != (one.read.sha256, one.file_path):
            record(script, one.file_path)
        elif script.seen_stat != one.read.stamp:
            unmarked.append((script, one.read))
    if unmarked:
        record_stamps(unmarked)


# --- the files that are no scripts yet --------------------------------------------------------------------------------
def _register_new(report: Report, dry_run: bool, user: Any) -> None:
    followed = {entry["file_path"] for entry in report.renamed}
    taken = names_taken()
    for paths in batches(path for path in unregistered_paths() if path not in followed):
        newcomers = list(_read(paths, report))
        if dry_run:
            _propose(newcomers, taken, report)
            continue
        for script in register(newcomers, user=user):
            report.new.append({"file_path": script.file_path, "name": script.name})
            report.registered.append({"id": script.pk, "name": script.name, "file_path": script.file_path})


def _read(paths: Sequence[str], report: Report) -> Iterator[Newcomer]:
    for file_path in paths:
        try:
            yield newcomer(file_path)
        except StoreError as error:
            report.unreadable.append({"file_path": file_path, "problem": str(error)})


def _tell_misnamed(report: Report) -> None:
    for name in os.listdir(store().folder) if store().folder.is_dir() else []:
        if not is_text(name):
            shown = f"{FOLDER}/{os.fsencode(name).decode('utf-8', 'backslashreplace')}"
            report.unreadable.append({"file_path": shown, "problem": "Its name is not UTF-8: rename it."})


def _propose(newcomers: Sequence[Newcomer], taken: set[str], report: Report) -> None:
    names = list(free_names([one.name for one in newcomers], taken))
    taken.update(names)
    report.new += [{"file_path": one.file_path, "name": name} for one, name in zip(newcomers, names, strict=True)]
