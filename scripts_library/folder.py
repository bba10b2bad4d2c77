"""The library folder as a whole against the rows: what is new, changed, renamed, missing (behaviour.md, section 11)."""

from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction

from . import draft
from .manifest import Manifest
from .models import Script, ScriptRevision
from .revising import add_revision, free_path, is_name_taken, named
from .sight import CHANGED, MISSING, inspect, look, store, unregistered_paths
from .store import Read, StoreError


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
    for script in Script.objects.kept().order_by("name"):
        _compare(script, report, dry_run)
    followed = {entry["file_path"] for entry in report.renamed}
    for file_path in unregistered_paths():
        if file_path not in followed:
            _offer(file_path, report, dry_run, user)
    return report


def _compare(script: Script, report: Report, dry_run: bool) -> None:
    found = inspect(script)
    entry = {"id": script.pk, "name": script.name, "file_path": found.file_path}
    if found.state == MISSING:
        report.missing.append(entry)
    elif found.read is None:
        report.unreadable.append({**entry, "problem": found.problem})
    elif found.file_path != script.file_path:
        report.renamed.append({**entry, "was": script.file_path})
    elif found.state == CHANGED:
        report.changed.append(entry)
    if not dry_run:
        look(script)


def _offer(file_path: str, report: Report, dry_run: bool, user: Any) -> None:
    try:
        read = store().read(file_path)
    except StoreError as error:
        report.unreadable.append({"file_path": file_path, "problem": str(error)})
        return
    if problem := draft.readable_problem(read.content):
        report.unreadable.append({"file_path": file_path, "problem": problem})
        return
    manifest = draft.check({"content": read.content}, strict=False)
    name = free_name(manifest.name or PurePosixPath(file_path).stem)
    report.new.append({"file_path": file_path, "name": name})
    if not dry_run:
        script = register(file_path, read, manifest, name, user=user)
        report.registered.append({"id": script.pk, "name": script.name, "file_path": file_path})


def register(file_path: str, read: Read, manifest: Manifest, name: str, *, user: Any = None) -> Script:
    """The row of a file that came from outside; the file is left as it is. Raises NameTaken."""
    given = {"name": name, "description": None, "timeout": None, "run_on": None}
    script = Script(
        **draft.settle(given, Manifest(), manifest),
        file_path=file_path,
        manifest=manifest.to_dict(),
        sha256=read.sha256,
        seen_stat=read.stamp,
        created_by_user=user,
    )
    with transaction.atomic():
        free_path(file_path)
        with named(name):
            script.save(force_insert=True)
        add_revision(script, read.content, source=ScriptRevision.Source.DISK, user=user)
    return script


def free_name(wanted: str) -> str:
    """`wanted`, or with a number where a script has that name."""
    wanted = "".join(char if char.isprintable() else " " for char in wanted).strip()[:190] or "script"
    name, number = wanted, 1
    while is_name_taken(name):
        number += 1
        name = f"{wanted} ({number})"
    return name
