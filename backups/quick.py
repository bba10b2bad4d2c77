"""While a child runs the database is never waited for, and one that went away is reached again (behaviour.md, section 6)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

PATIENCE = 50  # milliseconds


@contextmanager
def database() -> Iterator[None]:
    """Within it a locked database is an error at once, not after the usual patience."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    usual = connection.connection.execute("PRAGMA busy_timeout").fetchone()[0]
    _patience(min(PATIENCE, usual))
    try:
        yield
    finally:
        _patience(usual)


def reconnect_if_broken() -> None:
    """After an error: let go of a connection whose server went away, for the next query to make a new one.

    SQLite's never breaks, and closing it would lose the settings that a job process has made on it.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block and not connection.is_usable():
        connection.close()


def _patience(milliseconds: int) -> None:
    connection.connection.execute(f"PRAGMA busy_timeout={milliseconds}")
