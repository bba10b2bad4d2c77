"""Writes what a script declares into the block of its text (behaviour.md, section 10). Plain Python.

Only the lines whose value changes are touched: comments, the order of keys, tables of others and everything outside the
block stay as people wrote them.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .block_lines import MOST_LINES, Section, Statement, lines_of, sections, span, statements
from .manifest import BEGIN, CONTROL, END, Manifest, parse
from .parameters import Declared

KEYS = ("name", "description", "version", "hooks", "run_on", "timeout", "interrupts", "rerun")
PARAMETER_KEYS = ("name", "label", "help", "type", "choices", "required", "default", "must_be_source")
NOTHING_SAID = Manifest()
NO_PARAMETER = Declared(name="")
ENCODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")  # PEP 263: counts in the first two lines only
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Unwritable(Exception):
    """The block of this text is not valid: what it says cannot be changed before it is put right."""


# --- the text and its block -------------------------------------------------------------------------------------------
def changed(content: str, wanted: Manifest) -> str:
    """`content` with a block that says what `wanted` says: `parse` reads it back, everything else is as before.

    A text without a block gets one below its first line. Values are not checked: what does not fit is an error of the
    block that `parse` finds. Raises Unwritable.
    """
    now = parse(content)
    if now.errors:
        raise Unwritable(now.errors[0])
    lines = content.split("\n")
    begin, end = span(lines)
    if end == 0:
        return _with_new_block(lines, wanted)
    if end - begin > MOST_LINES:
        raise Unwritable(f"the block is longer than {MOST_LINES} lines; change it in the text")
    ending = "\r" if lines[begin].endswith("\r") else ""
    before = [line.removesuffix("\r") for line in lines[begin + 1 : end]]
    after = [_commented(line) for line in _written([line[2:] for line in before], now, wanted)]
    return "\n".join([*lines[: begin + 1], *_kept(before, lines[begin + 1 : end], after, ending), *lines[end:]])


def _kept(before: Sequence[str], raw: Sequence[str], after: Sequence[str], ending: str) -> list[str]:
    """The lines of `after`; one that was there already keeps its line end, whatever that was."""
    as_it_was = dict(zip(before, raw, strict=True))
    return [as_it_was.get(line, line + ending) for line in after]


def _with_new_block(lines: list[str], wanted: Manifest) -> str:
    inside = [_commented(line) for line in _written([], NOTHING_SAID, wanted)]
    if not inside:
        return "\n".join(lines)
    mark = "\ufeff" if lines[0].startswith("\ufeff") else ""
    lines[0] = lines[0].removeprefix(mark)
    place = _below_first_lines(lines)
    ending = "\r" if lines[0].endswith("\r") else ""
    return mark + "\n".join([*lines[:place], *(line + ending for line in [BEGIN, *inside, END]), *lines[place:]])


def _below_first_lines(lines: list[str]) -> int:
    """Below `#!`, and below what tells Python its encoding. The last line of a text is not one to write below."""
    place = 1 if lines[0].startswith("#!") else 0
    if place < len(lines) and ENCODING.match(lines[place]):
        place += 1
    if place == len(lines):
        lines.append("")
    return place


def _commented(line: str) -> str:
    return f"# {line}" if line else "#"


# --- changing them ----------------------------------------------------------------------------------------------------
def _written(lines: list[str], now: Manifest, wanted: Manifest) -> list[str]:
    """The lines of TOML after the change."""
    root, *rest = sections(statements(lines))
    body = _settings(root.body, KEYS, now, wanted, NOTHING_SAID)
    if wanted.parameters == now.parameters:
        return [*lines_of(body), *(line for section in rest for line in section.lines)]
    inline = [one for one in body if one.key == "parameters"]
    body = tuple(one for one in body if one not in inline)
    mine = [section for section in rest if section.is_parameter]
    place = next((number for number, section in enumerate(rest) if section.is_parameter), len(rest))
    others = [section for section in rest if not section.is_parameter]
    texts = _parameter_texts(now.parameters, mine, wanted.parameters)
    return _joined(lines_of(body), [one.lines for one in others[:place]], texts, [one.lines for one in others[place:]])


def _joined(root: list[str], *groups: list[list[str]]) -> list[str]:
    """The sections below the root, an empty line above each that is new; none at the top of the block."""
    joined = root
    for text in (text for group in groups for text in group):
        joined = [*joined, *(text[1:] if not joined and text[:1] == [""] else text)]
    return joined


def _parameter_texts(now: Sequence[Declared], mine: Sequence[Section], wanted: Sequence[Declared]) -> list[list[str]]:
    """The lines of every wanted parameter: those of the section it had, changed, or new ones."""
    had = dict(zip(now, mine, strict=False))  # an inline table has no section: all of its parameters are written anew
    return [_parameter_text(had, before, entry) for before, entry in _pairs(list(had), wanted)]


def _pairs(now: Sequence[Declared], wanted: Sequence[Declared]) -> list[tuple[Declared | None, Declared]]:
    """Each with what it was before: the one of its name, else the one in its place whose name is gone: a renamed one."""
    by_name = {entry.name: entry for entry in now}
    gone = [None if entry.name in {one.name for one in wanted} else entry for entry in now]
    gone += [None] * len(wanted)
    return [(by_name.get(entry.name, gone[number]), entry) for number, entry in enumerate(wanted)]


def _parameter_text(had: dict[Declared, Section], before: Declared | None, entry: Declared) -> list[str]:
    if before is None or before not in had:
        header = Statement(("[[parameters]]",), starts_parameter=True)
        return ["", *lines_of(_settings((header,), PARAMETER_KEYS, NO_PARAMETER, entry, NO_PARAMETER))]
    section = had[before]
    own, tables = _until_table(section.body)
    settings = _settings(own, PARAMETER_KEYS, before, entry, NO_PARAMETER)
    return lines_of((*section.lead, *settings, *tables))


def _until_table(body: tuple[Statement, ...]) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """A parameter's own statements, and the tables inside it."""
    place = next((number for number, one in enumerate(body[1:], 1) if one.header), len(body))
    return body[:place], body[place:]


