"""Bringing in what was planned: all rows in one transaction, and the files with them.

A list of the files that may be made is written first. Whoever comes next, here or after a crash, removes those that no
row knows: a process that was killed leaves nothing half.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from backups import schedules, ssh
from backups.models import ImportedRow, ScheduledJob
from backups.repositories import adopt
from scripts_library import assignments, library
from scripts_library.errors import Invalid, ReadOnly, Refused
from scripts_library.models import Script, ScriptRevision
from scripts_library.store import FOLDER, StoreError, digest

from . import planned, planning
from .planned import Plan
from .reading import Installation

Kind = ImportedRow.Kind


class NotImported(Exception):
    """Nothing has changed; the text says why."""


class Changed(NotImported):
    """The other database is not what somebody has looked at."""


def run(
    installation: Installation, passphrases: Mapping[int, str] | None = None, user: Any = None, seen: str = ""
) -> Plan:
    """Import everything that can come along, and say what that was. `seen`: the `sha256` of what a person has looked at.

    Raises NotImported.
    """
    if seen and seen != installation.sha256:
        raise Changed("The database has changed since you looked: this is what it says now.")
    with _alone():
        _undo_unfinished()
        plan = planning.of(installation, passphrases)
        if plan.new_scripts and settings.SCRIPTS_READONLY:
            raise NotImported(str(ReadOnly()))
        _do(plan, user)
    return plan


def _do(plan: Plan, user: Any) -> None:
    _write_list(plan)
    try:
        with transaction.atomic():
            _rows(plan, user)
    except (StoreError, OSError, Invalid, Refused) as problem:
        raise NotImported(f"Nothing was imported: {problem}") from problem
    finally:
        _undo_unfinished()


def _rows(plan: Plan, user: Any) -> None:
    scripts = {script.origin: _script(script, user) for script in plan.scripts}
    repositories = {one.origin: _repository(one, scripts) for one in plan.repositories}
    for schedule in plan.new_schedules:
        _schedule(schedule, repositories)
    for key in plan.new_keys:
        ssh.import_key(key.text)
        _remember(key.origin, Kind.KEY, None)


def _script(planned_one: planned.Script, user: Any) -> Script:
    if planned_one.here is not None:
        return Script.objects.get(pk=planned_one.here)
    script = library.create(
        planned_one.name,
        planned_one.content,
        source=ScriptRevision.Source.IMPORT,
        description=planned_one.description,
        timeout=planned_one.timeout,
        run_on=planned_one.run_on,
        parameters=planned_one.defaults,
        user=user,
    )
    _remember(planned_one.origin, Kind.SCRIPT, script.pk)
    return script


def _repository(planned_one: planned.Repository, scripts: Mapping[str, Script]) -> int:
    if planned_one.here is not None:
        return planned_one.here
    repository = adopt(planned_one.fields)
    _remember(planned_one.origin, Kind.REPOSITORY, repository.pk)
    for one in planned_one.assignments:
        entry = assignments.assign(
            repository.pk,
            scripts[one.script.origin],
            one.hook,
            enabled=one.enabled,
            custom_timeout=one.custom_timeout,
            custom_run_on=one.custom_run_on,
            on_failure=one.on_failure,
            parameters=one.parameters,
        )
        _remember(one.origin, Kind.ASSIGNMENT, entry.pk)
    return repository.pk


def _schedule(planned_one: planned.Schedule, repositories: Mapping[str, int]) -> ScheduledJob:
    members = list(dict.fromkeys(repositories[one.origin] for one in planned_one.repositories))
    schedule = schedules.create({**planned_one.fields, "repositories": members})
    _remember(planned_one.origin, Kind.SCHEDULE, schedule.pk)
    return schedule


def _remember(origin: str, kind: str, here: int | None) -> None:
    """What was here and has been deleted since may come again."""
    ImportedRow.objects.update_or_create(origin=origin, defaults={"kind": kind, "here_id": here})


# --- files, all or nothing --------------------------------------------------------------------------------------------
def _list() -> Path:
    return settings.DATA_DIR / "import.json"


@contextmanager
def _alone() -> Iterator[None]:
    with open(settings.DATA_DIR / ".import.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def undo_unfinished() -> None:
    """Remove the files of an import that was killed. Cheap where there was none; one that runs is left alone."""
    if not _list().exists():
        return
    with open(settings.DATA_DIR / ".import.lock", "w", encoding="utf-8") as lock, suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _undo_unfinished()


def _write_list(plan: Plan) -> None:
    found = {
        "there": sorted(_files()),
        "scripts": [digest(script.content) for script in plan.new_scripts],
        "keys": {ssh.imported_key_file(key.text).name: key.origin for key in plan.new_keys},
    }
    draft = _list().with_suffix(".new")
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(found, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_list())


def _files() -> set[str]:
    with suppress(StoreError):
        return set(library.store().candidates())
    return set()


def _undo_unfinished() -> None:
    """Those of the listed files that no row knows; after an import that came to its end there are none."""
    try:
        found = json.loads(_list().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return
    new = _files() - set(found["there"]) - set(Script.objects.values_list("file_path", flat=True))
    for file_path in new:
        with suppress(StoreError):
            if library.store().read(file_path).sha256 in found["scripts"]:
                (settings.LIBRARY_DIR / file_path.removeprefix(f"{FOLDER}/")).unlink(missing_ok=True)
    known = set(ImportedRow.objects.filter(kind=Kind.KEY).values_list("origin", flat=True))
    for name, origin in found["keys"].items():
        if origin not in known:
            (ssh.folder() / name).unlink(missing_ok=True)
    _list().unlink(missing_ok=True)
