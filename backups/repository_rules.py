"""What the fields of a repository may hold: one rule per field, which answers with the sentence that says what is wrong.

Types are not its matter: who calls has texts, numbers and lists already.
"""

import os.path
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from backups.borg import unusable_path

from .models import Encryption, Repository

DAY, LARGEST = 24 * 3600, 2**31 - 1
SHORTEST_SECRET = 4  # a shorter one could not be masked in what scripts and borg print (behaviour.md, section 8)
LONGEST_TEXT = 1024 * 1024  # characters of an inline script
LONGEST_ARCHIVE_NAME = 250
LONGEST_PATH = 4096  # of the kernel; a longer pattern matches nothing, and one of 128 KiB could not be passed to borg
LONGEST_FILE_NAME = 255  # bytes
MOST_ENTRIES = 2000  # of a list; all of it becomes one command line of borg

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
LEVELS = {"lz4": None, "none": None, "zstd": range(1, 23), "zlib": range(10), "lzma": range(10)}

Rule = Callable[[Any], str]


def problems(fields: Mapping[str, Any]) -> dict[str, str]:
    """One sentence per field that cannot be kept. A field that is not there is not looked at."""
    found = {name: RULES[name](value) for name, value in fields.items() if name in RULES}
    return {name: sentence for name, sentence in found.items() if sentence}


def normal_path(path: str) -> str:
    """The same place has the same text: local paths without `..`, doubled slashes and a slash at the end."""
    local = path.removeprefix("file://")
    if not local.startswith("/"):
        return path
    return "/" + os.path.normpath(local).lstrip("/")


# --- the rules --------------------------------------------------------------------------------------------------------
def name_problem(name: str) -> str:
    if not name.strip():
        return "A repository needs a name."
    if name != name.strip() or CONTROL.search(name):
        return "A name has no spaces at its ends, no line breaks and no control characters."
    if "::" in name:
        return "A name cannot hold '::': borg reads what follows as the name of an archive."
    return too_long(name, 100)


def path_problem(path: str) -> str:
    if not path.strip():
        return "Say where the repository is: a folder, or ssh://user@host/path."
    if sentence := unusable_path(path) or too_long(path, 1000):
        return sentence
    if Repository(path=path).is_remote or path.removeprefix("file://").startswith("/"):
        return ""
    return "This is no absolute path: write /folder/repository, or ssh://user@host/path."


def sources_problem(paths: list[str]) -> str:
    if not paths:
        return "Say what to back up: at least one path."
    if len(paths) > MOST_ENTRIES:
        return too_many(paths)
    for path in paths:
        if len(path) > LONGEST_PATH:
            return f"A path is longer than {LONGEST_PATH} characters."
        if not path.startswith("/"):
            return f"{quoted(path)} is no absolute path."
        if CONTROL.search(path):
            return f"{quoted(path)} holds a control character."
    return ""


def patterns_problem(patterns: list[str]) -> str:
    if len(patterns) > MOST_ENTRIES:
        return too_many(patterns)
    for pattern in patterns:
        if not pattern.strip() or CONTROL.search(pattern):
            return "A pattern is one line, and not empty."
        if len(pattern) > LONGEST_PATH:
            return f"A pattern is longer than {LONGEST_PATH} characters."
        if pattern.startswith("re:"):
            try:
                re.compile(pattern[3:])
            except (re.error, RecursionError) as error:
                return f"{quoted(pattern)} is no regular expression: {error}."
    return ""


def markers_problem(names: list[str]) -> str:
    if len(names) > MOST_ENTRIES:
        return too_many(names)
    for name in names:
        if not name.strip() or "/" in name or CONTROL.search(name) or len(name.encode()) > LONGEST_FILE_NAME:
            return f"{quoted(name)} is no name of a file or folder."
    return ""


def passphrase_problem(passphrase: str) -> str:
    if not passphrase:
        return ""
    if CONTROL.search(passphrase):
        return "A passphrase is one line without control characters."
    if len(passphrase) < SHORTEST_SECRET:
        return f"A passphrase has at least {SHORTEST_SECRET} characters: a shorter one could not be hidden in logs."
    return too_long(passphrase, 1000)


