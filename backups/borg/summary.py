"""One sentence for a backup that has an archive: everything saved, or what is not."""

import os.path
from collections.abc import Iterator, Sequence

from backups.borg.calling import Call
from backups.borg.events import Message
from backups.borg.outcome import NOT_SAVED, WARNING

NAMED = 3  # files

_WHY = {
    "BackupPermissionError": "permission denied",
    "BackupFileNotFoundError": "not there",
    "BackupIOError": "the disk could not read it",
    "BackupRaceConditionError": "replaced while it was read",
}


def backed_up(sources: Sequence[str], done: Call, files: int | None) -> str:
    """`files` is their number in the archive, None where borg did not say."""
    missing = list(_sources_not_read(sources, done.messages))
    lost = "; ".join([*(text for _, text in missing), *_files(done, {message.path for message, _ in missing})])
    if files == 0:
        return "Backed up, but the archive is empty: " + (f"{lost}." if lost else "no source held a file.")
    if lost:
        return f"Backed up, but not everything: {lost}. The archive is good {_without(done, missing)}."
    if done.outcome == WARNING:
        return f"Backed up. borg warned: {_first_warning(done.messages)}"
    return "Backed up."


def _without(done: Call, missing: Sequence[tuple[Message, str]]) -> str:
    """Files that could not be read are not in it; a source, or a file that changed meanwhile, needs other words."""
    if missing or "FileChangedWarning" in done.tally:
        return "but for that"
    return "without it" if sum(done.tally[msgid] for msgid in NOT_SAVED & done.tally.keys()) == 1 else "without them"


def _sources_not_read(sources: Sequence[str], messages: Sequence[Message]) -> Iterator[tuple[Message, str]]:
    wanted = {os.path.normpath(path) for path in sources}
    for message in messages:
        if message.msgid in _WHY and os.path.normpath(message.path) in wanted:
            yield message, _source_lost(message)


def _source_lost(message: Message) -> str:
    if message.msgid == "BackupFileNotFoundError":
        return f"the source {message.path} is not there"
    return f"the source {message.path} could not be read ({_WHY[message.msgid]})"


def _files(done: Call, told: set[str]) -> Iterator[str]:
    """Those that changed, and those that could not be read by reason; counted in full, some named."""
    for msgid in sorted(NOT_SAVED & done.tally.keys()):
        names = [message.path for message in done.messages if message.msgid == msgid and message.path]
        others = [name for name in dict.fromkeys(names) if name not in told]
        count = done.tally[msgid] - sum(name in told for name in names)
        if count:
            yield f"{_what(msgid, count)}: {_named(others, count)}"


def _what(msgid: str, count: int) -> str:
    files = "1 file" if count == 1 else f"{count} files"
    if msgid == "FileChangedWarning":
        return f"{files} changed while being read"
    return f"{files} could not be read ({_WHY.get(msgid, 'an error')})"


def _named(names: Sequence[str], count: int) -> str:
    shown = ", ".join(names[:NAMED])
    return f"{shown} and {count - NAMED} more" if count > NAMED else shown


def _first_warning(messages: Sequence[Message]) -> str:
    text = next((message.text for message in messages if message.level == "WARNING" and message.text), "")
    return text.splitlines()[0] if text else "it did not say of what."
