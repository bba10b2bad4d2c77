"""Argument lists: pure functions from values to argv.

No secret is ever in one: borg keeps its command line in the archive. How a repository and an archive are named is
written in one place, `_command`, which is also where another dialect (borg 2: `-r REPOSITORY`, archives by name or
id) would go.
"""

from collections.abc import Iterable

from backups.borg.finding import Borg
from backups.borg.target import Keep, Source, Target


def create(borg: Borg, target: Target, source: Source, archive: str) -> list[str]:
    options = ["--json", "--progress", f"--compression={source.compression}"]
    if source.one_file_system:
        options.append("--one-file-system")
    if source.exclude_caches:
        options.append("--exclude-caches")
    options += [f"--exclude-if-present={name}" for name in source.exclude_if_present]
    options += [f"--exclude={pattern}" for pattern in source.exclude_patterns]
    return _command(borg, target, ["create"], options, archive=archive, operands=source.paths)


def init(borg: Borg, target: Target, encryption: str) -> list[str]:
    return _command(borg, target, ["init"], [f"--encryption={encryption}"])


def info(borg: Borg, target: Target) -> list[str]:
    return _command(borg, target, ["info"], ["--json"])


def list_archives(borg: Borg, target: Target, *, checkpoints: bool = False) -> list[str]:
    return _command(borg, target, ["list"], ["--json", *(["--consider-checkpoints"] if checkpoints else [])])


def list_files(borg: Borg, target: Target, archive: str, paths: Iterable[str] = ()) -> list[str]:
    return _command(borg, target, ["list"], ["--json-lines"], archive=archive, operands=paths)


def check(borg: Borg, target: Target, *, verify_data: bool = False) -> list[str]:
    return _command(borg, target, ["check"], ["--progress", *(["--verify-data"] if verify_data else [])])


def compact(borg: Borg, target: Target) -> list[str]:
    """`--info`: it says what it freed."""
    return _command(borg, target, ["compact"], ["--info", "--progress"])


def break_lock(borg: Borg, target: Target) -> list[str]:
    return _command(borg, target, ["break-lock"], [])


def key_export(borg: Borg, target: Target) -> list[str]:
    return _command(borg, target, ["key", "export"], [], operands=["-"])


def prune(borg: Borg, target: Target, keep: Keep, archives: str, *, dry_run: bool = False) -> list[str]:
    """`archives` is a shell pattern of names; nothing that it does not match is looked at."""
    options = ["--list", "--progress", f"--glob-archives={quoted(archives)}", *(["--dry-run"] if dry_run else [])]
    if keep.within:
        options.append(f"--keep-within={keep.within}")
    counts = {
        "hourly": keep.hourly,
        "daily": keep.daily,
        "weekly": keep.weekly,
        "monthly": keep.monthly,
        "yearly": keep.yearly,
    }
    options += [f"--keep-{period}={count}" for period, count in counts.items() if count]
    return _command(borg, target, ["prune"], options)


def quoted(name: str) -> str:
    """A name in which borg fills in no placeholders."""
    return name.replace("{", "{{").replace("}", "}}")


def _command(
    borg: Borg,
    target: Target,
    verb: list[str],
    options: list[str],
    *,
    archive: str = "",
    operands: Iterable[str] = (),
) -> list[str]:
    """The dialect of borg 1: `borg VERB OPTIONS -- REPOSITORY::ARCHIVE OPERANDS`."""
    place = f"{target.path}::{quoted(archive)}" if archive else target.path
    return [borg.path, *verb, "--log-json", *_common(target), *options, "--", place, *operands]


def _common(target: Target) -> list[str]:
    options = []
    if target.lock_wait is not None:
        options.append(f"--lock-wait={target.lock_wait}")
    if target.upload_rate_limit:
        options.append(f"--upload-ratelimit={target.upload_rate_limit}")
    if target.remote_path:
        options.append(f"--remote-path={target.remote_path}")
    return options
