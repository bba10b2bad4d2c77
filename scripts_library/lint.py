"""What is wrong with the text of a script, found without running it: its block, ShellCheck, Python's own compiler.

The checkers are processes of their own, with limits on size, time and memory. They read the text that they are given
and no other file: nothing is sourced, no settings of ours or of a user are read.
"""

import json
import os
import platform
import re
import shutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from borgui import process

from . import interpreter, manifest
from .block_lines import places
from .reserved import VARIABLES

LARGEST = 128 * 1024  # bytes of UTF-8; a larger text is not checked
PATIENCE = 5.0  # seconds for one check
MOST_OUTPUT = 4 * 1024 * 1024  # bytes that a checker may print
MOST_FINDINGS = 200
AT_ONCE = threading.BoundedSemaphore(2)  # checks in this process: typing people do not crowd out everybody else
DIALECTS = {"sh": "sh", "bash": "bash", "dash": "dash", "ksh": "ksh", "ash": "busybox", "busybox": "busybox"}
RULES = "https://www.shellcheck.net/wiki/SC{}"
# A file that is sourced is not looked at, and that is no fault of the script.
LEFT_OUT = "SC1090,SC1091"
OF_A_FIRST_LINE = f"{LEFT_OUT},SC1113,SC2246"  # a block in the first line looks like a misspelt one
NOT_ASSIGNED = re.compile(r"(?:^|: )(\w+) (?:is referenced but|may) not (?:be )?assigned")
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/"}
COMPILE = """
import json, resource, sys, warnings
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
found = []
def tell(level, text, line, column, end_line=None, end_column=None):
    found.append({"level": level, "text": text, "line": line, "column": column, "endLine": end_line, "endColumn": end_column})
with open(sys.argv[1], "rb") as file, warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    try:
        compile(file.read(), "script", "exec", dont_inherit=True)
    except SyntaxError as error:
        tell("error", error.msg, error.lineno, error.offset, error.end_lineno, error.end_offset)
    except (ValueError, RecursionError, MemoryError) as error:
        tell("error", str(error) or "this is nested too deeply", 1, 1)
for one in warned:
    tell("warning", str(one.message), one.lineno, 1)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. Lines and columns count from 1, columns in characters; the end is not part of it.

    `level`: "error", "warning", "info" or "style". `rule` is the name of what was broken, `link` the page about it.
    """

    level: str
    text: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0
    rule: str = ""
    link: str = ""


@dataclass(frozen=True)
class Report:
    """`checker` says what has looked at the text, in words; `note` why something has not, or not to its end."""

    checker: str
    findings: tuple[Finding, ...] = ()
    note: str = ""
    more: int = 0  # findings that are left out

    @property
    def is_clean(self) -> bool:
        return not self.findings and not self.note


class _Unchecked(Exception):
    """One sentence why a checker has nothing to say."""


def check(content: str) -> Report:
    """Everything that is found, in the order of the lines."""
    content = content.removeprefix(interpreter.BYTE_ORDER_MARK).replace("\r\n", "\n")
    found, note = _of_block(content), ""
    checker, look = _checker(content)
    try:
        found += look(content)
    except _Unchecked as reason:
        note = str(reason)
    found.sort(key=lambda one: (one.line, one.column))
    return Report(checker, tuple(found[:MOST_FINDINGS]), note, max(0, len(found) - MOST_FINDINGS))


def _of_block(content: str) -> list[Finding]:
    declared = manifest.parse(content)
    said = [("error", text) for text in declared.errors] + [("warning", text) for text in declared.warnings]
    lines = places(content, [text for _, text in said])
    return [Finding(level, text, line, rule="block") for (level, text), line in zip(said, lines, strict=True)]


def _checker(content: str) -> tuple[str, Callable[[str], list[Finding]]]:
    """Who looks at this text, in words, and the function that does."""
    try:
        program = interpreter.program(content)
    except interpreter.Unstartable as error:
        return "the block alone", _nobody(str(error))
    if program in DIALECTS:
        return f"ShellCheck, as {program}", _shell
    if program == "python":
        return f"the compiler of Python {platform.python_version()}", _python
    return "the block alone", _nobody(f"There is no check for {program or 'this'}: only the block was looked at.")


