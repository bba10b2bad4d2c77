"""While a child runs the database is never waited for (behaviour.md, section 6)."""

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


def _patience(milliseconds: int) -> None:
    connection.connection.execute(f"PRAGMA busy_timeout={milliseconds}")
