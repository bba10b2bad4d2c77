"""A package of scripts: a .tar.gz with their texts and a list that says what each is. Plain Python.

    borgui-scripts.json   {"format": 1, "scripts": [{"file", "name", "description", "timeout", "run_on", "parameters"}]}
    scripts/stop-docker.sh

The texts are there byte for byte. Secrets never are: what a person typed as one stays where it was typed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import manifest as manifests
from . import parameters
from .errors import Invalid
from .file_names import slug
from .interpreter import file_ending
from .manifest import Manifest
from .store import LARGEST
from .tarball import BadPackage, pack, unpack

FORMAT = 1
LIST, FOLDER = "borgui-scripts.json", "scripts"
MOST_SCRIPTS = 1000
LARGEST_LIST = 8 * 1024 * 1024  # bytes
KNOWN = ("file", "name", "description", "timeout", "run_on", "parameters")


@dataclass(frozen=True)
class Packed:
    """One script in a package. `parameters`: default values by name, none of them secret."""

    name: str
    content: str
    description: str = ""
    timeout: int = 300  # seconds
    run_on: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def manifest(self) -> Manifest:
        """What its text declares; with errors where the block is not valid."""
        return manifests.parse(self.content)


# --- writing ----------------------------------------------------------------------------------------------------------
def write(scripts: Iterable[Packed]) -> bytes:
    """The same scripts give the same bytes, in whatever order they come. Raises BadPackage for none or too many."""
    chosen = sorted(scripts, key=lambda one: one.name)
    if not chosen:
        raise BadPackage("No script was chosen.")
    if len(chosen) > MOST_SCRIPTS:
        raise BadPackage(f"A package holds at most {MOST_SCRIPTS:,} scripts; these are {len(chosen):,}.")
    files = dict(zip(_paths(chosen), chosen, strict=True))
    entries = [_entry(path, one) for path, one in files.items()]
    listed = json.dumps({"format": FORMAT, "scripts": entries}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return pack({LIST: listed.encode(), **{path: one.content.encode() for path, one in files.items()}})


def _paths(scripts: Sequence[Packed]) -> Iterator[str]:
    taken = set()
    for one in scripts:
        stem, ending, number = slug(one.name), file_ending(one.content), 1
        path = f"{FOLDER}/{stem}{ending}"
        while path in taken:
            number += 1
            path = f"{FOLDER}/{stem}-{number}{ending}"
        taken.add(path)
        yield path


def _entry(path: str, one: Packed) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in KNOWN if name not in ("file", "parameters")}
    return {"file": path, **plain, "parameters": dict(one.parameters)}


def open_values(content: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Of the stored default values those that may leave: declared by this text, fitting, and never a secret."""
    return {
        entry.name: stored[entry.name]
        for entry in manifests.parse(content).parameters
        if entry.name in stored
        and not entry.is_secret
        and not isinstance(stored[entry.name], Mapping)
        and not parameters.value_problem(entry, stored[entry.name])
    }


# --- reading ----------------------------------------------------------------------------------------------------------
def read(packed: bytes) -> list[Packed]:
    """The scripts in the order of the list. Raises BadPackage with one sentence; then nothing of it is usable."""
    files = unpack(packed, {LIST: LARGEST_LIST}, LARGEST)
    if LIST not in files:
        raise BadPackage(f"There is no {LIST} in it: this is no package of scripts.")
    entries = _entries(files.pop(LIST))
    scripts = [_script(entry, number, files) for number, entry in enumerate(entries, 1)]
    if files:
        raise BadPackage(f"It holds {next(iter(files))!r}, which its list does not name.")
    _refuse_twins(scripts)
    return scripts


def _entries(raw: bytes) -> list[Any]:
    try:
        listed = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise BadPackage(f"{LIST} in it is not valid JSON.") from error
    number = listed.get("format") if isinstance(listed, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise BadPackage(f"{LIST} in it does not say which format it has.")
    if number > FORMAT:
        raise BadPackage(f"It was written by a newer borgui: its format is {number}, this one reads {FORMAT}.")
    entries = listed.get("scripts")
    if not isinstance(entries, list) or not entries:
        raise BadPackage(f"{LIST} in it names no scripts.")
    if len(entries) > MOST_SCRIPTS:
        raise BadPackage(f"A package holds at most {MOST_SCRIPTS:,} scripts; this names {len(entries):,}.")
    return entries


def _script(entry: Any, number: int, files: dict[str, bytes]) -> Packed:
    """Takes its text out of `files`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        raise BadPackage(f"Script {number} of its list names no file.")
    path = entry["file"]
    if unknown := [name for name in entry if name not in KNOWN]:
        raise BadPackage(f"The list says {unknown[0][:64]!r} about {path[:80]!r}, which nobody here knows.")
    if path not in files:
        raise BadPackage(f"The text {path[:80]!r}, which its list names, is not in it.")
    given = {name: entry[name] for name in KNOWN if name in entry and name != "file"}
    try:
        return _checked({**given, "content": _text(files.pop(path), path)})
    except Invalid as error:
        raise BadPackage(f"What the list says about {path!r} does not fit. {error}.") from error


def _text(raw: bytes, path: str) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadPackage(f"{path!r} is not text in UTF-8 (byte {error.start}).") from error
    if "\0" in text:
        raise BadPackage(f"{path!r} is not text: it holds NUL characters.")
    if not text.strip("\ufeff \t\r\n"):
        raise BadPackage(f"{path!r} is empty.")
    return text


def _checked(given: dict[str, Any]) -> Packed:
    """Raises Invalid."""
    problems = {name: check(given[name]) for name, check in CHECKS.items() if given.get(name) is not None}
    if given.get("name") is None:
        problems["name"] = "is missing"
    if errors := {name: problem for name, problem in problems.items() if problem}:
        raise Invalid(errors)
    given = {name: value for name, value in given.items() if value is not None}
    found = Packed(**{**given, "name": given["name"].strip()})
    _refuse_values(found)
    return found


CHECKS = {
    "name": manifests.name_problem,
    "description": manifests.description_problem,
    "timeout": manifests.timeout_problem,
    "run_on": manifests.run_on_problem,
}


def _refuse_values(found: Packed) -> None:
    """Raises Invalid for values that its text does not declare, that do not fit, or that would be secrets."""
    declared = found.manifest.parameters
    parameters.merge(declared, {}, found.parameters)
    if secret := [entry.name for entry in declared if entry.is_secret and entry.name in found.parameters]:
        raise Invalid({f"parameters.{secret[0]}": "a secret does not belong into a package"})


def _refuse_twins(scripts: Sequence[Packed]) -> None:
    seen: set[str] = set()
    for one in scripts:
        if one.name in seen:
            raise BadPackage(f"Two scripts in it are named {one.name!r}.")
        seen.add(one.name)