def _nobody(why: str) -> Callable[[str], list[Finding]]:
    def look(content: str) -> list[Finding]:
        raise _Unchecked(why)

    return look


# --- ShellCheck -------------------------------------------------------------------------------------------------------
def _shell(content: str) -> list[Finding]:
    """Raises _Unchecked."""
    dialect = DIALECTS[interpreter.program(content)]
    left_out = OF_A_FIRST_LINE if content.startswith(manifest.BEGIN) else LEFT_OUT
    options = ["--norc", "--format=json1", f"--shell={dialect}", f"--exclude={left_out}"]
    said = _told([_shellcheck(), *options], content)
    known = VARIABLES | {entry.name for entry in manifest.parse(content).parameters}
    return [_of_shell(one) for one in said["comments"] if not _is_given(one["message"], known)]


def _shellcheck() -> str:
    """The program of the package, or one of this machine. Raises _Unchecked."""
    own = Path(sysconfig.get_path("scripts")) / "shellcheck"
    found = str(own) if own.exists() else shutil.which("shellcheck")
    if not found:
        raise _Unchecked("ShellCheck is not installed: only the block was looked at.")
    return found


def _is_given(message: str, known: Iterable[str]) -> bool:
    """A variable that nobody assigns because the script finds it in its environment."""
    match = NOT_ASSIGNED.search(message)
    return match is not None and match[1] in known


def _of_shell(one: Mapping[str, Any]) -> Finding:
    return Finding(
        level=one["level"],
        text=one["message"],
        line=one["line"],
        column=one["column"],
        end_line=one["endLine"],
        end_column=one["endColumn"],
        rule=f"SC{one['code']}",
        link=RULES.format(one["code"]),
    )


# --- Python -----------------------------------------------------------------------------------------------------------
def _python(content: str) -> list[Finding]:
    """Raises _Unchecked."""
    said = _told([sys.executable, "-I", "-S", "-B", "-c", COMPILE], content)
    return [_of_python(one) for one in said]


def _of_python(one: Mapping[str, Any]) -> Finding:
    line, column = max(1, one["line"] or 1), max(1, one["column"] or 1)
    return Finding(one["level"], one["text"], line, column, one["endLine"] or 0, one["endColumn"] or 0, rule="syntax")


# --- the process ------------------------------------------------------------------------------------------------------
def _told(command: list[str], content: str) -> Any:
    """What the checker says about the text, which it gets as an open file: JSON. Raises _Unchecked."""
    data = content.encode(errors="replace")
    if len(data) > LARGEST:
        raise _Unchecked(f"Longer than {LARGEST // 1024} KiB: only the block was looked at.")
    if not AT_ONCE.acquire(timeout=PATIENCE):
        raise _Unchecked("Others are checking their scripts just now. Try again.")
    try:
        return _read(_run(command, data))
    finally:
        AT_ONCE.release()


def _run(command: list[str], data: bytes) -> bytes:
    printed = bytearray()

    def keep(stream: str, piece: bytes, ms: int) -> None:
        if stream == "o":
            printed.extend(piece)

    text = os.memfd_create("script")
    try:
        os.write(text, data)
        result = process.run(
            [*command, f"/dev/fd/{text}"],
            env=CLEAN_ENVIRONMENT,
            cwd="/",
            timeout=PATIENCE,
            grace=0.2,
            on_output=keep,
            should_stop=lambda: "talkative" if len(printed) > MOST_OUTPUT else "",
            pass_fds=[text],
        )
    finally:
        os.close(text)
    if result.reason:
        raise _Unchecked("The check took too long and was ended: only the block was looked at.")
    if result.error or result.exit_code not in (0, 1):
        raise _Unchecked("The check could not be done: only the block was looked at.")
    return bytes(printed)


def _read(printed: bytes) -> Any:
    try:
        return json.loads(printed)
    except ValueError:
        raise _Unchecked("The check said nothing that can be read: only the block was looked at.") from None
