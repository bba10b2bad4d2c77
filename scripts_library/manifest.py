"""The TOML block in a script file, in which the script declares itself (behaviour.md, section 10). Plain Python.

    # /// borgui
    # name = "Docker containers: stop and start"
    # ///

The form is that of PEP 723: comment lines that begin with `#`, each `#` followed by a space or by nothing.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from . import parameters
from .parameters import Declared

HOOKS = ("pre-backup", "post-backup")
RUN_ON = ("success", "warning", "completed", "failure", "always")
LONGEST_TIMEOUT = 24 * 3600  # seconds
LONGEST_BLOCK = 128 * 1024  # characters
MOST_DOTS = 100  # in a line: time and memory to read a.b.c grow with the square of its parts
BEGIN, END = "# /// borgui", "# ///"
NO_TOML = "the block is not valid TOML"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Manifest:
    """What the block says; None or empty where it says nothing. With `errors` nothing of the block is in force."""

    name: str | None = None
    description: str | None = None
    version: str | None = None
    hooks: tuple[str, ...] = ()
    run_on: str | None = None
    timeout: int | None = None  # seconds
    interrupts: str = ""
    rerun: bool = True
    parameters: tuple[Declared, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As the row of the script keeps it."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: list(value) for name, value in plain.items() if isinstance(value, tuple)}
        return {**plain, **lists, "parameters": [entry.to_dict() for entry in self.parameters]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Manifest":
        """Reads what `to_dict` gave; names that are not known here are left aside."""
        known = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        tuples = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        declared = tuple(Declared.from_dict(entry) for entry in data.get("parameters", ()))
        return cls(**{**known, **tuples, "parameters": declared})

    def kept_with(self, errors: tuple[str, ...]) -> "Manifest":
        """These settings, and what is wrong with the newer block that did not replace them."""
        return replace(self, errors=errors)


class Broken(Exception):
    """One sentence about a block that cannot be read at all."""


def parse(content: str) -> Manifest:
    """The manifest of a script's text; an empty one where there is no block. What is wrong is listed, never raised."""
    try:
        first_line, toml = _find(content.lstrip("\ufeff").split("\n"))
        return _read(_load(toml, first_line))
    except Broken as error:
        return Manifest(errors=(str(error),))


def _find(lines: list[str]) -> tuple[int, str]:
    """The number of the block's first line of TOML, and the TOML. Raises Broken."""
    lines = [line.rstrip("\r") for line in lines]
    begins = [number for number, line in enumerate(lines) if line.rstrip() == BEGIN]
    if not begins:
        return 0, ""
    if len(begins) > 1:
        raise Broken(f"line {begins[1] + 1}: a second block begins; a script has one")
    inside: list[str] = []
    for number, line in enumerate(lines[begins[0] + 1 :], begins[0] + 2):
        if line.rstrip() == END:
            return begins[0] + 2, "\n".join(inside)
        if line != "#" and not line.startswith("# "):
            raise Broken(
                f"line {number}: the block that begins in line {begins[0] + 1} is not closed by '{END}' before, "
                "or this line of it does not begin with '# '"
            )
        inside.append(line[2:])
    raise Broken(f"line {begins[0] + 1}: the block that begins here is not closed by '{END}'")


def _load(toml: str, first_line: int) -> dict[str, Any]:
    """Raises Broken, with the line of the file."""
    if len(toml) > LONGEST_BLOCK:
        raise Broken(f"line {first_line}: the block that begins here is longer than {LONGEST_BLOCK // 1024} KiB")
    for number, line in enumerate(toml.split("\n"), first_line):
        if line.count(".") > MOST_DOTS:
            raise Broken(f"line {number}: a line of the block holds more than {MOST_DOTS} dots")
    try:
        return tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        message = re.sub(r"\bline (\d+)", lambda match: f"line {int(match[1]) + first_line - 1}", str(error))
        raise Broken(f"{NO_TOML}: {message}") from error
    except (ValueError, RecursionError) as error:  # an impossible date, a million brackets
        raise Broken(f"{NO_TOML}: {error}") from error


class _Reader:
    """Takes fields out of one table; what does not fit becomes an error, what is not known a warning."""

    def __init__(self, table: Mapping[str, Any], where: str = "") -> None:
        self.table = dict(table)
        self.where = where
        self.errors: list[str] = []

    def take(self, name: str, problem: Callable[[Any], str], default: Any = None) -> Any:
        if name not in self.table:
            return default
        value = self.table.pop(name)
        if message := problem(value):
            self.fail(name, message)
            return default
        return value

    def fail(self, name: str, message: str) -> None:
        self.errors.append(f"{self.where}{name}: {message}")

    def unknown(self) -> list[str]:
        return [f"{self.where}{name[:64]}: not known, ignored" for name in self.table]


