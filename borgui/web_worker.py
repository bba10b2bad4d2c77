"""gunicorn's threads, which are given a request when all of it is there.

A thread that waits for a slow client is lost to everybody else: sixteen clients that send a byte a minute would close the
site. So the loop of the worker, which waits for all of them at once, collects the head and the body, and threads only
work. What is larger than its address takes is handed over at once, for it is refused unread (`doors`). Nobody gets more
than a minute, or more memory than there is for all of them. Closing a connection waits in the loop as well, and so does
an answer that its client takes slowly (`web_outgoing`).
"""

import re
import selectors
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes
from weakref import WeakSet

from gunicorn.workers.gthread import TConn, ThreadWorker

from borgui import doors, web_refusals
from borgui.web_outgoing import PatientSocket, Taking, too_slow

HEAD_END = b"\r\n\r\n"
LONGEST_HEAD = 64 * 1024  # bytes; gunicorn refuses what is longer than its own limits
HEAD_TIME, BODY_TIME, DRAIN_TIME = 15.0, 60.0, 2.0  # seconds
MOST_HELD = 64 * 2**20  # bytes of unfinished requests in one process
MOST_DRAINED = 2**20  # bytes that a client may still send after its answer
STALLED = 20  # seconds in which a client takes nothing of its answer
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(eq=False)
class Arriving:
    """A request on its way. `needed`: bytes of all of it, once that is known."""

    conn: Any
    deadline: float
    data: bytearray = field(default_factory=bytearray)
    needed: int = 0

    def is_whole(self) -> bool:
        """Also where no more of it is wanted."""
        if not self.needed:
            self._look_at_head()
        return bool(self.needed) and len(self.data) >= self.needed

    def _look_at_head(self) -> None:
        end = self.data.find(HEAD_END)
        if end < 0:
            self.needed = len(self.data) if len(self.data) > LONGEST_HEAD else 0
            return
        head = bytes(self.data[: end + len(HEAD_END)])
        found = LENGTH.search(head)
        length = int(found[1]) if found else 0
        self.needed = len(head) + (length if length <= doors.limit_of(path_of(head)) else 0)
        if len(self.data) < self.needed:
            self.deadline += BODY_TIME
            self._say_go_on(head)

    def _say_go_on(self, head: bytes) -> None:
        without = EXPECT.sub(b"", head)
        if without != head:
            self.data[: len(head)] = without
            self.needed -= len(head) - len(without)
            self.conn.sock.send(GO_ON)


def path_of(head: bytes) -> str:
    words = head.split(b"\r\n", 1)[0].split(b" ")
    return unquote_to_bytes(words[1].partition(b"?")[0]).decode("utf-8", "replace") if len(words) == 3 else ""


@dataclass(eq=False)
class Leaving:
    """A connection that was answered to its end."""

    conn: Any
    deadline: float
    drained: int = 0


