"""What a script is called that was an inline text: what it says about itself, else where it ran."""

import re
from collections.abc import Mapping, Sequence

from scripts_library.models import Hook
from scripts_library.registering import free_names, names_taken

LONGEST = 190  # characters; a number may follow
WHERE = {(Hook.PRE,): "before the backup", (Hook.POST,): "after the backup", (Hook.PRE, Hook.POST): "around the backup"}
LINES = 12  # at the top, in which a script says what it does
TITLE = re.compile(r"#+[ \t]+([A-Za-z][\w ,'()&+-]{5,70})[.:]?[ \t\r]*")
# Comments that are for programs, or about other things than what the script does.
NO_TITLE = re.compile(r"(?i)(shellcheck|vim|coding|copyright|license|author|created|modified|version|usage|todo|set) ")
SECRET = re.compile(r"(?i)pass|token|secret|key|login|user|auth")


def wanted(content: str, uses: Sequence[tuple[str, str]]) -> str:
    """`uses`: repositories and hooks. Nothing but a title goes from the text into the name, which everybody reads."""
    found = title(content) or f"{owners([name for name, _ in uses])}: {where([hook for _, hook in uses])}"
    return found[:LONGEST]


def title(content: str) -> str:
    """The comment at the top that reads like one; "" where there is none."""
    for line in content.split("\n")[:LINES]:
        found = TITLE.fullmatch(line)
        if found and " " in found[1].strip() and not NO_TITLE.match(found[1]) and not SECRET.search(found[1]):
            return found[1].strip()
        if line.strip() and not line.startswith("#"):
            break
    return ""


def owners(names: Sequence[str]) -> str:
    others = len(set(names)) - 1
    return names[0] if not others else f"{names[0]} and {others} other{'s' if others > 1 else ''}"


def where(hooks: Sequence[str]) -> str:
    return WHERE[tuple(hook for hook in Hook if hook in hooks)]


def free(names: Mapping[str, str]) -> dict[str, str]:
    """The names by the same keys, with a number where a script has it, or one before it."""
    return dict(zip(names, free_names(list(names.values()), names_taken()), strict=True))
