"""Names that a text mentions as variables and nobody has declared.

They are offered for declaration, never more (behaviour.md, section 10). Plain Python.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from . import interpreter
from .parameters import NAME
from .reserved import is_reserved

OF_SHELL = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?=[}:?+=%#/-])")
OF_PYTHON = re.compile(r"""environ(?:\.get\(|\[)\s*["'](\w+)["']|getenv\(\s*["'](\w+)["']""")
# NAME=..., for NAME in, read NAME: what a shell script says itself it need not be given.
ASSIGNED = re.compile(
    r"(?:^|[\s;(])(?:for\s+|read\s+(?:-\w+\s+)*|mapfile\s+(?:-\w+\s+)*)?([A-Za-z_]\w*)(?:\+?=|\s+in\b|\s*$)"
)
GIVEN_BY_SHELL = frozenset(
    ("HOSTNAME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "EPOCHSECONDS", "SRANDOM", "REPLY")
)
SECRET_ENDS = ("PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "APIKEY", "CREDENTIALS")
SECRET_WORDS = frozenset((*SECRET_ENDS, "PASS", "PW", "PWD", "KEY"))
SHELLS = ("sh", "bash", "dash", "ksh", "ash", "zsh")


@dataclass(frozen=True)
class Mention:
    """A name that could be declared. `type` is "secret" where the name sounds like one, else "text"."""

    name: str
    type: str


def undeclared(content: str, declared: Iterable[str]) -> list[Mention]:
    """In the order of the text, each once."""
    found = _mentioned(content)
    known = {*declared, *GIVEN_BY_SHELL}
    names = [name for name in found if name not in known and not is_reserved(name) and NAME.fullmatch(name)]
    return [Mention(name, "secret" if sounds_secret(name) else "text") for name in names]


def sounds_secret(name: str) -> bool:
    """PGPASSWORD, API_KEY, TOKEN_OF_X do; KEY_FILE and PASSWORD_PATH name a place."""
    words = name.upper().split("_")
    if words[-1] in ("FILE", "PATH", "DIR", "FOLDER", "NAME", "ID"):
        return False
    return any(word in SECRET_WORDS or word.endswith(SECRET_ENDS) for word in words)


def _mentioned(content: str) -> list[str]:
    try:
        program = interpreter.program(content)
    except interpreter.Unstartable:
        return []
    code = "\n".join(line for line in content.split("\n") if not line.lstrip().startswith("#"))
    if program == "python":
        return list(dict.fromkeys(first or second for first, second in OF_PYTHON.findall(code)))
    if program not in SHELLS:
        return []
    own = {match[1] for line in code.split("\n") for match in ASSIGNED.finditer(line)}
    return [name for name in dict.fromkeys(OF_SHELL.findall(code)) if name not in own]
