"""Files that came from outside become scripts, many at a time (behaviour.md, section 11). The files are left as they are.

Rows and first revisions of a batch are one transaction with a fixed number of statements; a file that changes meanwhile
no longer has the stamp that was read, so the next look notices.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.db import IntegrityError, transaction

from borgui.accounts import audit

from . import draft
from .manifest import Manifest
from .models import Script, ScriptContent, ScriptRevision
from .revising import free_paths
from .sight import store
from .store import NotText, Read

LONGEST_NAME = 190  # characters; a number may follow
TRIES = 3


@dataclass(frozen=True)
class Newcomer:
    """A file that is to become a script. A broken block keeps its errors: the file is there all the same."""

    file_path: str
    read: Read
    manifest: Manifest

    @property
    def name(self) -> str:
        """What it would like to be called: by its block, else by its file."""
        wanted = self.manifest.name or PurePosixPath(self.file_path).stem
        plain = "".join(char if char.isprintable() else " " for char in wanted).strip()
        return plain[:LONGEST_NAME] or "script"


def newcomer(file_path: str) -> Newcomer:
    """Raises StoreError for what can be no script."""
    read = store().read(file_path)
    if problem := draft.readable_problem(read.content):
        raise NotText(f"The script file {file_path} {problem}.")
    return Newcomer(file_path, read, draft.check({"content": read.content}, strict=False))


def free_names(wanted: Sequence[str], taken: Collection[str]) -> Iterator[str]:
    """Each wanted name, or with a number where a script has it, or one before it in `wanted`."""
    gone = set(taken)
    for name in wanted:
        free, number = name, 1
        while free in gone:
            number += 1
            free = f"{name} ({number})"
        gone.add(free)
        yield free


def names_taken() -> set[str]:
    return set(Script.objects.kept().values_list("name", flat=True))


def register(newcomers: Sequence[Newcomer], *, user: Any = None) -> list[Script]:
    """The scripts of these files: all of them or, should it fail, none; not those that are scripts already."""
    for _ in range(TRIES - 1):
        with suppress(IntegrityError):  # another process was faster: it has a name or a file
            return _register(newcomers, user)
    return _register(newcomers, user)


@transaction.atomic
def _register(newcomers: Sequence[Newcomer], user: Any) -> list[Script]:
    paths = [one.file_path for one in newcomers]
    known = set(Script.objects.kept().filter(file_path__in=paths).values_list("file_path", flat=True))
    new = [one for one in newcomers if one.file_path not in known]
    free_paths(paths)
    names = free_names([one.name for one in new], names_taken())
    scripts = Script.objects.bulk_create([_row(*pair, user) for pair in zip(new, names, strict=True)])
    contents = {one.read.sha256: ScriptContent(sha256=one.read.sha256, content=one.read.content) for one in new}
    ScriptContent.objects.bulk_create(contents.values(), ignore_conflicts=True)
    ScriptRevision.objects.bulk_create(
        ScriptRevision(script=script, content_id=script.sha256, source=ScriptRevision.Source.DISK, created_by_user=user)
        for script in scripts
    )
    if scripts:
        audit.record(
            "files registered", kind="script", name=f"{len(scripts)} scripts", after={"names": names_of(scripts)}
        )
    return scripts


def names_of(scripts: Sequence[Script]) -> list[str]:
    return [script.name for script in scripts]


def _row(one: Newcomer, name: str, user: Any) -> Script:
    given = {"name": name, "description": None, "timeout": None, "run_on": None}
    return Script(
        **draft.settle(given, Manifest(), one.manifest),
        file_path=one.file_path,
        manifest=one.manifest.to_dict(),
        sha256=one.read.sha256,
        seen_stat=one.read.stamp,
        created_by_user=user,
    )
