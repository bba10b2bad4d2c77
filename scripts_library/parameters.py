"""Declared parameters of a script: names, types, values (behaviour.md, sections 9 and 10). Plain Python.

Values are kept by name, as JSON has them. A secret is kept as `{"secret": "..."}`, so that it stays one whatever a
later block says about its name.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from borgui.encryption import is_sealed

from .errors import Invalid
from .reserved import is_reserved

TYPES = ("text", "secret", "integer", "boolean", "choice", "path")
LONGEST = 32 * 1024  # bytes of UTF-8; the kernel refuses a variable of 128 KiB
SHORTEST_SECRET = 4  # characters; a shorter one cannot be masked in the output
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Declared:
    """One parameter as the block declares it. `default` is None where there is none."""

    name: str
    label: str = ""
    help: str = ""
    type: str = "text"
    required: bool = False
    default: str | int | bool | None = None
    choices: tuple[str, ...] = ()
    must_be_source: bool = False

    @property
    def is_secret(self) -> bool:
        return self.type == "secret"

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "choices": list(self.choices)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Declared":
        """Reads what `to_dict` gave; names that are not known here are left aside."""
        known = {field.name: data[field.name] for field in fields(cls) if field.name in data}
        return cls(**{**known, "choices": tuple(data.get("choices", ()))})


@dataclass(frozen=True)
class Resolved:
    """What a script gets: every declared name, as text. `problems` are sentences; with any the script cannot run."""

    values: dict[str, str]
    secret_names: list[str]
    problems: list[str]


def name_problem(name: str) -> str:
    """Why no parameter may have this name; "" if it may."""
    if not NAME.fullmatch(name):
        return "a name is letters, digits and _ (at most 64), and does not begin with a digit"
    if is_reserved(name):
        return f"the name {name} is reserved"
    return ""


def value_problem(declared: Declared, value: object) -> str:
    """Why `value` does not fit; "" if it does. An empty text fits every type: it says that nothing is set."""
    if isinstance(value, str):
        return _text_problem(value) or _PROBLEM_OF_TEXT[declared.type](declared, value) if value else ""
    if isinstance(value, bool):
        return "" if declared.type == "boolean" else _EXPECTED[declared.type]
    if isinstance(value, int) and declared.type == "integer":
        return _integer_problem(declared, str(value))
    return _EXPECTED[declared.type]


_EXPECTED = {
    "text": "a text is expected",
    "secret": "a text is expected",
    "integer": "a whole number is expected",
    "boolean": "true or false is expected",
    "choice": "one of the choices is expected",
    "path": "an absolute path is expected",
}


def _text_problem(value: str) -> str:
    if "\0" in value:
        return "a NUL character cannot be passed to a script"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "this is not valid text"
    return f"longer than {LONGEST // 1024} KiB" if size > LONGEST else ""


def _integer_problem(declared: Declared, value: str) -> str:
    return "" if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else _EXPECTED["integer"]


def _choice_problem(declared: Declared, value: str) -> str:
    return "" if value in declared.choices else f"expected is one of: {', '.join(declared.choices)}"


def _path_problem(declared: Declared, value: str) -> str:
    return "" if value.startswith("/") and "\n" not in value else _EXPECTED["path"]


def _secret_problem(declared: Declared, value: str) -> str:
    return "" if len(value) >= SHORTEST_SECRET else f"a secret has at least {SHORTEST_SECRET} characters"


_PROBLEM_OF_TEXT = {
    "text": lambda declared, value: "",
    "secret": _secret_problem,
    "integer": _integer_problem,
    "boolean": lambda declared, value: "" if value in ("true", "false") else _EXPECTED["boolean"],
    "choice": _choice_problem,
    "path": _path_problem,
}


def merge(declared: Sequence[Declared], stored: dict[str, Any], given: object) -> dict[str, Any]:
    """`stored` changed by `given`, by name: null removes, an empty secret keeps. Raises Invalid with every reason."""
    if not isinstance(given, Mapping):
        raise Invalid({"parameters": "values by name are expected"})
    by_name = {entry.name: entry for entry in declared}
    merged, errors = dict(stored), {}
    for name, value in given.items():
        problem = _put(merged, by_name.get(name), str(name), value)
        if problem:
            errors[f"parameters.{str(name)[:64]}"] = problem
    if errors:
        raise Invalid(errors)
    return stored if is_sealed(stored) and not merged else merged


def _put(values: dict[str, Any], declared: Declared | None, name: str, value: object) -> str:
    """Change one value in place; returns the problem, "" if there is none."""
    if declared is None and (value is not None or name not in values):
        return "the script declares no such parameter"
    if declared is None or value is None:
        values.pop(name, None)
        return ""
    if _keeps(declared, values.get(name), value):
        return ""
    if value == "" and declared.type != "text":
        values.pop(name, None)
        return ""
    problem = value_problem(declared, value)
    if not problem:
        values[name] = {"secret": value} if declared.is_secret else value
    return problem


def _keeps(declared: Declared, stored: object, value: object) -> bool:
    """An empty secret keeps what is stored, and so does what `shown` gave out, sent back as it was."""
    return value in ("", {"set": True}) and (declared.is_secret or isinstance(stored, Mapping))


def shown(declared: Sequence[Declared], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The stored values of declared parameters as people may see them: a secret as `{"set": True}`."""
    values = {entry.name: stored[entry.name] for entry in declared if entry.name in stored}
    secret = {entry.name for entry in declared if entry.is_secret}
    return {
        name: {"set": True} if name in secret or isinstance(value, Mapping) else value for name, value in values.items()
    }


