"""Answers that a slow reader has not taken yet: kept in memory, so that no thread waits for whoever reads a byte a second.

A thread writes into `PatientSocket`, which never makes it wait before there is a lot; what the network does not take at
once is sent by the loop of the worker, which waits for everybody at the same time.
"""

import socket
import time
from dataclasses import dataclass
from typing import Any

MOST_KEPT = 4 * 2**20  # bytes of one answer; a larger one makes its thread wait
MOST_KEPT_OF_ALL = 64 * 2**20  # bytes in one process; who has waited longest gives way
TIME, SLOWEST = 30.0, 4096  # seconds for everybody, and bytes a second


class PatientSocket(socket.socket):
    """A connection. `unsent`: what was written and has not left."""

    unsent: bytearray

    @classmethod
    def of(cls, accepted: socket.socket) -> "PatientSocket":
        found = cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        found.unsent = bytearray()
        return found

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Raises OSError where the client is gone, or takes nothing of a large answer for long (SO_SNDTIMEO)."""
        self.unsent += data
        self.push()
        if len(self.unsent) > MOST_KEPT:
            kept, self.unsent = self.unsent, bytearray()
            super().sendall(kept, flags)

    def push(self) -> bool:
        """Send what can be sent without waiting; True once nothing is left. Raises OSError."""
        while self.unsent:
            try:
                del self.unsent[: self.send(self.unsent, socket.MSG_DONTWAIT)]
            except BlockingIOError:
                return False
        return True


@dataclass(eq=False)
class Taking:
    """A client that takes its answer. `is_last`: the connection ends with it."""

    conn: Any
    is_last: bool
    deadline: float = 0.0

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + TIME + len(self.conn.sock.unsent) / SLOWEST


def too_slow(taking: "set[Taking]", now: float) -> list[Taking]:
    """Who has had the time there is; and, where all together are too much, those who have taken longest."""
    late = [one for one in taking if one.deadline < now]
    others = sorted(taking - set(late), key=lambda one: one.deadline)
    kept = sum(len(one.conn.sock.unsent) for one in others)
    while kept > MOST_KEPT_OF_ALL:
        late.append(others.pop(0))
        kept -= len(late[-1].conn.sock.unsent)
    return late
