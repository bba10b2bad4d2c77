"""One call of borg, from argv to what it said: every other module of this package calls borg through here."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from backups.borg.environment import cache_folder, environment
from backups.borg.events import Message, Progress, Reader
from backups.borg.explain import decisive, explain_failure
from backups.borg.finding import Borg
from backups.borg.outcome import FAILURE, of_exit, of_message, worst
from backups.borg.target import Target
from borgui import process

MOST_MESSAGES = 1000  # kept of one call; all are counted, and all go to the log
PROGRESS_SECONDS = 1.0
LONGEST_PASSPHRASE = 4096  # bytes: it has to fit into a pipe that nobody reads yet, and a pipe may be as small


class Running(TypedDict, total=False):
    """How a call is watched; all of it optional, and handed through by every function of this package."""

    cwd: str | Path  # default: the base directory
    token: str  # by which its processes can be found
    timeout: float | None  # seconds
    should_stop: Callable[[], str] | None  # a text ends borg
    on_start: Callable[[process.Identity], None] | None
    on_output: Callable[[str, bytes, int], None] | None  # stream, text for people, milliseconds; not masked
    on_progress: Callable[[dict[str, Any]], None] | None  # at most once a second
    on_tick: Callable[[int], None] | None


@dataclass(frozen=True)
class Call:
    """What one call left: how it ended, its messages in order, and how many there were of each id."""

    result: process.Result
    messages: tuple[Message, ...]
    tally: Mapping[str, int]
    outcome: str

    @property
    def exit_code(self) -> int | None:
        return self.result.exit_code


def call(
    borg: Borg,
    target: Target,
    argv: Sequence[str],
    *,
    on_result: Callable[[bytes], None],
    running: Running,
) -> Call:
    """Run borg; `on_result` gets its standard output. Only what a callback raises is raised."""
    hearing = _Hearing(on_result, running.get("on_output"), running.get("on_progress"))
    unready = _unready(borg, target)
    result = process.Result(error=unready) if unready else _run(borg, target, argv, hearing, running)
    hearing.close(round(result.seconds * 1000))
    return Call(result, tuple(hearing.messages), hearing.tally, _outcome(result, hearing.worst))


def _unready(borg: Borg, target: Target) -> str:
    """Why borg cannot be started as it should be; empty when it can. Makes the folder of the cache."""
    if len(target.passphrase.encode()) > LONGEST_PASSPHRASE:
        return f"The passphrase is longer than {LONGEST_PASSPHRASE} bytes."
    try:
        cache_folder(borg, target).mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return f"The folder {error.filename} for borg's cache cannot be made: {error.strerror}."
    return ""


def _run(borg: Borg, target: Target, argv: Sequence[str], hearing: "_Hearing", running: Running) -> process.Result:
    with _passphrase_pipe(target.passphrase) as (variables, descriptors):
        return process.run(
            argv,
            env=environment(borg, target) | variables,
            cwd=running.get("cwd") or target.base_dir,
            timeout=running.get("timeout"),
            token=running.get("token", ""),
            on_output=hearing.feed,
            on_start=running.get("on_start"),
            should_stop=running.get("should_stop"),
            on_tick=running.get("on_tick"),
            pass_fds=descriptors,
        )


@dataclass(frozen=True)
class Failure:
    """Why a call failed, for a person; `msgid` is borg's, empty where it had none to say."""

    sentence: str
    msgid: str = ""


def ended_badly(target: Target, done: Call) -> Failure:
    """What to say of a call whose outcome is a failure."""
    result = done.result
    if result.error:
        return Failure(result.error)
    if result.reason == process.TIMED_OUT:
        return Failure(f"borg was stopped after {result.seconds:.0f} s, its time limit.")
    if result.reason:
        return Failure("borg was stopped before it was done.")
    last = decisive(done.messages)
    if last is None and result.signal:
        return Failure(f"borg was ended by signal {result.signal}. Look whether the machine ran out of memory.")
    return Failure(explain_failure(target, done.messages).sentence, last.msgid if last else "")


def _outcome(result: process.Result, said: str) -> str:
    """The worse of what borg said and its exit code; stopped or not started is a failure."""
    if result.reason or result.error:
        return FAILURE
    return worst((said, of_exit(result.exit_code)))


@contextmanager
def _passphrase_pipe(passphrase: str) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """The passphrase waits in a pipe, whose reading end borg inherits: neither argv nor environment ever have it."""
    if not passphrase:
        yield {}, ()
        return
    reading, writing = os.pipe()
    try:
        os.write(writing, passphrase.encode())
        os.close(writing)
        yield {"BORG_PASSPHRASE_FD": str(reading)}, (reading,)
    finally:
        os.close(reading)


class _Hearing:
    """Takes what borg prints apart: results to one side, words and progress to the other."""

    def __init__(
        self,
        on_result: Callable[[bytes], None],
        on_output: Callable[[str, bytes, int], None] | None,
        on_progress: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        self.tally: Counter[str] = Counter()
        self.worst = worst(())
        self._first: list[Message] = []
        self._last: deque[Message] = deque(maxlen=MOST_MESSAGES // 10)  # borg says last why it failed
        self._reader = Reader()
        self._on_result, self._on_output, self._on_progress = on_result, on_output, on_progress
        self._told_at = float("-inf")

    @property
    def messages(self) -> list[Message]:
        return [*self._first, *self._last]

    def feed(self, stream: str, data: bytes, ms: int) -> None:
        if stream == "o":
            self._on_result(data)
        else:
            self._take(self._reader.feed(data), ms)

    def close(self, ms: int) -> None:
        self._take(self._reader.close(), ms)

    def _take(self, events: "Iterator[Message | Progress]", ms: int) -> None:
        for event in events:
            if isinstance(event, Message):
                self._hear(event, ms)
            else:
                self._report(event)

    def _hear(self, message: Message, ms: int) -> None:
        if self._on_output:
            self._on_output("e", f"{message.text}\n".encode(), ms)
        self.tally[message.msgid] += 1
        self.worst = worst((self.worst, of_message(message.level, message.msgid)))
        kept = self._first if len(self._first) < MOST_MESSAGES else self._last
        kept.append(message)

    def _report(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._on_progress and now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self._on_progress(progress.as_dict)