class PatientWorker(ThreadWorker):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arriving: set[Arriving] = set()
        self.leaving: set[Leaving] = set()
        self.taking: set[Taking] = set()
        self.held = 0  # bytes
        self.programs: WeakSet[Any] = WeakSet()  # sockets that asked the API

    def accept(self, listener: socket.socket) -> None:
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        sock = PatientSocket.of(accepted)
        self.nr_conns += 1
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", STALLED, 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", STALLED, 0))
        self.wait_for(TConn(self.cfg, sock, address, listener.getsockname()), HEAD_TIME)

    # --- coming -------------------------------------------------------------------------------------------------------
    def wait_for(self, conn: Any, seconds: float, begun: bytes = b"") -> None:
        one = Arriving(conn, time.monotonic() + seconds)
        conn.sock.setblocking(False)
        self.arriving.add(one)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.more, one))
        if begun:
            self.take(one, begun)

    def more(self, one: Arriving, sock: socket.socket) -> None:
        try:
            data = sock.recv(256 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.take(one, data)
        else:
            self.forget(one)
            self.close(one.conn)

    def take(self, one: Arriving, data: bytes) -> None:
        if not one.data:
            one.deadline = time.monotonic() + HEAD_TIME
        one.data += data
        self.held += len(data)
        try:
            is_whole = one.is_whole()
        except OSError:
            is_whole, self.held = False, max(self.held, MOST_HELD + 1)
        if is_whole:
            self.forget(one)
            self.hand_over(one)
        elif self.held > MOST_HELD:
            self.forget(one)
            self.close(one.conn)

    def hand_over(self, one: Arriving) -> None:
        conn = one.conn
        note = self.programs.add if one.data.startswith(b"/api/", one.data.find(b" ") + 1) else self.programs.discard
        note(conn.sock)
        conn.sock.setblocking(True)
        conn.init()
        conn.parser.unreader.unread(bytes(one.data))
        conn.data_ready = True
        self.enqueue_req(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """What cannot be read as a request is answered in the shape that was asked for, and noted without its text."""
        found = web_refusals.of(exc)
        if found is None:
            super().handle_error(req, client, addr, exc)
            return
        status, why = found
        self.log.warning("A request from %s is refused with %d: %s", (addr or ("",))[0], status, type(exc).__name__)
        try:
            web_refusals.send(client, status, why, for_program=client in self.programs)
        except OSError:
            self.log.debug("Nobody took the answer.")

    def forget(self, one: Arriving) -> None:
        self.poller.unregister(one.conn.sock)
        self.arriving.discard(one)
        self.held = (
            sum(len(other.data) for other in self.arriving) if self.held > MOST_HELD else self.held - len(one.data)
        )

    # --- going --------------------------------------------------------------------------------------------------------
    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """What the application has not read is here already, or is not waited for."""
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + 0.1))

    def finish_request(self, conn: Any, fs: Any) -> None:
        keep = not fs.cancelled() and fs.exception() is None and fs.result() is True
        if conn.sock.fileno() >= 0 and conn.sock.unsent:
            self.let_take(conn, is_last=not keep)
        else:
            self.answered(conn, is_last=not keep)

    def answered(self, conn: Any, *, is_last: bool) -> None:
        """All of the answer is on its way."""
        if is_last or not self.alive:
            self.leave(conn)
        else:
            self.wait_for(conn, self.cfg.keepalive, conn.parser.unreader.take_buffered())

    def let_take(self, conn: Any, *, is_last: bool) -> None:
        one = Taking(conn, is_last)
        conn.sock.setblocking(False)
        self.taking.add(one)
        self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self.push, one))

    def push(self, one: Taking, sock: PatientSocket) -> None:
        try:
            if not sock.push():
                return
        except OSError:
            self.give_up(one)
            return
        self.poller.unregister(sock)
        self.taking.discard(one)
        self.answered(one.conn, is_last=one.is_last)

    def give_up(self, one: Taking) -> None:
        self.poller.unregister(one.conn.sock)
        self.taking.discard(one)
        self.close(one.conn)

    def leave(self, conn: Any) -> None:
        """The answer is out. Closing with something unread would take it back from the client, so that is read first."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            one = Leaving(conn, time.monotonic() + DRAIN_TIME)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.drain, one))
        except (OSError, ValueError, KeyError):
            self.close(conn)
            return
        self.leaving.add(one)

    def drain(self, one: Leaving, sock: socket.socket) -> None:
        try:
            found = len(sock.recv(64 * 1024))
        except BlockingIOError:
            return
        except OSError:
            found = 0
        one.drained += found
        if not found or one.drained > MOST_DRAINED:
            self.gone(one)

    def gone(self, one: Leaving) -> None:
        self.poller.unregister(one.conn.sock)
        self.leaving.discard(one)
        self.close(one.conn)

    def close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Called once a second at least: who has had the time there is; while stopping also who has not begun."""
        now = time.monotonic()
        for one in self.late(now):
            self.forget(one)
            self.close(one.conn)
        for other in [entry for entry in self.leaving if entry.deadline < now]:
            self.gone(other)
        for slow in too_slow(self.taking, now):
            self.give_up(slow)

    def late(self, now: float) -> Iterator[Arriving]:
        yield from [one for one in self.arriving if one.deadline < now or not (self.alive or one.data)]
