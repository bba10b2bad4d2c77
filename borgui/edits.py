"""One edit of a thing at a time on this machine, across threads and processes."""

import fcntl
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

LANES = 16  # lock files; two things in the same lane wait for each other without need, which is no harm
PATIENCE, LOOK = 10.0, 0.02  # seconds


class Busy(Exception):
    """Somebody else has been at it for long."""


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Nobody else is here with the same `name` meanwhile. Raises Busy; the kernel takes the lock back at a death."""
    settings.RUN_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    lane = zlib.crc32(name.encode("utf-8", "surrogateescape")) % LANES
    descriptor = os.open(settings.RUN_DIR / f"edit-{lane}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Busy from None
            time.sleep(LOOK)
