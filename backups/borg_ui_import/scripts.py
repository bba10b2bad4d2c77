"""Library scripts and inline texts of Borg Web UI as scripts of our library."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backups import inline_migration
from scripts_library import declaring, draft, manifest, mentions, parameters
from scripts_library.errors import Invalid
from scripts_library.manifest import Manifest
from scripts_library.models import RunOn, Script
from scripts_library.parameters import Declared
from scripts_library.store import LARGEST

from . import notices, planned
from .known import Known, plain
from .planned import Plan
from .reading import Installation
from .rows import Row
from .unsealing import Sealed, opened

LONGEST_NAME = 200
DAY = 24 * 3600
SYSTEM = "BORG_UI_"


class LeaveOut(Exception):
    """Why a row cannot come along."""


@dataclass
class Scripts:
    """What became of the scripts: by their number there the script, or why it was left out."""

    found: dict[int, planned.Script]
    reasons: dict[int, str]
    names: dict[int, str]  # as they are called there


def of(installation: Installation, plan: Plan, known: Known) -> Scripts:
    scripts = Scripts({}, {}, {row.id: row.name for row in installation.rows("scripts")})
    for row in installation.rows("scripts"):
        try:
            script = _known(row, known) or _new(row, installation, plan, known)
        except LeaveOut as reason:
            scripts.reasons[row.id] = str(reason)
            plan.books.leave_out(row, row.name, str(reason))
            continue
        (plan.books.imported if script.here is None else plan.books.there)(row)
        scripts.found[row.id] = script
        plan.scripts.append(script)
    return scripts


def _known(row: Row, known: Known) -> planned.Script | None:
    here = known.here.get(row.origin)
    return None if here is None else planned.Script(row.origin, known.scripts[here], here=here)


def _new(row: Row, installation: Installation, plan: Plan, known: Known) -> planned.Script:
    text = _content(row, installation)
    kept = inline_migration.with_shebang(text)
    declared, defaults, said = _declared(row, installation.secret)
    content = with_parameters(kept, declared)
    name = known.free("script", plain(row.name), LONGEST_NAME)
    timeout, of_timeout = seconds(row.number("timeout"), 300)
    script = planned.Script(
        row.origin,
        name,
        content,
        description=_description(row),
        timeout=timeout,
        run_on=run_on(row.text("run_on")) or RunOn.ALWAYS.value,
        defaults=defaults,
    )
    check(script)
    if name != row.name:
        plan.differ(name, f"It was called '{row.name}' there.")
    script.has_new_block = content != kept
    if not run_on(row.text("run_on")):
        plan.differ(name, "It had no run condition that we know there. Here it runs after every backup.")
    _tell(plan, name, [*of_timeout, *said, *notices.of(text, [one.name for one in declared])])
    return script


def check(script: planned.Script) -> None:
    """Raises LeaveOut with what the library would say."""
    try:
        draft.check({"name": script.name, "content": script.content, "description": script.description})
    except Invalid as problem:
        raise LeaveOut(f"The library cannot take it: {'; '.join(problem.errors.values())}.") from None


def _tell(plan: Plan, name: str, sentences: Iterable[str]) -> None:
    for sentence in sentences:
        plan.differ(name, sentence)


def _description(row: Row) -> str:
    text = row.text("description").replace("\r\n", "\n")
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")[:5000]


# --- the text ---------------------------------------------------------------------------------------------------------
def _content(row: Row, installation: Installation) -> str:
    named = row.text("file_path")
    if installation.scripts is None:
        raise LeaveOut(f"Its file {named} is not beside the database: give the whole data folder of Borg Web UI.")
    path = _path(installation.scripts, named)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise LeaveOut(f"Its file {named} is no ordinary file.")
            text = file.read(LARGEST + 1).decode("utf-8")
    except FileNotFoundError:
        raise LeaveOut(f"Its file {named} is missing.") from None
    except OSError as error:
        raise LeaveOut(f"Its file {named} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        raise LeaveOut(f"Its file {named} is not text in UTF-8.") from None
    if problem := draft.readable_problem(text):
        raise LeaveOut(f"Its file {named} {problem}.")
    return text


def _path(folder: Path, named: str) -> Path:
    """Never outside the folder of the scripts, links followed."""
    if named.startswith("/"):  # as it was inside the container
        named = f"library/{named.rpartition('/')[2]}"
    try:
        real = (folder / named).resolve()
        inside = real.is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not inside or not named:
        raise LeaveOut(f"Its file {named!r} is not in the folder of the scripts.")
    return real


def with_parameters(content: str, declared: Sequence[Declared]) -> str:
    """The text with a block that declares them, besides what it declares already. Raises LeaveOut."""
    if not declared:
        return content
    now = manifest.parse(content)
    names = {one.name for one in declared}
    wanted = replace(now, parameters=(*(one for one in now.parameters if one.name not in names), *declared))
    try:
        return declaring.changed(content, wanted)
    except declaring.Unwritable as problem:
        raise LeaveOut(f"Its parameters cannot be declared: {problem}.") from None


# --- parameters -------------------------------------------------------------------------------------------------------
def _declared(row: Row, secret: str) -> tuple[list[Declared], dict[str, Any], list[str]]:
    """What it declares, the default values of secrets, and sentences about what it will not get."""
    declared: dict[str, Declared] = {}
    defaults: dict[str, Any] = {}
    said: list[str] = []
    for entry in row.mappings("parameters"):
        name = str(entry.get("name") or "")
        if name.startswith(SYSTEM):
            continue
        if problem := parameters.name_problem(name):
            said.append(f"Its parameter {name[:64]!r} is not passed on: {problem}.")
            continue
        one = _parameter(name, entry)
        value = entry.get("default")
        if value not in (None, ""):
            one = _with_default(one, str(value), secret, defaults, said)
        declared[name] = one
    return list(declared.values()), defaults, said


def _parameter(name: str, entry: Mapping[str, Any]) -> Declared:
    told = plain(str(entry.get("description") or ""))[:1000]
    kind = "secret" if entry.get("type") == "password" else "text"
    return Declared(name, help=told, type=kind, required=bool(entry.get("required")))


def _with_default(one: Declared, value: str, secret: str, defaults: dict[str, Any], said: list[str]) -> Declared:
    try:
        plain_value = opened(value, secret) if one.is_secret else value
    except Sealed:
        said.append(f"The default of its secret {one.name} could not be decrypted.")
        return one
    if problem := parameters.value_problem(one, plain_value):
        said.append(f"The default of its parameter {one.name} is left out: {problem}.")
    elif one.is_secret:
        defaults[one.name] = plain_value
    else:
        return replace(one, default=plain_value)
    return one


def declared_by(script: planned.Script) -> Sequence[Declared]:
    if script.here is None:
        return manifest.parse(script.content).parameters
    return Manifest.from_dict(Script.objects.get(pk=script.here).manifest).parameters


def values_of(
    declared: Sequence[Declared], given: Mapping[str, Any], secret: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values that an assignment may have, and why it may not have others, by name."""
    by_name = {one.name: one for one in declared}
    values, refused = dict[str, Any](), dict[str, str]()
    for name, value in given.items():
        if value is None or name.startswith(SYSTEM):
            continue
        if name not in by_name:
            refused[name] = "the script does not declare it, so it was not passed on there either"
            continue
        try:
            text = opened(str(value), secret) if by_name[name].is_secret else str(value)
        except Sealed:
            refused[name] = "it could not be decrypted: enter it in the settings of the assignment"
            continue
        if problem := parameters.value_problem(by_name[name], text):
            refused[name] = problem
        else:
            values[name] = text
    return values, refused


