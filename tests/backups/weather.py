"""Bad weather for tests: a database that another process keeps locked, and one that this connection may not write."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
held.execute("COMMIT")
"""


class Lock:
    """Another process has the database for itself from `hold` to `release`."""

    def __init__(self) -> None:
        self.holder: subprocess.Popen[str] | None = None

    def hold(self) -> None:
        argv = [sys.executable, "-I", "-S", "-c", HOLDER, str(connection.settings_dict["NAME"])]
        self.holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "held\n"

    def release(self) -> None:
        if self.holder is not None:
            self.holder.communicate()
            self.holder = None


@contextmanager
def locked() -> Iterator[None]:
    lock = Lock()
    lock.hold()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def pragma(name: str, value: Any, usual: Any) -> Iterator[None]:
    """A setting of this connection: `query_only` refuses every write, `max_page_count` makes a disk that is full."""
    connection.ensure_connection()
    connection.connection.execute(f"PRAGMA {name}={value}")
    try:
        yield
    finally:
        connection.connection.execute(f"PRAGMA {name}={usual}")


def read_only() -> Any:
    """A database that cannot be written at all; it answers at once."""
    return pragma("query_only", 1, 0)


def full() -> Any:
    """A database that may not grow by a page: "database or disk is full". Earlier tests have left it free pages."""
    connection.ensure_connection()
    connection.connection.execute("VACUUM")
    [pages] = connection.connection.execute("PRAGMA page_count").fetchone()
    return pragma("max_page_count", pages, 2**31 - 2)