HIDDEN, ANOTHER = "(secret)", "(another secret)"


def told(
    declared: Sequence[Declared], stored: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The stored values for a record that everybody may keep: of a secret that there is one, and whether `before` had
    the same."""
    if is_sealed(stored):
        return {}
    secret = {entry.name for entry in declared if entry.is_secret}
    found = {}
    for name, value in sorted(stored.items()):
        is_secret = name in secret or isinstance(value, Mapping)
        is_other = before is not None and (is_sealed(before) or before.get(name) != value)
        found[name] = (ANOTHER if is_other else HIDDEN) if is_secret else value
    return found


def resolve(
    declared: Sequence[Declared],
    script_defaults: Mapping[str, Any],
    assignment_values: Mapping[str, Any],
    *,
    source_paths: Iterable[str] | None = None,
) -> Resolved:
    """The value of every declared parameter: the assignment's, else the library entry's, else the block's, else "".

    Where the repository's `source_paths` are given, a parameter with `must_be_source` is checked against them.
    """
    values, secret_names, problems = {}, [], []
    for entry in declared:
        value, problem = _found(entry, assignment_values, script_defaults)
        if entry.is_secret or isinstance(value, Mapping):
            secret_names.append(entry.name)
        values[entry.name] = "" if problem else as_text(value)
        problem = problem or _plan_problem(entry, values[entry.name], tuple(source_paths or ()))
        if problem:
            problems.append(problem)
    return Resolved(values, secret_names, problems)


def _found(entry: Declared, *layers: Mapping[str, Any]) -> tuple[Any, str]:
    """The first value there is, and why it cannot be used."""
    for values in layers:
        if is_sealed(values):
            kind = "secret" if entry.is_secret else "value of"
            return "", f"the {kind} {entry.name} can no longer be decrypted: enter it again"
        value = values.get(entry.name)
        if value is not None and value != "":
            problem = value_problem(entry, value["secret"] if isinstance(value, Mapping) else value)
            return value, f"the value of {entry.name} does not fit: {problem}" if problem else ""
        if value == "" and entry.type == "text":  # emptied on purpose
            return "", ""
    return entry.default, ""


def _plan_problem(entry: Declared, value: str, source_paths: Sequence[str]) -> str:
    if entry.required and not value.strip():
        return f"the required parameter {entry.name} has no value"
    if entry.must_be_source and value and source_paths and not is_inside(value, source_paths):
        return f"{entry.name}: {value} is inside none of the repository's sources, so it would not be backed up"
    return ""


def is_inside(path: str, folders: Iterable[str]) -> bool:
    """Absolute paths, as they are written: links are not followed."""
    path = posixpath.normpath(path)
    return any(posixpath.commonpath([path, folder]) == folder for folder in map(posixpath.normpath, folders))


def as_text(value: object) -> str:
    """A value as it reaches the script: `true` or `false` for booleans, "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value["secret"] if isinstance(value, Mapping) else value)


def references(template: str) -> list[str]:
    """The names in `${NAME}` form, in order, each once."""
    return list(dict.fromkeys(REFERENCE.findall(template)))


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with every `${NAME}` replaced by its value, "" where there is none."""
    return REFERENCE.sub(lambda match: values.get(match[1], ""), template)
