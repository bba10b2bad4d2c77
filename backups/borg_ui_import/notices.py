"""What a script of Borg Web UI will notice here: who runs it, and which variables it gets."""

import re
from collections.abc import Collection, Iterator

from scripts_library import interpreter, mentions
from scripts_library.interpreter import BYTE_ORDER_MARK
from scripts_library.reserved import VARIABLES

BARE = re.compile(r"\$([A-Z_][A-Z0-9_]+)\b")
OF_BORG_UI = re.compile(r"\bBORG_UI_([A-Z0-9_]+)")
MOST = 8  # names of variables in one sentence
SAME = ("bash",)


def of(text: str, given: Collection[str]) -> list[str]:
    """Sentences. `given`: the names of its parameters."""
    return [*_of_the_shell(text), *_of_the_variables(text, given)]


# --- who runs it ------------------------------------------------------------------------------------------------------
def _of_the_shell(text: str) -> Iterator[str]:
    first = text.removeprefix(BYTE_ORDER_MARK).partition("\n")[0].rstrip("\r")
    if first.startswith("#!"):
        yield from _other_interpreter(text, first)
    if "\r\n" in text:
        yield "Its line ends are those of Windows, over which bash stumbled there. Here the copy that runs has others."


def _other_interpreter(text: str, first: str) -> Iterator[str]:
    try:
        program = interpreter.program(text)
    except interpreter.Unstartable:
        program = ""
    if program in SAME:
        return
    if program in mentions.SHELLS:
        yield (
            f"There bash ran it, whatever its first line said. Here its first line counts, {first}: what only bash "
            "knows fails. Write #!/bin/bash if it needs that."
        )
    else:
        yield f"There bash ran it, whatever its first line said. Here its first line counts: {first} runs it."


# --- what it gets -----------------------------------------------------------------------------------------------------
def _of_the_variables(text: str, given: Collection[str]) -> Iterator[str]:
    missing = [f"BORG_UI_{name}" for name in dict.fromkeys(OF_BORG_UI.findall(text)) if name not in VARIABLES]
    found = mentions.undeclared(BARE.sub(r"${\1}", text), given)
    missing += [one.name for one in found if one.name not in missing]
    if missing:
        yield (
            f"It reads {_listed(missing)}, which nothing sets here: Borg Web UI passed on the whole environment of its "
            "container. Declare a parameter, or name the variable in BORGUI_PASS_ENV."
        )
    if "BORG_UI_REPOSITORY_ID" in text:
        yield "It reads BORG_UI_REPOSITORY_ID: the repository has another number here."
    if "BORG_UI_BACKUP_STATUS" in text:
        yield "It reads BORG_UI_BACKUP_STATUS: here that can also be 'cancelled' or 'skipped'."


def _listed(names: list[str]) -> str:
    shown = names[:MOST]
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(shown) + more