# --- inline texts that have parameters --------------------------------------------------------------------------------
def of_inline(text: str, given: Mapping[str, Any], name: str, origin: str, known: Known) -> planned.Script:
    """An inline text here takes no parameters; a script does. Raises LeaveOut."""
    declared = [_guessed(key, str(value)) for key, value in given.items() if not parameters.name_problem(key)]
    content = with_parameters(inline_migration.with_shebang(text.replace("\0", "")), declared)
    if origin in known.here:
        return planned.Script(origin, known.scripts[known.here[origin]], here=known.here[origin])
    script = planned.Script(origin, known.free("script", name, LONGEST_NAME), content, run_on=RunOn.ALWAYS.value)
    check(script)
    return script


def _guessed(name: str, value: str) -> Declared:
    """There was no type: a name that sounds like a secret is one."""
    is_secret = mentions.sounds_secret(name) and len(value) >= parameters.SHORTEST_SECRET
    return Declared(name, type="secret" if is_secret else "text")


# --- settings that scripts and assignments share ----------------------------------------------------------------------
def run_on(said: str) -> str:
    return said if said in RunOn.values else ""


def seconds(found: int | None, default: int) -> tuple[int, list[str]]:
    """A time limit that is possible here, and what to say if it is another one."""
    if found is None:
        return default, []
    if 1 <= found <= DAY:
        return found, []
    limit = min(max(found, 1), DAY) if found > 0 else default
    return limit, [f"Its time limit of {found} s is not possible here: it is {limit} s."]
