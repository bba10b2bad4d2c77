"""Pages of the feed, by cursor. The number of queries does not grow, and no page is dearer than another."""

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Self

from django.db.models import Q
from django.utils import timezone

from .days import Day, days_of, local_day
from .entries import Entry, of_rows
from .filters import Filters
from .news import Seen
from .rows import KINDS, Row, is_number, newest_ids, order_of, sources

PAGE = 50


@dataclass(frozen=True)
class Cursor:
    """The last entry of a page: the next page begins behind it. As a text: 1763871425123456-j123."""

    at: datetime
    kind: str
    pk: int

    @classmethod
    def of(cls, text: str) -> Self | None:
        """None for what is no cursor."""
        micros, _, key = text.partition("-")
        if not (is_number(micros) and key[:1] in KINDS and is_number(key[1:])):
            return None
        try:
            at = datetime.fromtimestamp(int(micros) // 10**6, UTC).replace(microsecond=int(micros) % 10**6)
        except (OverflowError, ValueError, OSError):
            return None
        return cls(at, key[0], int(key[1:]))

    def __str__(self) -> str:
        seconds = int(self.at.replace(microsecond=0).timestamp())
        return f"{seconds * 10**6 + self.at.microsecond}-{self.kind}{self.pk}"

    def behind(self, kind: str) -> Q:
        """Of rows of that kind. One range of the index, less those of the very same moment that were shown."""
        if kind < self.kind:
            return Q(created_at__lte=self.at)
        if kind > self.kind:
            return Q(created_at__lt=self.at)
        return Q(created_at__lte=self.at) & ~Q(created_at=self.at, pk__gte=self.pk)


@dataclass(frozen=True)
class Feed:
    """`seen`: what its news are asked with; None for a page to which nothing comes."""

    entries: tuple[Entry, ...]
    older: Cursor | None
    before: Cursor | None
    seen: Seen | None

    @property
    def days(self) -> list[Day]:
        return days_of(self.entries, shown=local_day(self.before.at) if self.before else None)


def page(filters: Filters, before: Cursor | None = None) -> Feed:
    """The newest entries, or those behind a cursor."""
    follows = before is None and filters.until is None
    ids = newest_ids() if follows else {}  # first: what comes meanwhile is shown or new, never neither
    rows = heapq.merge(*newest_rows(filters, before), key=order_of, reverse=True)
    entries = of_rows(islice(rows, PAGE + 1), filters, timezone.now())
    shown = tuple(entries[:PAGE])
    older = Cursor(*shown[-1].order) if len(entries) > PAGE else None
    return Feed(shown, older, before, Seen.of_entries(shown, ids, filters) if follows else None)


def newest_rows(filters: Filters, before: Cursor | None) -> list[list[Row]]:
    """Of each kind as many as a page might need."""
    return [
        list(rows.filter(before.behind(kind) if before else Q()).order_by("-created_at", "-pk")[: PAGE + 1])
        for kind, rows in sources(filters).items()
    ]