def _settings(
    body: tuple[Statement, ...], keys: Sequence[str], now: object, wanted: object, default: object
) -> tuple[Statement, ...]:
    """The statements of one table after the change of those keys whose value is another one."""
    for key in keys:
        value = getattr(wanted, key)
        if (type(value), value) != (type(getattr(now, key)), getattr(now, key)):  # True is not 1 in TOML
            body = _without(body, key) if value == getattr(default, key) else _with(body, key, value, keys)
    return body


def _without(body: tuple[Statement, ...], key: str) -> tuple[Statement, ...]:
    return tuple(one for one in body if one.key != key)


def _with(body: tuple[Statement, ...], key: str, value: Any, keys: Sequence[str]) -> tuple[Statement, ...]:
    """The statement changed in its place; a new one stands below the last of the keys that go before it."""
    if any(one.key == key for one in body):
        return tuple(_said_anew(one, value) if one.key == key else one for one in body)
    before = keys[: keys.index(key)]
    places = [number for number, one in enumerate(body, 1) if one.key in before or one.starts_parameter]
    place = max(places, default=0)
    return (*body[:place], Statement(tuple(_assignment(key, value)), key=key), *body[place:])


def _said_anew(statement: Statement, value: Any) -> Statement:
    """With the comment that stood behind it, where the whole fits one line."""
    lines = _assignment(statement.key, value)
    if len(lines) == len(statement.lines) == 1:
        lines = [lines[0] + _comment_behind(statement.lines[0])]
    return replace(statement, lines=tuple(lines))


def _comment_behind(line: str) -> str:
    """The comment at the end of a `key = value`, with the space before it."""
    whole = tomllib.loads(line)
    for sign in re.finditer(r"[ \t]*#", line):
        if _reads(line[: sign.start()]) == whole:
            return line[sign.start() :]
    return ""


def _reads(line: str) -> object:
    try:
        return tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None


# --- values -----------------------------------------------------------------------------------------------------------
def _assignment(key: str, value: Any) -> list[str]:
    if isinstance(value, str) and "\n" in value and _may_be_many_lines(value):
        *lines, last = [_escaped(line) for line in value.split("\n")]
        return [f'{key} = """', *lines, last + '"""']
    return [f"{key} = {_toml(value)}"]


def _may_be_many_lines(value: str) -> bool:
    """No line of it may look like a mark of the block, or end in what an editor takes away."""
    return all(not line.startswith("///") and line == line.rstrip() for line in value.split("\n"))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return str(value) if isinstance(value, int) else f'"{_escaped(value)}"'


def _escaped(value: str) -> str:
    return "".join(ESCAPES.get(sign) or (f"\\u{ord(sign):04x}" if CONTROL.match(sign) else sign) for sign in value)
