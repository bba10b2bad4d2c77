"""A repository that was there before: 340 archives of two machines, `web` and `web-2`, one a night."""

from datetime import datetime, timedelta
from pathlib import Path

from tests import bulk_archives

NIGHTS = 170
LAST = datetime(2026, 11, 20, 2, 17)


def names(machine: str) -> list[tuple[str, datetime]]:
    nights = [LAST - timedelta(days=days) for days in reversed(range(NIGHTS))]
    return [(f"{machine}-{night:%Y-%m-%dT%H:%M:%S}", night) for night in nights]


def fill(program: str, repository: Path) -> None:
    bulk_archives.make(program, repository, names("web") + names("web-2"), repository.parent / "base-of-the-others")
