"""Why a child could not be started, in one sentence a person can act on.

The exception of a failed start names neither the directory nor the variable it was about, so we look again.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

LONGEST_STRING = 128 * 1024  # bytes of one argument or variable with its final NUL (Linux, MAX_ARG_STRLEN)


def why_not_started(error: Exception, argv: Sequence[str], env: Mapping[str, str], cwd: str | Path) -> str:
    """The sentence for an OSError or ValueError of a start. It never holds a value, only the names of variables."""
    program = argv[0] if argv else ""
    if not os.path.isdir(cwd):
        return f"The working directory {cwd} does not exist."
    if not isinstance(error, OSError):
        return _why_not_passed(argv, env)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR if os.path.exists(program):
            return f"{program} names an interpreter in its first line that was not found."
        case errno.ENOENT | errno.ENOTDIR:
            return f"The interpreter or program {program!r} was not found."
        case errno.EACCES | errno.EPERM:
            return _who_refused(program, cwd)
        case errno.E2BIG:
            return _what_is_too_long(argv, env)
        case errno.ENOEXEC:
            return f"{program} is not a program that this machine can run."
        case errno.ETXTBSY:
            return f"{program} is held open for writing by another process."
        case errno.EAGAIN | errno.ENOMEM | errno.EMFILE | errno.ENFILE:
            return f"The machine has no room for another process: {os.strerror(error.errno)}."
    return f"{program} could not be started: {error.strerror or error}."


def _who_refused(program: str, cwd: str | Path) -> str:
    if not os.access(cwd, os.X_OK):
        return f"Permission denied: the working directory {cwd} cannot be entered."
    if os.path.isdir(program):
        return f"{program} is a directory, not a program."
    return f"Permission denied: {program} may not be executed."


def _why_not_passed(argv: Sequence[str], env: Mapping[str, str]) -> str:
    for name, value in env.items():
        if "\0" in name or "\0" in value:
            return f"The variable {name!r} holds a NUL character, which no environment can carry."
        if not name or "=" in name:
            return f"{name!r} is no name of an environment variable."
    if not argv or any("\0" in argument for argument in argv):
        return "The command line is empty or holds a NUL character."
    return "The command line or the environment holds characters that cannot be passed on."


def _what_is_too_long(argv: Sequence[str], env: Mapping[str, str]) -> str:
    for name, value in env.items():
        if len(os.fsencode(name)) + len(os.fsencode(value)) + 2 > LONGEST_STRING:
            return f"The variable {name} is too long: a program can be given at most 128 KiB in one variable."
    if any(len(os.fsencode(argument)) >= LONGEST_STRING for argument in argv):
        return "An argument is too long: a program can be given at most 128 KiB in one argument."
    return "Arguments and environment together are longer than a program can be given."
