"""A text and the form of its block, each following the other.

What was typed into the form is written into the text, and the errors of that text come back to the fields: so nothing
but the block says what fits. A text whose block would not be valid is given up, the old one stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django import forms

from . import interpreter
from .block_lines import places
from .declaring import Unwritable, changed
from .facts_of_script import in_words
from .forms_block import BlockForm, ParameterForm, number, prefix
from .manifest import Manifest, parse
from .mentions import Mention, sounds_secret, undeclared
from .parameters import Declared

NUMBER = "block-parameters"  # the field that says how many parameters the form has
MOST = 100  # parameters that a form can have
WITHOUT_NUMBER_SIGN = ("node", "deno", "bun", "lua", "php", "")  # their comments do not begin with it


@dataclass(frozen=True)
class Declaration:
    """A text and the form of its block. `opened`: the parameter at which somebody works."""

    content: str
    declared: Manifest
    form: BlockForm
    entries: list[ParameterForm]
    refused: bool = False  # what was typed does not fit, and is not in the text
    opened: int | None = None
    unwritable: str = ""  # why there is no form
    problems: list[tuple[int, str]] = field(default_factory=list)  # line and sentence, of a block that is not valid

    @property
    def number_of_parameters(self) -> int:
        return len(self.entries)

    @property
    def offers(self) -> list[Mention]:
        return [] if self.problems else undeclared(self.content, [entry.name for entry in self.declared.parameters])

    @property
    def secrets_in_clear(self) -> list[tuple[int, str]]:
        """Position and name of parameters that sound like secrets and are kept as texts."""
        entries = enumerate(self.declared.parameters)
        return [(at, entry.name) for at, entry in entries if entry.type == "text" and sounds_secret(entry.name)]

    @property
    def interpreter(self) -> str:
        """What runs it, as its first line says."""
        first = self.content.removeprefix(interpreter.BYTE_ORDER_MARK).partition("\n")[0]
        return first[2:].strip() if first.startswith("#!") else interpreter.DEFAULT

    @property
    def in_words(self) -> str:
        return in_words(self.declared)


def read(content: str, opened: int | None = None) -> Declaration:
    """The form as the text says."""
    declared = parse(content)
    return Declaration(
        content,
        declared,
        BlockForm.reading(declared),
        [ParameterForm.reading(position, entry) for position, entry in enumerate(declared.parameters)],
        opened=opened,
        unwritable=""
        if takes_a_block(content)
        else "A block stands in comments that begin with #, which this language has not.",
        problems=list(zip(places(content, declared.errors), declared.errors, strict=True)),
    )


def takes_a_block(content: str) -> bool:
    try:
        return interpreter.program(content) not in WITHOUT_NUMBER_SIGN
    except interpreter.Unstartable:
        return False


def written(content: str, data: Mapping[str, Any], action: str) -> Declaration:
    """The text after what somebody has typed into the form and pressed; as it was, where that does not fit.

    `action`: "write", "add", "remove:2", "up:2", "down:2", "secret:2" (positions), "declare:NAME"; all else reads.
    """
    verb, _, argument = action.partition(":")
    now = parse(content)
    if verb not in ACTIONS or now.errors or NUMBER not in data or not takes_a_block(content):
        return read(content)
    form, entries = BlockForm(data), _entries(data)
    for half in (form, *entries):
        half.full_clean()
    declared = {entry.name: entry for entry in now.parameters}
    typed = form.said(replace(now, parameters=tuple(entry.said(declared) for entry in entries)))
    parameters, opened = ACTIONS[verb](list(typed.parameters), argument)
    return _settled(content, replace(typed, parameters=tuple(parameters)), form, entries, opened)


def _entries(data: Mapping[str, Any]) -> list[ParameterForm]:
    count = number(data.get(NUMBER))
    return [ParameterForm(data, prefix=prefix(at)) for at in range(min(count, MOST) if isinstance(count, int) else 0)]


def _settled(
    content: str, wanted: Manifest, form: BlockForm, entries: list[ParameterForm], opened: int | None
) -> Declaration:
    try:
        text = changed(content, wanted)
    except Unwritable as reason:
        return replace(read(content), unwritable=str(reason))
    errors = parse(text).errors
    if not errors:
        return read(text, opened)
    for error in errors:
        _tell(form, entries, error)
    return Declaration(content, parse(content), form, entries, refused=True, opened=opened)


def _tell(form: BlockForm, entries: list[ParameterForm], error: str) -> None:
    """An error of the block, at the field that it is about."""
    where, _, message = error.partition(": ")
    path = where.split(".")
    half: forms.Form = form
    if len(path) == 3:
        names = [entry.called for entry in entries]
        at = names.index(path[1]) + 1 if path[1] in names else number(path[1])
        half = entries[at - 1] if isinstance(at, int) and at <= len(entries) else form
    half.add_error(path[-1] if path[-1] in half.fields else None, _sentence(message or error))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


# --- what one can press -----------------------------------------------------------------------------------------------
Pressed = tuple[list[Declared], int | None]


def _add(entries: list[Declared], argument: str) -> Pressed:
    taken = {entry.name for entry in entries}
    name = next(name for name in (f"VALUE_{count}" for count in range(1, MOST + 2)) if name not in taken)
    return [*entries, Declared(name)], len(entries)


def _declare(entries: list[Declared], argument: str) -> Pressed:
    kind = "secret" if sounds_secret(argument) else "text"
    return [*entries, Declared(argument, type=kind)], len(entries)


def _remove(entries: list[Declared], argument: str) -> Pressed:
    at = _position(entries, argument)
    return [entry for position, entry in enumerate(entries) if position != at], None


def _up(entries: list[Declared], argument: str) -> Pressed:
    at = _position(entries, argument)
    return _moved(entries, at, max(at - 1, 0))


def _down(entries: list[Declared], argument: str) -> Pressed:
    at = _position(entries, argument)
    return _moved(entries, at, at + 1)


def _secret(entries: list[Declared], argument: str) -> Pressed:
    at = _position(entries, argument)
    changed_one = [replace(one, type="secret", default=None) for one in entries[at : at + 1]]
    return [*entries[:at], *changed_one, *entries[at + 1 :]] if at >= 0 else entries, at


def _moved(entries: list[Declared], at: int, to: int) -> Pressed:
    if not 0 <= at < len(entries):
        return entries, None
    entry = entries.pop(at)
    entries.insert(to, entry)
    return entries, min(to, len(entries) - 1)


def _position(entries: list[Declared], argument: str) -> int:
    at = number(argument)
    return at if isinstance(at, int) and 0 <= at < len(entries) else -1


ACTIONS = {
    "write": lambda entries, argument: (entries, None),
    "add": _add,
    "declare": _declare,
    "remove": _remove,
    "up": _up,
    "down": _down,
    "secret": _secret,
}
