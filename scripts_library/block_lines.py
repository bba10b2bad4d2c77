"""The lines of the block in a script's text: where it stands, its statements and tables, which line a problem is about."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .manifest import BEGIN, END, NO_TOML

MOST_LINES = 1000  # of a block that is cut up: every line costs a look at what was not whole before it


def span(lines: Sequence[str]) -> tuple[int, int]:
    """The numbers of the lines that begin and end the first block, counted from 0; (0, 0) where there is none whole."""
    begin = _number(lines, BEGIN, 0)
    end = _number(lines, END, begin + 1) if begin is not None else None
    return (begin, end) if begin is not None and end is not None else (0, 0)


def _number(lines: Sequence[str], mark: str, start: int) -> int | None:
    marks = (number for number in range(start, len(lines)) if lines[number].lstrip("\ufeff").rstrip() == mark)
    return next(marks, None)


# --- statements of TOML -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Statement:
    """Whole lines of valid TOML: one `key = value`, one header of a table, or one line that says nothing.

    `line` is the number of its first line among those that were cut up, counted from 0.
    """

    lines: tuple[str, ...]
    line: int = 0
    key: str = ""
    header: str = ""  # the first name in it
    starts_parameter: bool = False


@dataclass(frozen=True)
class Section:
    """A header with what stands below it. `lead`: comments and empty lines right above the header."""

    lead: tuple[Statement, ...]
    body: tuple[Statement, ...]

    @property
    def is_parameter(self) -> bool:
        return bool(self.body) and self.body[0].starts_parameter

    @property
    def lines(self) -> list[str]:
        return lines_of((*self.lead, *self.body))


def statements(lines: Sequence[str]) -> list[Statement]:
    """The lines of a valid TOML document, cut up. What is valid up to the end of a line ends there: TOML is read once."""
    found, begin = list[Statement](), 0
    for number in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("\n".join(lines[begin:number]))
        except (tomllib.TOMLDecodeError, ValueError):
            continue
        found.append(_statement(tuple(lines[begin:number]), begin, table))
        begin = number
    return found


def _statement(lines: tuple[str, ...], line: int, table: dict[str, Any]) -> Statement:
    if not table:
        return Statement(lines, line)
    name = next(iter(table))
    if not lines[0].lstrip().startswith("["):
        return Statement(lines, line, key=name)
    return Statement(lines, line, header=name, starts_parameter=table == {"parameters": [{}]})


def sections(found: Iterable[Statement]) -> list[Section]:
    """The first is what stands above all headers. A table inside a parameter belongs to that parameter."""
    cut = [Section((), ())]
    for statement in found:
        last = cut[-1]
        inside = statement.header == "parameters" and not statement.starts_parameter and last.is_parameter
        if statement.header and not inside:
            own, lead = _lead(last.body)
            cut[-1] = replace(last, body=own)
            cut.append(Section(lead, (statement,)))
        else:
            cut[-1] = replace(last, body=(*last.body, statement))
    return cut


def _lead(body: tuple[Statement, ...]) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """What ends with the last statement that says something, and the rest."""
    last = max((number for number, one in enumerate(body, 1) if one.key or one.header), default=0)
    return body[:last], body[last:]


def lines_of(found: Iterable[Statement]) -> list[str]:
    return [line for statement in found for line in statement.lines]


# --- where a problem of the block is ----------------------------------------------------------------------------------
def places(content: str, problems: Sequence[str]) -> list[int]:
    """The lines of the text, counted from 1, that errors and warnings of its block are about, in their order."""
    lines = content.split("\n")
    begin, end = span(lines)
    inside = [line.removesuffix("\r")[2:] for line in lines[begin + 1 : end]]
    can_be_cut = 0 < len(inside) <= MOST_LINES and not any(one.startswith(NO_TOML) for one in problems)
    cut = sections(statements(inside)) if can_be_cut else []
    return [
        _told(one, end, len(lines)) or begin + 1 + _place(cut, one.partition(": ")[0].split(".")) for one in problems
    ]


def _told(problem: str, end: int, last: int) -> int:
    """The line that stands in the problem itself, 0 where none does."""
    if not problem.startswith(("line ", NO_TOML)):
        return 0
    told = re.search(r"\bline (\d+)\b", problem)
    return min(int(told[1]), last) if told else end + 1


def _place(cut: list[Section], path: list[str]) -> int:
    """The line of the key at the end of `path` ("timeout"; "parameters", "WAIT", "default"), or of its table.

    Counted from 1, below the mark that begins the block; 0 where there is none.
    """
    found = _statement_of(cut, path) if cut else None
    return 0 if found is None else found.line + 1


def _statement_of(cut: list[Section], path: list[str]) -> Statement | None:
    if len(path) < 3:
        return next((one for one in cut[0].body if one.key == path[0]), None)
    mine = [section for section in cut if section.is_parameter]
    wanted = next((one for number, one in enumerate(mine, 1) if path[1] in (str(number), _name(one))), None)
    if wanted is None:
        return None
    return next((one for one in wanted.body if one.key == path[2]), wanted.body[0])


def _name(parameter: Section) -> str:
    said = next((one for one in parameter.body if one.key == "name"), None)
    return str(tomllib.loads("\n".join(said.lines))["name"]) if said else ""
