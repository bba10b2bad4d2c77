"""Answers that their readers take slowly."""

import socket
import time
from types import SimpleNamespace

import pytest

from borgui import web_outgoing
from borgui.web_outgoing import PatientSocket, Taking, too_slow


@pytest.fixture
def pair() -> tuple[PatientSocket, socket.socket]:
    ours, theirs = socket.socketpair()
    return PatientSocket.of(ours), theirs


def test_writing_does_not_wait_and_nothing_is_lost(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, theirs = pair
    ours.sendall(b"a" * 2**20)
    ours.sendall(b"b")
    assert ours.unsent.endswith(b"ab")
    read = b""
    while not ours.push():
        read += theirs.recv(2**16)
    ours.close()
    while data := theirs.recv(2**16):
        read += data
    assert read == b"a" * 2**20 + b"b"


def test_a_reader_who_is_gone_is_an_error(pair: tuple[PatientSocket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.close()
    with pytest.raises(OSError):
        ours.sendall(b"a")


def test_who_takes_longest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def taking(size: int) -> Taking:
        return Taking(SimpleNamespace(sock=SimpleNamespace(unsent=bytearray(size))), is_last=True)

    small, large, larger = taking(10), taking(8192), taking(81920)
    now = time.monotonic()
    assert too_slow({small, large, larger}, now) == []
    assert too_slow({small, large, larger}, now + web_outgoing.TIME + 1) == [small]
    assert too_slow({small, large, larger}, now + 1000)[-1] in {small, large, larger}
    monkeypatch.setattr(web_outgoing, "MOST_KEPT_OF_ALL", 81920)
    assert too_slow({small, large, larger}, now) == [small, large]
