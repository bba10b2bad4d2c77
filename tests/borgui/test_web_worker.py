"""The web process itself under clients that are slow, endless or rude: everybody else is served."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from borgui.accounts.models import ApiToken
from tests.rest import make_user

ROOT = Path(__file__).parents[2]
SLOW = 200


class Web:
    """`process`, and connections to it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, token: str) -> None:
        self.process, self.port, self.token = process, port, token

    def connect(self, begin: bytes = b"") -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        sock.sendall(begin)
        return sock

    def get(self, path: str = "/api/status") -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)

    def memory(self) -> int:
        """Bytes of the processes that serve."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in children]
        return sum(pages) * 4096


@pytest.fixture
def web(installation: Any) -> Iterator[Web]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _, token = ApiToken.make(make_user(), "tests")
    environment = installation.environment | {"BORGUI_PORT": str(port), "BORGUI_HOST": "127.0.0.1"}
    argv = [sys.executable, "-m", "gunicorn", "-c", "python:borgui.gunicorn"]
    process = subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    web = Web(process, port, token)
    try:
        wait_until_up(web)
        yield web
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_until_up(web: Web) -> None:
    while web.process.poll() is None:
        try:
            web.get()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("The web process ended.")


def answer_of(sock: socket.socket) -> tuple[int, bytes]:
    """Status and body, to the end of the connection."""
    whole = b""
    while data := sock.recv(65536):
        whole += data
    head, _, body = whole.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


POST = b"POST /api/scripts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"


def test_slow_clients_close_the_door_to_nobody(web: Web) -> None:
    begun = [
        b"",
        b"GET / HTTP/1.1\r\nHost: loc",
        POST + b"Content-Length: 100000\r\n\r\n{",
        POST + b"Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    ]
    slow = [web.connect(begun[number % len(begun)]) for number in range(SLOW)]
    assert [web.get() for _ in range(10)] == [200] * 10
    for number, sock in enumerate(slow):
        if number % len(begun) in (1, 2):
            sock.sendall(b"x")
    assert [web.get() for _ in range(10)] == [200] * 10
    for sock in slow:
        sock.close()
    assert web.get() == 200


def test_who_reads_slowly_keeps_nobody_waiting_and_gets_all_of_it(web: Web) -> None:
    ask = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"HEAD /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    slow = []
    for _ in range(40):
        sock = socket.socket()
        sock.settimeout(30)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.connect(("127.0.0.1", web.port))
        sock.sendall(ask)
        slow.append(sock)
    assert [web.get() for _ in range(5)] == [200] * 5
    slow[0].sendall(last)
    status, body = answer_of(slow[0])
    whole, _, behind = body.partition(b"HTTP/1.1 404")
    assert (status, bool(behind)) == (200, True)
    assert json.loads(whole)["openapi"]
    for sock in slow:
        sock.close()
    assert web.get() == 200


def test_a_gigabyte_is_refused_early_and_fills_no_memory(web: Web) -> None:
    before = web.memory()
    for head in (b"Content-Length: 1000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5f5e100\r\n"):
        sock = web.connect(POST + head)
        sent = 0
        try:
            for _ in range(1000):
                sent += sock.send(b"x" * 1_000_000)
        except OSError:
            pass
        assert sent < 500_000_000
        sock.close()
    assert answer_of(web.connect(POST + b"Content-Length: 1000000000\r\n\r\n"))[0] == 413
    assert web.memory() - before < 100_000_000
    assert web.get() == 200


def two_in_one_piece_are_answered_in_order(web: Web) -> None:
    get = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"HEAD /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    sock, whole = web.connect(get + last), b""
    while data := sock.recv(65536):
        whole += data
    assert whole.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 404" in whole


def test_a_request_in_pieces_arrives_whole(web: Web) -> None:
    body = json.dumps({"name": "pieces", "content": "#!/bin/sh\n# " + "x" * 300_000 + "\n"}).encode()
    head = (
        POST
        + f"Authorization: Bearer {web.token}\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    sock = web.connect()
    for piece in (head[:10], head[10:-2], head[-2:]):
        sock.sendall(piece)
        time.sleep(0.05)
    assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue")
    for start in range(0, len(body), 50_000):
        sock.sendall(body[start : start + 50_000])
    status, answer = answer_of(sock)
    assert (status, json.loads(answer)["name"]) == (201, "pieces")
    two_in_one_piece_are_answered_in_order(web)


HOSTILE = [
    ("414", b"GET {path}?a=" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("431", b"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n"),
    ("431", b"GET {path} HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: a\r\n" * 500 + b"\r\n"),
    ("400", b"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n"),
    ("400", b"GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.org\r\n\r\n"),
    ("400", b"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("400", b"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("400", b"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd"),
    ("400", b"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: +4\r\n\r\nabcd"),
    ("501", b"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("417", b"POST {path} HTTP/1.1\r\nHost: localhost\r\nExpect: nothing\r\nContent-Length: 0\r\n\r\n"),
]  # fmt: skip


def what_cannot_be_read_is_refused_in_the_shape_that_was_asked_for(web: Web) -> None:
    for status, text in HOSTILE:
        found, answer = answer_of(web.connect(text.replace(b"{path}", b"/api/scripts")))
        assert (str(found), json.loads(answer)["errors"]) == (status, []), text[:200]
        found, answer = answer_of(web.connect(text.replace(b"{path}", b"/scripts/")))
        assert (str(found), answer[:1] == b"{", b"<" in answer) == (status, False, False), text[:200]


RUBBISH = [b"\0" * 100_000, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"A" * 70_000]


def test_rubbish_is_left_alone_and_open_connections_delay_no_stop(web: Web) -> None:
    what_cannot_be_read_is_refused_in_the_shape_that_was_asked_for(web)
    idle = [web.connect(b"") for _ in range(5)]
    for rubbish in RUBBISH:
        sock = web.connect()
        try:
            sock.sendall(rubbish)
        except OSError:
            pass
        assert web.get() == 200
        sock.close()
    web.process.send_signal(signal.SIGTERM)
    assert web.process.wait(30) == 0
    for sock in idle:
        sock.close()
