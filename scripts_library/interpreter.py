"""From a script's text to something that can be started (behaviour.md, section 8).

A script is started as interpreter plus path of a private copy, not by the kernel's `#!`: so a missing executable bit, a
`noexec` mount or an editor that holds the file open do not matter, and what is wrong can be told before anything runs.
"""

import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import PurePosixPath

BYTE_ORDER_MARK = "\ufeff"
DEFAULT = "/bin/sh"

CRLF_HINT = "The script has Windows line ends (CRLF). They were repaired for this run; save it with Unix line ends."
MARK_HINT = "The script begins with a byte-order mark. It was left out for this run; save it as UTF-8 without one."

SUFFIXES = {
    "sh": ".sh",
    "bash": ".sh",
    "dash": ".sh",
    "ash": ".sh",
    "ksh": ".sh",
    "zsh": ".sh",
    "fish": ".fish",
    "python": ".py",
    "perl": ".pl",
    "ruby": ".rb",
    "node": ".js",
    "php": ".php",
    "lua": ".lua",
    "tclsh": ".tcl",
    "awk": ".awk",
    "gawk": ".awk",
    "pwsh": ".ps1",
}


class Unstartable(Exception):
    """The script cannot be started as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Prepared:
    """What to write into the private copy, and the command to which its path is appended."""

    content: bytes
    argv: tuple[str, ...]
    hints: tuple[str, ...] = ()


def prepare(content: str, *, default: str = DEFAULT, path: str | None = None) -> Prepared:
    """Repair the text and find its interpreter; programs named without a folder are searched in `path` (else PATH).

    `default` runs a script without a `#!` line. Raises Unstartable.
    """
    hints = []
    if content.startswith(BYTE_ORDER_MARK):
        content = content.removeprefix(BYTE_ORDER_MARK)
        hints.append(MARK_HINT)
    if "\r\n" in content:
        content = content.replace("\r\n", "\n")
        hints.append(CRLF_HINT)
    _refuse_what_is_no_text(content)
    search = os.environ.get("PATH", os.defpath) if path is None else path
    argv = _command(_shebang(content) or (default,), search)
    return Prepared(_encoded(content), argv, tuple(hints))


def program(content: str) -> str:
    """The name of the program that runs the script, without folder and version: "bash", "python"; "" where it is open.

    Without a `#!` line that is "sh". Raises Unstartable.
    """
    words = _shebang(content.removeprefix(BYTE_ORDER_MARK))
    if not words:
        return PurePosixPath(DEFAULT).name
    if _is_env(words[0]):
        words = _program_of_env(words)
    name = PurePosixPath(words[0]).name if words else ""
    return re.sub(r"[\d.]+$", "", name)


def suffix(content: str) -> str:
    """The file name extension that fits the script's interpreter: ".sh", ".py"; ".sh" where there is none."""
    name = program(content)
    return SUFFIXES.get(name, "" if name else ".sh")


def file_ending(content: str) -> str:
    """As `suffix`, for a script that is kept whether it can start or not."""
    try:
        return suffix(content)
    except Unstartable:
        return ".sh"


def _refuse_what_is_no_text(content: str) -> None:
    if not content.strip():
        raise Unstartable("The script is empty: write something into it, or disable it.")
    if "\0" in content:
        raise Unstartable("The script is not text: it holds NUL characters. Programs are called from a script.")


def _encoded(content: str) -> bytes:
    try:
        return content.encode()
    except UnicodeEncodeError:
        raise Unstartable("The script is not text: it holds bytes that are not UTF-8. Save it as UTF-8.") from None


def _shebang(content: str) -> tuple[str, ...]:
    """Interpreter (perhaps empty) and at most one argument, as the kernel cuts them; nothing without a `#!` line."""
    first = content.split("\n", 1)[0]
    if not first.startswith("#!"):
        return ()
    return tuple(re.split(r"[ \t]+", first[2:].strip(" \t\r"), maxsplit=1))


def _command(words: tuple[str, ...], path: str) -> tuple[str, ...]:
    """The interpreter's command line. `env` stays in it, for it may set variables; what it will start is checked."""
    _check_program(words[0], path)
    if _is_env(words[0]) and len(words) > 1:
        program = _program_of_env(words)
        if program:
            _check_program(program[0], path)
    return words


def _is_env(interpreter: str) -> bool:
    return PurePosixPath(interpreter).name == "env"


def _program_of_env(words: tuple[str, ...]) -> tuple[str, ...]:
    """What `env` is going to start. Only with -S does it split its one argument into several words."""
    argument = words[1] if len(words) > 1 else ""
    split = re.match(r"-[iv0]*S|--split-string[= ]", argument)
    if not split:
        return (argument,) if argument and not argument.startswith("-") and "=" not in argument else ()
    try:
        rest = shlex.split(argument[split.end() :])
    except ValueError:
        raise Unstartable("The first line has a quote that is not closed.") from None
    while rest and (rest[0].startswith("-") or "=" in rest[0]):
        rest = rest[1:]
    return tuple(rest)


def _check_program(program: str, path: str) -> None:
    """Tell apart why it could not be started."""
    if not program:
        raise Unstartable("The first line begins with #! but names no interpreter: write #!/bin/sh, for example.")
    if "/" not in program:
        _search(program, path)
    elif not os.path.exists(program):
        raise Unstartable(f"Interpreter not found: {program}. Install it, or correct the first line of the script.")
    elif os.path.isdir(program):
        raise Unstartable(f"The interpreter {program} is a directory. Correct the first line of the script.")
    elif not os.access(program, os.X_OK):
        raise Unstartable(f"Permission denied: the interpreter {program} may not be executed.")


def _search(program: str, path: str) -> None:
    if shutil.which(program, path=path):
        return
    if " " in program:
        hint = "After #!/usr/bin/env stands one name only; write `env -S` to pass options."
    else:
        hint = "Install it, or correct the first line of the script."
    if any(os.path.isfile(os.path.join(folder, program)) for folder in path.split(os.pathsep) if folder):
        raise Unstartable(f"Permission denied: {program} is in PATH ({path}) but may not be executed.")
    raise Unstartable(f"Interpreter not found: {program} is not in PATH ({path}). {hint}")
