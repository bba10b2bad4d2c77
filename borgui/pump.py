"""Reading a child's pipes without ever waiting for one of them: big reads, one poll, nothing kept.

A process that outlives its script may keep the pipe's other end. Its pipe is not closed, for its next line would kill
it: it stays in a list, and whoever pumps next reads it as well and drops what comes (behaviour.md, section 8).
"""

import fcntl
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import IO

OnOutput = Callable[[str, bytes, int], None]

PIPE_SIZE = 1 << 20  # what an ordinary user may ask for
READ_SIZE = 1 << 18  # larger reads were slower: the bytes no longer fit into the processor's cache

_strays: list[IO[bytes]] = []


def drop(stream: str, data: bytes, ms: int) -> None:
    """Output nobody wants."""


class Pump:
    """The pipes of one child and its pidfd. One thread, one owner; `close` hands what is still open to the next."""

    def __init__(self, pipes: Mapping[str, IO[bytes]], pidfd: int, on_output: OnOutput, started: float) -> None:
        self.on_output = on_output
        self.over = False
        self._heard = started
        self._started = started
        self._pidfd = pidfd
        self._open = {pipe.fileno(): (name, pipe) for name, pipe in pipes.items()}
        self._strays = {pipe.fileno(): pipe for pipe in _take_strays()}
        self._poller = select.poll()
        for descriptor in (*self._open, *self._strays):
            os.set_blocking(descriptor, False)
            self._poller.register(descriptor, select.POLLIN)
        for descriptor in self._open:
            _enlarge(descriptor)
        self._poller.register(pidfd, select.POLLIN)

    def milliseconds(self) -> int:
        return int((time.monotonic() - self._started) * 1000)

    def wait(self, seconds: float) -> bool:
        """Pass on what comes within this time, one read a pipe at most; true once the child's main process is over."""
        for descriptor, _ in self._poller.poll(max(0.0, seconds) * 1000):
            if descriptor == self._pidfd:
                self.over = True
                self._poller.unregister(descriptor)
            elif descriptor in self._open:
                self._read(descriptor)
            else:
                self._read_stray(descriptor)
        return self.over

    def idle(self, seconds: float) -> None:
        """Pump for this time, whatever comes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.wait(left)

    def drain(self, quiet: float = 0.2, longest: float = 1.0) -> None:
        """Pass on what lies in the pipes and what still trickles in, until they are closed or `quiet` seconds silent.

        `exec > >(tee log)` is why: such a tee outlives its script by a moment and holds the last lines of it.
        """
        self._heard = time.monotonic()
        until = self._heard + longest
        while self._open and (left := min(until, self._heard + quiet) - time.monotonic()) > 0:
            self.wait(left)

    def close(self) -> None:
        """Pipes that somebody still writes to go to the next pump, which reads and drops."""
        _strays.extend(pipe for _, pipe in self._open.values())
        _strays.extend(self._strays.values())
        self._open.clear()
        self._strays.clear()

    def _read(self, descriptor: int) -> None:
        name, pipe = self._open[descriptor]
        try:
            data = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self.on_output(name, data, self.milliseconds())
            self._heard = time.monotonic()
        else:
            self._poller.unregister(descriptor)
            del self._open[descriptor]
            pipe.close()

    def _read_stray(self, descriptor: int) -> None:
        try:
            if os.read(descriptor, READ_SIZE):
                return
        except BlockingIOError:
            return
        self._poller.unregister(descriptor)
        self._strays.pop(descriptor).close()


def _take_strays() -> list[IO[bytes]]:
    """All of them: a pipe has one reader, also when two threads run children."""
    taken = []
    while _strays:
        taken.append(_strays.pop())
    return taken


def _enlarge(descriptor: int) -> None:
    """A larger pipe means fewer turns. A user who has many pipes already may be refused; the usual 64 KiB work too."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        pass
