"""Which process is meant, and ending it for certain: pid, start time and boot id (behaviour.md, section 6).

A pid alone means nothing after the process is gone: the kernel gives the number away again. Here a process is named by
three values, signals go through a pidfd, and what a lost parent left behind is found by the token in its environment.
"""

import functools
import logging
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

TOKEN_VARIABLE = "EXECUTION_TOKEN"
GIVE_UP = 5.0  # seconds that KILL may take before a process counts as one that cannot be ended

log = logging.getLogger(__name__)


class Stat(NamedTuple):
    """What we read of /proc/PID/stat; `start` is in clock ticks since boot."""

    alive: bool
    group: int
    session: int
    start: int


def read_stat(pid: int) -> Stat | None:
    """None when there is no such process. A zombie still has an entry, with `alive` false."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return None
    fields = line[line.rindex(b")") + 2 :].split()  # the name may hold blanks and parentheses
    dead = fields[0] in (b"Z", b"X", b"x") and int(fields[17]) <= 1  # a main thread may be over before its others
    return Stat(not dead, int(fields[2]), int(fields[3]), int(fields[19]))


@functools.cache
def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of the process; None when it is gone or a zombie."""
    stat = read_stat(pid)
    return stat.start if stat and stat.alive else None


@dataclass(frozen=True)
class Identity:
    """One process, never another one that got its number later. As text: "PID START BOOT"."""

    pid: int
    start_time: int
    boot_id: str

    @classmethod
    def current(cls) -> Self:
        return cls._read(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this number now; None when there is none, or only a zombie."""
        start = start_time(pid)
        return None if start is None else cls(pid, start, boot_id())

    @classmethod
    def of_child(cls, pid: int) -> Self:
        """A child that nobody has waited for yet: it has an identity also when it is over already."""
        return cls._read(pid)

    @classmethod
    def _read(cls, pid: int) -> Self:
        stat = read_stat(pid)
        if stat is None:
            raise ProcessLookupError(f"There is no process {pid}.")
        return cls(pid, stat.start, boot_id())

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reverse of `str()`. Raises ValueError for anything else, also for a line that was cut off."""
        words = text.split()
        if len(words) != 3 or not (words[0].isdecimal() and words[1].isdecimal()) or int(words[0]) < 1:
            raise ValueError(f"{text!r} names no process: expected pid, start time and boot id.")
        return cls(int(words[0]), int(words[1]), words[2])

    def __str__(self) -> str:
        return f"{self.pid} {self.start_time} {self.boot_id}"

    def is_alive(self) -> bool:
        return self.boot_id == boot_id() and start_time(self.pid) == self.start_time

    def signal(self, number: int) -> bool:
        """Send a signal; False when the process is gone or belongs to somebody else."""
        if self.boot_id != boot_id():
            return False
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.is_alive():  # asked after opening: from here on the descriptor cannot mean another process
                return False
            signal.pidfd_send_signal(descriptor, number)
        except (ProcessLookupError, PermissionError):
            return False
        finally:
            os.close(descriptor)
        return True


def carriers(token: str, *, after: int = 0) -> list[Identity]:
    """Every process that was started with this token in its environment, whatever its parent, group or session is.

    Never the caller itself; nothing at all for an empty token. With `after` only processes with a higher pid.
    """
    return [found for pid in _pids(after) if _carries(pid, token) and (found := Identity.of(pid))] if token else []


def members(leader: int, *, after: int = 0) -> list[Identity]:
    """The living processes of the session or process group with this number, the leader included, never the caller."""
    found = []
    for pid in _pids(after):
        stat = read_stat(pid)
        if stat and stat.alive and leader in (stat.session, stat.group):
            found.append(Identity(pid, stat.start, boot_id()))
    return found


def leftovers(token: str, session: Identity | None = None) -> list[Identity]:
    """What a lost process left behind: carriers of its token, and the session it recorded if that still is the same.

    A session whose leader cannot be recognised any more may be a stranger's by now, so only the token counts then.
    """
    found = {identity.pid: identity for identity in carriers(token)}
    if session and session.boot_id == boot_id():
        stat = read_stat(session.pid)
        if stat and stat.start == session.start_time and stat.session == session.pid:
            found.update({identity.pid: identity for identity in members(session.pid)})
    return list(found.values())


def end(
    find: Callable[[], Iterable[Identity]],
    grace: float = 10.0,
    *,
    wait: Callable[[float], object] = time.sleep,
    warned: Collection[Identity] = (),
) -> int:
    """TERM everything `find` names, KILL after `grace` seconds, until it names nothing; returns how many are gone.

    `find` is asked again and again, so processes that are started meanwhile are ended too. Each gets TERM once, those
    in `warned` have had theirs. What survives KILL for five seconds (it hangs in the kernel, or belongs to another
    user) is left, logged and not counted. `wait(seconds)` passes the time between two looks.
    """
    seen: set[Identity] = set(warned)
    ended: set[Identity] = set()
    kill_at = time.monotonic() + grace
    pause = 0.01
    looks_in_vain = 0
    while looks_in_vain < 2:  # one may fall between a process that is over and the one it has just started
        living = [identity for identity in find() if identity.is_alive()]
        looks_in_vain = 0 if living else looks_in_vain + 1
        now = time.monotonic()
        if living and now >= kill_at + GIVE_UP:
            log.error("Could not end these processes: %s", ", ".join(str(identity.pid) for identity in living))
            return len(ended - set(living))
        for identity in living:
            if now >= kill_at:
                identity.signal(signal.SIGKILL)
            elif identity not in seen:
                identity.signal(signal.SIGTERM)
        seen.update(living)
        ended.update(living)
        wait(pause)
        pause = min(pause * 2, 0.05)
    return len(ended)


def _pids(after: int) -> list[int]:
    me = os.getpid()
    return [pid for name in os.listdir("/proc") if name.isdecimal() and (pid := int(name)) > after and pid != me]


def _carries(pid: int, token: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{TOKEN_VARIABLE}={token}\0".encode() in file.read()
    except OSError:
        return False