def _text(longest: int, lines: bool = False, empty: bool = True) -> Callable[[Any], str]:
    def problem(value: Any) -> str:
        if not isinstance(value, str):
            return "a text is expected"
        if any("\ud800" <= char <= "\udfff" for char in value):
            return "is not valid Unicode text"
        if not empty and not value.strip():
            return "is empty"
        if len(value) > longest:
            return f"longer than {longest} characters"
        if CONTROL.search(re.sub(r"[\r\n\t]", "", value) if lines else value):
            return "holds control characters" if lines else "is one line, without control characters"
        return ""

    return problem


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    return lambda value: "" if value in choices else f"one of {', '.join(choices)} is expected"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false is expected"


def timeout_problem(value: Any) -> str:
    """Why this is no time limit in seconds; "" if it is one."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_TIMEOUT
    return "" if fits else f"whole seconds from 1 to {LONGEST_TIMEOUT} are expected"


run_on_problem = _one_of(RUN_ON)
name_problem = _text(200, empty=False)
description_problem = _text(5000, lines=True)


def _hooks(value: Any) -> str:
    fits = (
        isinstance(value, list) and value and all(entry in HOOKS for entry in value) and len(set(value)) == len(value)
    )
    return "" if fits else f"a list of {' and '.join(HOOKS)} is expected"


def _choices(value: Any) -> str:
    fits = isinstance(value, list) and value and all(isinstance(entry, str) and entry for entry in value)
    return "" if fits else "a list of texts is expected"


def _tables(value: Any) -> str:
    fits = isinstance(value, list) and all(isinstance(entry, dict) for entry in value)
    return "" if fits else "[[parameters]] tables are expected"


def _read(table: dict[str, Any]) -> Manifest:
    reader = _Reader(table)
    name = reader.take("name", name_problem)
    manifest = Manifest(
        name=name and name.strip(),
        description=reader.take("description", description_problem),
        version=reader.take("version", _text(20)),
        hooks=tuple(reader.take("hooks", _hooks, [])),
        run_on=reader.take("run_on", run_on_problem),
        timeout=reader.take("timeout", timeout_problem),
        interrupts=reader.take("interrupts", _text(500), ""),
        rerun=reader.take("rerun", _boolean, True),
    )
    declared, errors, warnings = _parameters(reader.take("parameters", _tables, []))
    if not errors:
        _check_interrupts(reader, manifest.interrupts, declared)
    errors = reader.errors + errors
    warnings = reader.unknown() + warnings
    if errors:
        return Manifest(errors=tuple(errors), warnings=tuple(warnings))
    return replace(manifest, parameters=tuple(declared), warnings=tuple(warnings))


def _check_interrupts(reader: _Reader, interrupts: str, declared: list[Declared]) -> None:
    by_name = {entry.name: entry for entry in declared}
    for name in parameters.references(interrupts):
        if name not in by_name:
            reader.fail("interrupts", f"names ${{{name}}}, which is no parameter of this script")
        elif by_name[name].is_secret:
            reader.fail("interrupts", f"names ${{{name}}}, which is a secret; what is interrupted is shown to people")


def _parameters(tables: list[dict[str, Any]]) -> tuple[list[Declared], list[str], list[str]]:
    """The declared parameters, errors and warnings."""
    declared: list[Declared] = []
    errors: list[str] = []
    warnings: list[str] = []
    for number, table in enumerate(tables, 1):
        reader = _Reader(table, f"parameters.{_label(table, number)}.")
        entry = _parameter(reader)
        if entry.name in [other.name for other in declared]:
            reader.fail("name", "declared twice")
        declared.append(entry)
        errors += reader.errors
        warnings += reader.unknown()
    return declared, errors, warnings


def _label(table: dict[str, Any], number: int) -> str:
    name = table.get("name")
    return name if isinstance(name, str) and parameters.NAME.fullmatch(name) else str(number)


def _parameter(reader: _Reader) -> Declared:
    if "name" not in reader.table:
        reader.fail("name", "is missing")
    entry = Declared(
        name=reader.take("name", _parameter_name, ""),
        label=reader.take("label", _text(100), ""),
        help=reader.take("help", _text(1000, lines=True), ""),
        type=reader.take("type", _one_of(parameters.TYPES), "text"),
        required=reader.take("required", _boolean, False),
        choices=tuple(reader.take("choices", _choices, [])),
        must_be_source=reader.take("must_be_source", _boolean, False),
    )
    _check_together(reader, entry)
    return replace(entry, default=reader.take("default", lambda value: _default(entry, value)))


def _parameter_name(value: Any) -> str:
    return parameters.name_problem(value) if isinstance(value, str) else "a text is expected"


def _check_together(reader: _Reader, entry: Declared) -> None:
    if (entry.type == "choice") != bool(entry.choices):
        reader.fail("choices", "are what the type choice has, and no other")
    if entry.must_be_source and entry.type != "path":
        reader.fail("must_be_source", "only a path can be inside a source")


def _default(entry: Declared, value: Any) -> str:
    if entry.is_secret:
        return "a secret has no default in the file, where everybody reads it"
    return parameters.value_problem(entry, value)