def compression_problem(compression: str) -> str:
    """Borg's own syntax ("borg help compression"); a specification may stand behind `auto,` or `obfuscate,N,`."""
    method, *levels = re.sub(r"^(obfuscate,\d+,)?(auto,)?", "", compression).split(",")
    allowed = LEVELS.get(method)
    if method in LEVELS and not levels:
        return ""
    if allowed and len(levels) == 1 and re.fullmatch(r"\d{1,2}", levels[0]) and int(levels[0]) in allowed:
        return ""
    return (
        f"borg knows no compression {quoted(compression)}: use lz4, zstd, zstd,3, zlib,6, lzma,6, none or auto,zstd,3."
    )


def template_problem(template: str) -> str:
    """Alone; how long a name it makes is the matter of `archive_name_problem`."""
    used, rest = PLACEHOLDER.findall(template), PLACEHOLDER.sub("", template)
    if "now" not in used:
        return "{now} is needed, or the second archive would have the name of the first."
    if set(used) - {"name", "now"} or "{" in rest or "}" in rest:
        return "Only {name} and {now} can be filled in."
    if "/" in template or "::" in template or CONTROL.search(template) or template != template.strip():
        return "The name of an archive has no '/', no '::', no control characters and no spaces at its ends."
    return too_long(template, 200)


def archive_name_problem(name: str, template: str) -> str:
    """Whether the template and the name of the repository together make a name of usable length."""
    longest = Repository(name=name, archive_name_template=template).archive_name(datetime(2026, 1, 1, tzinfo=UTC))
    if len(longest.encode()) > LONGEST_ARCHIVE_NAME:
        return f"With this repository's name it makes names of more than {LONGEST_ARCHIVE_NAME} bytes."
    return ""


def remote_path_problem(path: str) -> str:
    return "It is one line." if CONTROL.search(path) else too_long(path, 500)


def within_problem(text: str) -> str:
    return "" if re.fullmatch(r"([1-9]\d{0,5}[Hdwmy])?", text) else "Write a number and H, d, w, m or y: 7d."


def quoted(text: str) -> str:
    """As a sentence may name it, however long it is."""
    return repr(text if len(text) <= 100 else f"{text[:99]}…")


def too_long(text: str, most: int) -> str:
    return f"It is longer than {most} characters." if len(text) > most else ""


def too_many(entries: list[str]) -> str:
    return f"These are {len(entries):,} entries: more than {MOST_ENTRIES:,} cannot be handed to borg."


def number(least: int, most: int) -> Rule:
    def rule(value: int | None) -> str:
        return "" if value is None or least <= value <= most else f"Use a whole number from {least} to {most}."

    return rule


def one_of(choices: list[str]) -> Rule:
    return lambda value: "" if value in choices else f"Use one of {', '.join(choices)}."


RULES: dict[str, Rule] = {
    "name": name_problem,
    "path": path_problem,
    "source_paths": sources_problem,
    "exclude_patterns": patterns_problem,
    "exclude_if_present": markers_problem,
    "encryption": one_of(Encryption.values),
    "passphrase": passphrase_problem,
    "compression": compression_problem,
    "archive_name_template": template_problem,
    "upload_rate_limit": number(1, LARGEST),
    "lock_wait": number(0, 7 * DAY),
    "remote_path": remote_path_problem,
    "backup_timeout": number(1, 30 * DAY),
    "max_downtime": number(1, 30 * DAY),
    "pre_backup_script": lambda text: too_long(text, LONGEST_TEXT),
    "post_backup_script": lambda text: too_long(text, LONGEST_TEXT),
    "pre_hook_timeout": number(1, DAY),
    "post_hook_timeout": number(1, DAY),
    "keep_within": within_problem,
    **dict.fromkeys(["keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"], number(0, 100_000)),
    "check_every_days": number(1, 3650),
}
