"""What is new in the feed since a page of it was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from django.db.models import Q
from django.utils import timezone

from backups.models import BackupJob

from .days import Day, days_of, local_day
from .entries import Entry, of_rows
from .filters import Filters
from .rows import JOB, KINDS, LIVE, Row, is_number, order_of, sources

MOST_NEWS = 200  # entries of one answer; what is beyond comes with the next


@dataclass(frozen=True)
class Seen:
    """What a page shows: the newest number of each kind, its uppermost day, and the states of what waits or runs.

    `not_yet`: jobs that wait or run and do not match what is looked for, but may before they end.
    """

    ids: dict[str, int]
    day: date | None
    live: dict[str, str]  # state by key
    not_yet: tuple[int, ...] = ()

    @classmethod
    def of_entries(cls, entries: Sequence[Entry], ids: dict[str, int], filters: Filters) -> Self:
        newest = dict(ids)
        for entry in entries:
            newest[entry.kind] = max(newest.get(entry.kind, 0), entry.pk)
        live = {entry.key: entry.state for entry in entries if entry.is_live}
        return cls(newest, max((local_day(entry.at) for entry in entries), default=None), live, not_yet(filters))

    @classmethod
    def of_query(cls, given: Mapping[str, str]) -> Self | None:
        """From `numbers`, `states` and `waiting`; None for anything else."""
        *numbers, day = given.get("seen", "").split(".")
        pairs = [pair.partition(":")[::2] for pair in given.get("live", "").split(",") if pair]
        waiting = [number for number in given.get("not_yet", "").split(",") if number]
        is_fine = len(numbers) == len(KINDS) and all(map(is_number, [*numbers, *waiting]))
        if not is_fine or not all(is_key(key) for key, _ in pairs) or len(pairs) + len(waiting) > 2 * MOST_NEWS:
            return None
        try:
            uppermost = date.fromisoformat(day) if day else None
        except ValueError:
            return None
        ids = dict(zip(KINDS, map(int, numbers), strict=True))
        return cls(ids, uppermost, dict(pairs), tuple(map(int, waiting)))

    @property
    def numbers(self) -> str:
        return ".".join([*(str(self.ids[kind]) for kind in KINDS), self.day.isoformat() if self.day else ""])

    @property
    def states(self) -> str:
        return ",".join(f"{key}:{state}" for key, state in self.live.items())

    @property
    def waiting(self) -> str:
        return ",".join(map(str, self.not_yet))


@dataclass(frozen=True)
class News:
    """`begun` come on top of the page, the newest first; `changed` are there already."""

    begun: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    before: Seen
    seen: Seen

    @property
    def over(self) -> list[Entry]:
        """What has come to its end, to be said aloud."""
        return [entry for entry in (*self.begun, *self.changed) if not entry.is_live]

    @property
    def new_days(self) -> list[Day]:
        """Those for which the page has no heading yet."""
        return days_of(entry for entry in self.begun if not self._is_on_top(entry))

    @property
    def on_top(self) -> list[Entry]:
        """What goes below the uppermost heading of the page."""
        return [entry for entry in self.begun if self._is_on_top(entry)]

    def _is_on_top(self, entry: Entry) -> bool:
        return self.before.day is not None and local_day(entry.at) <= self.before.day


def news(filters: Filters, seen: Seen) -> News | None:
    """What has begun or changed since; None for nothing. By number, not by time: a row may be written late."""
    now = timezone.now()
    begun = of_rows(begun_rows(filters, seen), filters, now)
    live = of_rows(live_rows(seen), filters, now)
    changed = tuple(entry for entry in live if entry.state != seen.live[entry.key])
    if not begun and not changed:
        return None
    then = Seen.of_entries([*begun, *live], seen.ids, filters)
    uppermost = max((day for day in (seen.day, then.day) if day), default=None)
    return News(tuple(begun), changed, seen, replace(then, day=uppermost))


def begun_rows(filters: Filters, seen: Seen) -> list[Row]:
    found: list[Row] = []
    for kind, rows in sources(filters).items():
        is_new = Q(pk__gt=seen.ids[kind]) | (Q(pk__in=seen.not_yet) if kind == JOB and seen.not_yet else Q())
        found += rows.filter(is_new).order_by("pk")[:MOST_NEWS]
    return sorted(found, key=order_of, reverse=True)


def live_rows(seen: Seen) -> list[Row]:
    """What waited or ran on the page, whatever is looked for: it stays where it is."""
    everything = sources(Filters())
    found: list[Row] = []
    for kind in LIVE:
        ids = [int(key[1:]) for key in seen.live if key[0] == kind]
        found += everything[kind].filter(pk__in=ids) if ids else []
    return found


def not_yet(filters: Filters) -> tuple[int, ...]:
    if not filters.may_match_later:
        return ()
    unfinished = set(BackupJob.objects.unfinished().values_list("pk", flat=True)[:MOST_NEWS])
    return tuple(sorted(unfinished.difference(filters.jobs().filter(pk__in=unfinished).values_list("pk", flat=True))))


def is_key(text: str) -> bool:
    return text[:1] in LIVE and is_number(text[1:])
