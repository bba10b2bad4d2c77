"""What goes into the archives of a repository of Borg Web UI, and with which options of borg."""

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from backups.repository_rules import (
    compression_problem,
    markers_problem,
    number,
    patterns_problem,
    quoted,
    remote_path_problem,
    sources_problem,
)

from .reading import Installation
from .rows import Row

IN_CONTAINER = "/local/"  # below it the container of that product shows the folders of the machine
LARGEST = 2**31 - 1


@dataclass
class Contents:
    """Fields of a repository; what is lost on the way, as sentences; whose sources they were, if they are elsewhere."""

    fields: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def of(row: Row, installation: Installation) -> Contents:
    found = Contents()
    found.fields["source_paths"] = _sources(row, installation, found)
    found.fields["exclude_patterns"] = _patterns(row, installation, found)
    _compression(row, found)
    _options(row, found)
    if limit := row.number("upload_ratelimit_kib"):
        found.fields["upload_rate_limit"] = limit if 1 <= limit <= LARGEST else None
    if remote := row.text("remote_path").strip():
        if problem := remote_path_problem(remote):
            found.lost.append(f"What borg is called on the other machine, {quoted(remote)}, is not kept: {problem}")
        else:
            found.fields["remote_path"] = remote
    return found


# --- sources ----------------------------------------------------------------------------------------------------------
def _sources(row: Row, installation: Installation, found: Contents) -> list[str]:
    local, elsewhere = _told_apart(row)
    if not local and not elsewhere and (plan := _only_plan(row, installation)):
        local, elsewhere = _told_apart(plan)
        if local:
            found.warnings.append(f"What it backs up comes from the backup plan '{plan.name}'.")
    for path in elsewhere:
        found.lost.append(
            f"Its source {quoted(path)} is on another machine, which was read over SSHFS there: mount it here."
        )
    paths = []
    for path in dict.fromkeys(map(installation.here, local)):
        if problem := sources_problem([path]):
            found.lost.append(f"Its source is left out: {problem}")
        else:
            paths.append(path)
    _warn_of_sources(paths, row, found)
    return paths


def _told_apart(row: Row) -> tuple[list[str], list[str]]:
    """The paths of this machine, and those of others."""
    groups = row.mappings("source_locations")
    if groups:
        local = [path for group in groups if not _is_elsewhere(group) for path in _paths(group)]
        return local, [path for group in groups if _is_elsewhere(group) for path in _paths(group)]
    paths = row.texts("source_directories")
    if row.has("source_ssh_connection_id") or row.text("source_type") not in ("", "local"):
        return [], paths
    return [path for path in paths if "://" not in path], [path for path in paths if "://" in path]


def _is_elsewhere(group: Mapping[str, Any]) -> bool:
    return bool(group.get("source_ssh_connection_id")) or str(group.get("source_type") or "local") != "local"


def _paths(group: Mapping[str, Any]) -> list[str]:
    found = group.get("paths")
    return [one.strip() for one in found if isinstance(one, str) and one.strip()] if isinstance(found, list) else []


def _only_plan(row: Row, installation: Installation) -> Row | None:
    """The backup plan that backs it up, if there is just one: in newer versions it names the sources."""
    links = [one for one in installation.rows("backup_plan_repositories") if one.number("repository_id") == row.id]
    wanted = {one.number("backup_plan_id") for one in links if one.flag("enabled", True)}
    plans = [plan for plan in installation.rows("backup_plans") if plan.id in wanted]
    return plans[0] if len(plans) == 1 else None


def _warn_of_sources(paths: list[str], row: Row, found: Contents) -> None:
    missing = [path for path in paths if not _is_there(path)]
    if missing:
        shown = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        hint = " Its container showed the machine's folders below /local." if shown.startswith(IN_CONTAINER) else ""
        found.warnings.append(f"Not on this machine: {shown}.{hint} Mount it, or correct it in the settings.")
    if not paths:
        why = "It was only watched there. " if row.text("mode") == "observe" else ""
        found.warnings.append(f"{why}It has no sources: say in its settings what to back up.")


def _is_there(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:
        return False


def _patterns(row: Row, installation: Installation, found: Contents) -> list[str]:
    said = row.texts("exclude_patterns")
    if not row.texts("source_directories") and not said and (plan := _only_plan(row, installation)):
        said = plan.texts("exclude_patterns")
    kept = []
    for pattern in said:
        if problem := patterns_problem([pattern]):
            found.lost.append(f"What is to be left out of its archives, {quoted(pattern)}, is not kept: {problem}")
        else:
            kept.append(pattern)
    return kept


# --- options ----------------------------------------------------------------------------------------------------------
def _compression(row: Row, found: Contents) -> None:
    said = row.text("compression").strip()
    if not said:
        return
    if problem := compression_problem(said):
        found.warnings.append(f"It is compressed with lz4 here: {problem}")
    else:
        found.fields["compression"] = said


def _options(row: Row, found: Contents) -> None:
    """What people wrote for `borg create` by hand, as far as there is a field for it."""
    try:
        words = shlex.split(row.text("custom_flags"))
    except ValueError:
        found.lost.append(
            f"The options of borg that were written by hand cannot be read: {row.text('custom_flags')[:200]}."
        )
        return
    rest = []
    pending = iter(words)
    for word in pending:
        name, _, value = word.partition("=")
        if not _take(name, value, pending, found):
            rest.append(word)
    if rest:
        found.lost.append(
            f"Options of borg that were written by hand, and have no place here: {shlex.join(rest)[:300]}."
        )


SWITCHES = {"--one-file-system": "one_file_system", "-x": "one_file_system", "--exclude-caches": "exclude_caches"}
NUMBERS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "--upload-ratelimit": ("upload_rate_limit", number(1, LARGEST)),
    "--remote-ratelimit": ("upload_rate_limit", number(1, LARGEST)),
    "--lock-wait": ("lock_wait", number(0, 7 * 24 * 3600)),
}
SAID_ANYWAY = ("--stats", "--progress", "--list", "--json", "--verbose", "-v", "-p", "-s")
LISTS = {"--exclude": ("exclude_patterns", patterns_problem), "-e": ("exclude_patterns", patterns_problem)}
MARKERS = "--exclude-if-present"


def _take(name: str, value: str, pending: Iterator[str], found: Contents) -> bool:
    if name in SWITCHES:
        found.fields[SWITCHES[name]] = True
        return True
    if name in SAID_ANYWAY:
        return True
    if name in NUMBERS:
        column, problem = NUMBERS[name]
        given = value or next(pending, "")
        if given.isdecimal() and not problem(int(given)):
            found.fields[column] = int(given)
            return True
    if name in LISTS or name == MARKERS:
        column, refuses = LISTS.get(name, ("exclude_if_present", markers_problem))
        given = value or next(pending, "")
        if given and not refuses([given]):
            found.fields[column] = [*found.fields.get(column, []), given]
            return True
    return False
