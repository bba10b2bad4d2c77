"""What a script finds in its environment: section 9 of the contract, every name always set. Plain Python."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

PASSED = ("PATH", "LANG", "TZ", "HOME")
FALLBACK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PREFIX = "BORG_UI_"
LONGEST = 120 * 1024  # bytes of one variable; the kernel refuses 128 KiB together with the name


@dataclass(frozen=True)
class HookContext:
    """One job as its scripts see it. Plain values: the library does not know repositories and jobs."""

    hook_type: str
    moment: datetime  # aware; when the job was claimed
    triggered_by: str
    repository_id: int | None = None
    repository_name: str = ""
    repository_path: str = ""
    source_paths: tuple[str, ...] = ()
    archive_name: str = ""
    job_id: int | None = None
    window_name: str = ""
    outcome: str = ""  # post-backup only
    exit_code: int | None = None
    error: str = ""
    stats_file: str = ""
    library_dir: str = ""
    pass_env: tuple[str, ...] = field(default=())


def inherited(names: Iterable[str] = ()) -> dict[str, str]:
    """What passes from the server's own environment, and nothing else."""
    found = {name: os.environ[name] for name in (*PASSED, *names) if name in os.environ}
    return {"PATH": FALLBACK_PATH, "LANG": "C.UTF-8", "HOME": "/", **found}


def facts(
    context: HookContext, *, execution_id: int, attempt: int, token: str, state: Path, notify: Path
) -> dict[str, str]:
    """The variables of section 9 under their short names."""
    code = "" if context.exit_code is None else str(context.exit_code)
    named = {
        "HOOK_TYPE": context.hook_type,
        "BACKUP_STATUS": context.outcome,
        "BACKUP_EXIT_CODE": code,
        "BACKUP_ERROR": context.error[:4000],
        "BACKUP_DATE": f"{context.moment:%Y-%m-%d}",
        "BACKUP_TIMESTAMP": context.moment.isoformat(timespec="seconds"),
        "REPOSITORY_ID": "" if context.repository_id is None else str(context.repository_id),
        "REPOSITORY_NAME": context.repository_name,
        "REPOSITORY_PATH": context.repository_path,
        "SOURCE_PATHS": "\n".join(context.source_paths),
        "ARCHIVE_NAME": context.archive_name,
        "JOB_ID": "" if context.job_id is None else str(context.job_id),
        "EXECUTION_ID": str(execution_id),
        "TRIGGERED_BY": context.triggered_by,
        "WINDOW_NAME": context.window_name,
        "ATTEMPT": str(attempt),
        "EXECUTION_TOKEN": token,
        "LIBRARY_DIR": context.library_dir,
        "STATE_DIR": str(state),
        "BACKUP_STATS": context.stats_file,
        "NOTIFY_FILE": str(notify),
    }
    return {name: passable(value) for name, value in named.items()}


def passable(value: str) -> str:
    """As an environment can carry it. A strange character in a message of borg must not keep services down."""
    text = value.replace("\0", "")
    try:
        raw = text.encode("utf-8", "surrogateescape")  # paths that are no text keep their bytes
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "replace")
    return os.fsdecode(raw if len(raw) <= LONGEST else whole_lines(raw))


def whole_lines(raw: bytes) -> bytes:
    """The lines that fit: better a script that knows most of ten thousand sources than one that cannot start."""
    return raw[: LONGEST + 1].rpartition(b"\n")[0] or raw[:LONGEST]


def assemble(
    variables: Mapping[str, str], parameters: Mapping[str, str], pass_env: Iterable[str] = ()
) -> dict[str, str]:
    """The whole environment. Parameters cannot take a reserved name, and if one did it would lose here."""
    prefixed = {PREFIX + name: value for name, value in variables.items()}
    return {**inherited(pass_env), **parameters, **prefixed, **variables}


KNOWN_AT_RUN = (
    "BACKUP_EXIT_CODE", "BACKUP_ERROR", "BACKUP_DATE", "BACKUP_TIMESTAMP", "ARCHIVE_NAME", "JOB_ID", "EXECUTION_ID",
    "TRIGGERED_BY", "ATTEMPT", "EXECUTION_TOKEN", "LIBRARY_DIR", "STATE_DIR", "BACKUP_STATS", "NOTIFY_FILE",
)  # fmt: skip
