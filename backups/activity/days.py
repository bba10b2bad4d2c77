"""The entries of the feed by day, in the time zone of this installation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.utils import timezone

from .entries import Entry


@dataclass(frozen=True)
class Day:
    """`is_shown` is one whose heading the page has already."""

    date: date
    entries: tuple[Entry, ...]
    is_shown: bool = False

    @property
    def title(self) -> str:
        """Monday, 23 November; not "today", for a page may be open for days."""
        year = "" if self.date.year == timezone.localdate().year else f" {self.date.year}"
        return f"{self.date:%A}, {self.date.day} {self.date:%B}{year}"


def days_of(entries: Iterable[Entry], shown: date | None = None) -> list[Day]:
    """By the day in this installation's time zone."""
    grouped = groupby(entries, lambda entry: local_day(entry.at))
    return [Day(day, tuple(found), is_shown=day == shown) for day, found in grouped]


def local_day(moment: datetime) -> date:
    return timezone.localtime(moment).date()
