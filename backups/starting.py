"""Jobs and windows that have a process on the way which has not claimed them yet, known to all workers of a data
directory.

It only saves processes: the claim decides. A mark is a file named by what is started that names the process, and counts
while that one lives.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from borgui.process import Identity

log = logging.getLogger(__name__)
PATIENCE = 2.0  # seconds; a worker that was suspended while it decided must not keep the others from it


def folder() -> Path:
    found: Path = settings.RUN_DIR / "starting"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two workers that decide at the same moment would start the same jobs; the second waits until it sees the marks."""
    descriptor = os.open(folder() / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(descriptor) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def mark(runner: str, pk: int, pid: int) -> None:
    """`pid`: a child of this process that is to run it. That it cannot be written costs a process at most."""
    try:
        (folder() / f"{runner}-{pk}").write_text(f"{Identity.of_child(pid)}\n", encoding="ascii")
    except OSError as error:
        log.warning("%s %s could not be marked as starting: %s", runner, pk, error)


def marked(runner: str) -> set[int]:
    """The ids on the way to this command; marks of processes that are gone are cleared away."""
    found = set()
    for path in folder().glob(f"{runner}-[0-9]*"):
        if is_alive(path):
            found.add(int(path.name.rpartition("-")[2]))
        else:
            path.unlink(missing_ok=True)
    return found


def is_alive(path: Path) -> bool:
    try:
        return Identity.parse(path.read_text(encoding="ascii").strip()).is_alive()
    except (OSError, ValueError):
        return False
