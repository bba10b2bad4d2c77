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
    usual = int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000)
    _patience(PATIENCE)
    try:
        yield
    finally:
        _patience(usual)


def _patience(milliseconds: int) -> None:
    connection.ensure_connection()
    connection.connection.execute(f"PRAGMA busy_timeout={milliseconds}")
