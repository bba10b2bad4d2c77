"""Every other verb of borg: one function each, and one kind of answer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from backups.borg import command, events, pruning
from backups.borg.calling import Call, Running, call, ended_badly
from backups.borg.events import Message
from backups.borg.explain import explain
from backups.borg.finding import Borg
from backups.borg.outcome import FAILURE, WARNING
from backups.borg.target import Keep, Target

QUICK = 120.0  # seconds for what a person waits for, on top of waiting for the lock
DAMAGED = "IntegrityError"


@dataclass(frozen=True)
class Answer:
    """How a call ended. `sentence` says for a person what went wrong; it is empty after a success."""

    outcome: str
    exit_code: int | None
    data: Any  # what was asked for; None where borg did not come as far
    messages: tuple[Message, ...]
    sentence: str
    reason: str = ""  # "timed_out", or what `should_stop` said
    error: str = ""  # why borg could not be started
    msgid: str = ""  # of the message that decided a failure

    @property
    def ok(self) -> bool:
        return self.outcome != FAILURE


def init(borg: Borg, target: Target, encryption: str, **running: Unpack[Running]) -> Answer:
    """Make the repository. Its parent folder must be there: a disk that is not mounted is not written around."""
    return _plain(target, borg, command.init(borg, target, encryption), _quick(target, running))


def info(borg: Borg, target: Target, **running: Unpack[Running]) -> Answer:
    """`data`: borg's document with `repository` (id, location, last_modified), `encryption` (mode) and `cache`
    (stats: sizes in bytes)."""
    return _document(target, borg, command.info(borg, target), _quick(target, running))


def list_archives(borg: Borg, target: Target, *, checkpoints: bool = False, **running: Unpack[Running]) -> Answer:
    """`data`: borg's document; each of its `archives`, oldest first, has `id`, `name` and `time` (ISO 8601, UTC).

    `checkpoints`: also what interrupted backups left.
    """
    argv = command.list_archives(borg, target, checkpoints=checkpoints)
    answer = _document(target, borg, argv, _quick(target, running))
    for archive in (answer.data or {}).get("archives", ()):
        archive["time"] = events.instant(archive.get("time", ""))
    return answer


def list_files(
    borg: Borg,
    target: Target,
    archive: str,
    paths: Iterable[str] = (),
    *,
    on_file: Callable[[dict[str, Any]], None] | None = None,
    **running: Unpack[Running],
) -> Answer:
    """The files of an archive, below `paths` where given, as borg lists them (`path`, `type`, `size`, `mtime` in
    UTC). They go to `on_file` one by one; without it `data` is the list of all, which may be long."""
    found: list[dict[str, Any]] = []
    lines = _JsonLines(on_file or found.append)
    done = call(borg, target, command.list_files(borg, target, archive, paths), on_result=lines.feed, running=running)
    return _answer(target, done, None if on_file else found)


def check(borg: Borg, target: Target, *, verify_data: bool = False, **running: Unpack[Running]) -> Answer:
    """Whether repository and archives are whole; `verify_data` reads every byte, which takes long.

    borg only warns of what it found. Damage is not a warning: the outcome is a failure.
    """
    answer = _plain(target, borg, command.check(borg, target, verify_data=verify_data), running)
    if answer.outcome != WARNING:
        return answer
    detail = next((message.text for message in answer.messages if message.level == "ERROR"), "the check found errors")
    found = explain(DAMAGED, repository=target.path, detail=detail)
    return replace(answer, outcome=FAILURE, sentence=found.sentence, msgid=DAMAGED)


def compact(borg: Borg, target: Target, **running: Unpack[Running]) -> Answer:
    """Free the space that pruned and deleted archives left. `data`: bytes freed, None where borg did not say."""
    answer = _plain(target, borg, command.compact(borg, target), running)
    return replace(answer, data=pruning.freed(answer.messages))


def prune(
    borg: Borg, target: Target, keep: Keep, archives: str, *, dry_run: bool = False, **running: Unpack[Running]
) -> Answer:
    """Delete the archives that match the shell pattern `archives` and are not to be kept; `dry_run` only says which.

    `data`: a `Fate` for each archive that borg looked at, the newest first, and their checkpoints.
    """
    hearing = pruning.Hearing(running.get("on_output"))
    argv = command.prune(borg, target, keep, archives, dry_run=dry_run)
    answer = _plain(replace(target, zone=keep.zone), borg, argv, {**running, "on_output": hearing.feed})
    return replace(answer, data=tuple(hearing.fates))


def break_lock(borg: Borg, target: Target, **running: Unpack[Running]) -> Answer:
    """Remove every lock of the repository and its cache, whoever holds it: only when a person says so."""
    return _plain(target, borg, command.break_lock(borg, target), _quick(target, running))


def key_export(borg: Borg, target: Target, **running: Unpack[Running]) -> Answer:
    """`data`: the text of the key, still locked by the passphrase. To be handled like a secret."""
    printed = bytearray()
    done = call(
        borg,
        target,
        command.key_export(borg, target),
        on_result=printed.extend,
        running=_quick(target, running),
    )
    return _answer(target, done, printed.decode("ascii", "replace") or None)


def _quick(target: Target, running: Running) -> Running:
    """With a time limit, if the caller set none: a dead connection must not hold a page for ever."""
    return {"timeout": QUICK + (target.lock_wait or 0), **running}


def _plain(target: Target, borg: Borg, argv: Sequence[str], running: Running) -> Answer:
    return _answer(target, call(borg, target, argv, on_result=lambda _: None, running=running), None)


def _document(target: Target, borg: Borg, argv: Sequence[str], running: Running) -> Answer:
    printed = bytearray()
    done = call(borg, target, argv, on_result=printed.extend, running=running)
    return _answer(target, done, events.document(bytes(printed)))


def _answer(target: Target, done: Call, data: object) -> Answer:
    failed = ended_badly(target, done) if done.outcome == FAILURE else None
    return Answer(
        outcome=done.outcome,
        exit_code=done.exit_code,
        data=data,
        messages=done.messages,
        sentence=failed.sentence if failed else _warning(done),
        reason=done.result.reason,
        error=done.result.error,
        msgid=failed.msgid if failed else "",
    )


def _warning(done: Call) -> str:
    if done.outcome != WARNING:
        return ""
    text = next((message.text for message in done.messages if message.level == "WARNING"), "")
    return f"borg warned: {text.splitlines()[0]}" if text else "borg ended with a warning."


class _JsonLines:
    """One object a line, cut anywhere."""

    def __init__(self, on_object: Callable[[dict[str, Any]], None]) -> None:
        self._rest = b""
        self._on_object = on_object

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            found = events.document(line)
            if found is not None:
                self._on_object(found)
