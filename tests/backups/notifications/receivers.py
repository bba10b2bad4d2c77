"""Receivers on loopback: a web hook and a mail server that keep what they get, and can be made to misbehave."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Got:
    """One message or ping. `title` and `text` as a person reads them."""

    title: str
    text: str
    path: str = ""
    to: list[str] = field(default_factory=list)


class WebHook:
    """`answer`: the status to answer with, or "hang" to keep the line open in silence until `release`.

    `body`: None, or pieces without end that follow the status; `given` counts their bytes, while somebody listens.
    """

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.tried = 0
        self.answer: int | str = 200
        self.location = ""
        self.delay = 0.0
        self.body: Iterator[bytes] | None = None
        self.given, self.is_giving = 0, False
        self._released = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hook.tried += 1
                if hook.answer == "hang":
                    hook._released.wait(60)
                    return
                if hook.answer == 200:
                    hook.got.append(hook.read(self.path, body))
                time.sleep(hook.delay)
                self.send_response(int(hook.answer))
                if hook.location:
                    self.send_header("Location", hook.location)
                if hook.body is None:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                self.give(hook.body or iter(()))

            def give(self, pieces: Iterator[bytes]) -> None:
                hook.is_giving = True
                with suppress(OSError):  # until nobody listens any more
                    for piece in pieces:
                        self.wfile.write(piece)
                        hook.given += len(piece)
                hook.is_giving = False

            do_GET = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    @staticmethod
    def read(path: str, body: bytes) -> Got:
        if body.startswith(b"{"):
            found = json.loads(body)
            return Got(found.get("title", ""), found.get("message", ""), path)
        return Got("", body.decode(), path)

    @property
    def url(self) -> str:
        """As a channel has it."""
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def web(self) -> str:
        """As a ping has it."""
        return f"http://127.0.0.1:{self.port}/ping/abc"

    @property
    def titles(self) -> list[str]:
        return [one.title for one in self.got]

    def release(self) -> None:
        self._released.set()


@contextmanager
def web_hook() -> Iterator[WebHook]:
    hook = WebHook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        hook.release()
        hook.server.shutdown()
        thread.join()
        hook.server.server_close()


class MailServer:
    """Takes mail of anybody, or only of who signs in as `user` with `password`."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.user, self.password = "", ""
        self.controller: Any = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.user and not session.authenticated:
            return "530 Sign in first"
        mail = message_from_bytes(envelope.content)
        text = mail.get_payload(decode=True).decode().replace("\r\n", "\n").rstrip("\n")  # type: ignore[union-attr]
        self.got.append(Got(str(make_header(decode_header(mail["Subject"]))), text, to=list(envelope.rcpt_tos)))
        return "250 OK"

    def check(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        is_right = (given.login.decode(), given.password.decode()) == (self.user, self.password)
        return AuthResult(success=is_right, handled=False)

    @property
    def port(self) -> int:
        found: int = self.controller.server.sockets[0].getsockname()[1]
        return found


@contextmanager
def mail_server(user: str = "", password: str = "") -> Iterator[MailServer]:
    server = MailServer()
    server.user, server.password = user, password
    more = {"authenticator": server.check, "auth_require_tls": False} if user else {}
    server.controller = _AnyPort(server, hostname="127.0.0.1", port=0, **more)
    server.controller.start()
    try:
        yield server
    finally:
        server.controller.stop()


class _AnyPort(Controller):
    """On a port that the kernel chooses."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()
