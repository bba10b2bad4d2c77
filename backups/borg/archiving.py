"""`borg create`: one backup, and how it ended (behaviour.md, section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from backups.borg import command, events, summary
from backups.borg.calling import Running, call, ended_badly
from backups.borg.events import Message
from backups.borg.finding import Borg
from backups.borg.outcome import FAILURE, NOT_SAVED, SUCCESS, WARNING, worst
from backups.borg.target import Source, Target

MOST_UNREAD = 200  # names that are kept


@dataclass(frozen=True)
class Backup:
    """How one backup ended. `outcome` is `success`, `warning` (the archive exists) or `failure`."""

    outcome: str
    exit_code: int | None  # None: a signal ended borg, or it never started
    signal: int | None
    archive: dict[str, Any] | None  # name, id, start, end, duration, stats; None where borg did not come as far
    files: int | None
    stats: dict[str, Any]  # bytes and numbers of this archive; "repository" has those of the whole
    messages: tuple[Message, ...]
    unread: tuple[str, ...]  # sources and files of which the archive has no good copy, MOST_UNREAD at most
    unread_count: int
    sentence: str
    command: tuple[str, ...]  # there is no secret in it
    reason: str = ""  # "timed_out", or what `should_stop` said
    error: str = ""  # why borg could not be started
    msgid: str = ""  # of the message that decided a failure
    encryption: str = ""  # the mode that borg saw


def create(borg: Borg, target: Target, source: Source, archive_name: str, **running: Unpack[Running]) -> Backup:
    """Make one archive. What goes wrong is in the answer; nothing is raised for it."""
    argv = command.create(borg, target, source, archive_name)
    printed = bytearray()
    done = call(borg, target, argv, on_result=printed.extend, running=running)
    found = events.document(bytes(printed)) or {}
    archive = _archive(found)
    files = archive["stats"].get("nfiles") if archive else None
    outcome = worst((done.outcome, WARNING if files == 0 else SUCCESS))
    failed = ended_badly(target, done) if outcome == FAILURE else None
    return Backup(
        outcome=outcome,
        exit_code=done.exit_code,
        signal=done.result.signal,
        archive=archive,
        files=files,
        stats=_stats(found),
        messages=done.messages,
        unread=_unread(done.messages),
        unread_count=sum(done.tally[msgid] for msgid in NOT_SAVED),
        sentence=f"Not backed up. {failed.sentence}" if failed else summary.backed_up(source.paths, done, files),
        command=tuple(argv),
        reason=done.result.reason,
        error=done.result.error,
        msgid=failed.msgid if failed else "",
        encryption=(found.get("encryption") or {}).get("mode", ""),
    )


def _archive(found: dict[str, Any]) -> dict[str, Any] | None:
    """borg's own account of the archive, with times that say that they are UTC."""
    archive = found.get("archive")
    if not isinstance(archive, dict) or not isinstance(archive.get("stats"), dict):
        return None
    return archive | {name: events.instant(archive[name]) for name in ("start", "end") if name in archive}


def _stats(found: dict[str, Any]) -> dict[str, Any]:
    archive = _archive(found)
    if archive is None:
        return {}
    repository = (found.get("cache") or {}).get("stats") or {}
    return archive["stats"] | {"duration": archive.get("duration"), "repository": repository}


def _unread(messages: Sequence[Message]) -> tuple[str, ...]:
    names = dict.fromkeys(message.path for message in messages if message.msgid in NOT_SAVED and message.path)
    return tuple(names)[:MOST_UNREAD]
