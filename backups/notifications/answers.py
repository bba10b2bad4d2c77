"""How much of a receiver's answer is read: its beginning, for a few seconds.

The status says what became of a message. What follows it may have no end, by mistake or by malice, and the libraries
below would keep all of it in memory.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
from urllib3.exceptions import HTTPError

MOST = 64 * 1024  # bytes
LONGEST = 5.0  # seconds, from when the status is there
_is_short: ContextVar[bool] = ContextVar("is_short", default=False)
_install = threading.Lock()


@contextmanager
def short() -> Iterator[None]:
    """Here, and in threads with this context, `requests` hands out the beginning of a body as if it were all of it."""
    with _install:
        if not hasattr(requests.Session.send, "whole"):
            requests.Session.send = _shortened(requests.Session.send)  # type: ignore[method-assign]  # the way in
    token = _is_short.set(True)
    try:
        yield
    finally:
        _is_short.reset(token)


def _shortened(whole: Any) -> Any:
    """`requests.Session.send`, through which every request goes."""

    def send(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        if not _is_short.get() or options.get("stream"):
            return whole(session, request, **options)
        answer: requests.Response = whole(session, request, **{**options, "stream": True})
        with answer:
            answer._content, answer._content_consumed = _beginning(answer.raw), True
        return answer

    vars(send).update(vars(whole))  # what others have noted about it
    send.whole = whole  # type: ignore[attr-defined]  # `short` asks
    return send


def _beginning(body: Any) -> bytes:
    found, deadline = b"", time.monotonic() + LONGEST
    try:
        while len(found) < MOST and time.monotonic() < deadline:
            piece = body.read1(MOST - len(found), decode_content=True)
            if not piece:
                break
            found += piece
    except (HTTPError, OSError):
        pass  # a body that is cut off says no less than the status before it
    return found
