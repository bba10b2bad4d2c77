"""What starts by itself as a picture: the next 24 hours, or of windows the next week, on one axis, with overlaps
(pages.md, "/schedules/" and "/windows/")."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from django.utils import timezone

from borgui.templatetags.ui import duration

from .models import MaintenanceWindow
from .scheduling.forecast import Timed

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(hours=24), timedelta(days=7)
STEP = timedelta(hours=3)  # from one hour that is named to the next
ROWS = 24  # schedules that are drawn
NAMED = 3  # times of one schedule that are written out
MINUTE = 60
UNKNOWN = 60.0  # seconds that are drawn for a schedule that has never run

Expected = tuple[Timed, datetime, float | None]  # a schedule or a window, when it starts, the seconds it may take


@dataclass(frozen=True)
class Stretch:
    """A part of the axis: `x` and `width` are percent of it."""

    start: datetime
    end: datetime
    x: float
    width: float


@dataclass(frozen=True)
class Row:
    """One schedule or window. `seconds`: what one run of it takes, None where it has never run."""

    what: Timed
    bars: tuple[Stretch, ...]
    seconds: float | None
    says_days: bool = False

    @property
    def is_window(self) -> bool:
        return isinstance(self.what, MaintenanceWindow)

    @property
    def about(self) -> str:
        """How long, to the minute where it is minutes."""
        seconds = self.seconds or 0
        return duration(seconds if seconds < MINUTE else round(seconds / MINUTE) * MINUTE)

    @property
    def times(self) -> str:
        """02:17; or 00:00, 01:00, 02:00 and 21 more."""
        said = ", ".join(clock(bar.start, self.says_days) for bar in self.bars[:NAMED])
        more = len(self.bars) - NAMED
        return f"{said} and {more} more" if more > 0 else said


@dataclass(frozen=True)
class Tonight:
    start: datetime
    end: datetime
    rows: tuple[Row, ...]  # by their first start
    overlaps: tuple[Stretch, ...]
    hours: tuple[tuple[float, str], ...]  # where an hour stands on the axis, and its name
    more: int  # schedules that are not drawn

    @property
    def overlapping(self) -> str:
        """The overlaps in words, the first of them."""
        days = is_long(self.start, self.end)
        said = ", ".join(f"{clock(one.start, days)} to {clock(one.end)}" for one in self.overlaps[:NAMED])
        more = len(self.overlaps) - NAMED
        return f"{said} and {more} more times" if more > 0 else said


def axis(now: datetime, length: timedelta = DAY) -> tuple[datetime, datetime]:
    """From the hour that has begun to the hour in which so much time has passed, also where clocks are changed on the
    way (so in UTC)."""
    start = timezone.localtime(now).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    return start, start + length + HOUR


def is_long(start: datetime, end: datetime) -> bool:
    """Whether it is an axis of days and no longer one of hours."""
    return end - start > 2 * DAY


def drawn(expected: Iterable[Expected], start: datetime, end: datetime) -> Tonight:
    """Pure. What begins before `start` or at `end` and later is left out."""
    found: dict[tuple[bool, int], list[Expected]] = defaultdict(list)
    for one in sorted(expected, key=lambda entry: entry[1]):
        if start <= one[1] < end:
            found[isinstance(one[0], MaintenanceWindow), one[0].pk].append(one)
    rows = [row_of(entries, start, end) for entries in found.values()]
    shown = tuple(rows[:ROWS])
    return Tonight(start, end, shown, overlaps(rows, start, end), hours(start, end), len(rows) - len(shown))


def row_of(entries: Sequence[Expected], start: datetime, end: datetime) -> Row:
    what, _, seconds = entries[0]
    length = timedelta(seconds=UNKNOWN if seconds is None else seconds)
    bars = tuple(stretch(at, at + length, start, end) for _, at, _ in entries)
    return Row(what, bars, seconds, says_days=is_long(start, end))


def stretch(begins: datetime, ends: datetime, start: datetime, end: datetime) -> Stretch:
    whole = (end - start).total_seconds()
    x = 100 * (begins - start).total_seconds() / whole
    width = 100 * (min(ends, end) - begins).total_seconds() / whole
    return Stretch(begins, ends, x, width)


def overlaps(rows: Iterable[Row], start: datetime, end: datetime) -> tuple[Stretch, ...]:
    """Where at least two backups are expected to run at once, neighbours joined."""
    edges = sorted(edge for row in rows for bar in row.bars for edge in ((bar.start, 1), (bar.end, -1)))
    found: list[tuple[datetime, datetime]] = []
    running = 0
    for (at, step), (until, _) in pairwise(edges):
        running += step
        if running < 2 or at == until:
            continue
        joined = found and found[-1][1] == at
        found[-1:] = [(found[-1][0], until)] if joined else [*found[-1:], (at, until)]
    return tuple(stretch(begins, ends, start, end) for begins, ends in found if begins < end)


def hours(start: datetime, end: datetime) -> tuple[tuple[float, str], ...]:
    """The hours, or days, that are named below the axis; none so near to its end that the name would be cut."""
    whole = (end - start).total_seconds()
    if is_long(start, end):
        return tuple(
            (100 * (at - start).total_seconds() / whole, f"{timezone.localtime(at):%a}") for at in days(start, end)
        )
    count = int((end - start) / STEP)
    return tuple((100 * number * STEP.total_seconds() / whole, clock(start + number * STEP)) for number in range(count))


def days(start: datetime, end: datetime) -> list[datetime]:
    """The midnights between."""
    zone, first = timezone.get_current_timezone(), timezone.localdate(start)
    found = [datetime.combine(first + timedelta(days=number), time.min, tzinfo=zone) for number in range(1, 9)]
    return [at for at in found if start < at < end - timedelta(hours=12)]


def clock(moment: datetime, says_day: bool = False) -> str:
    local = timezone.localtime(moment)
    return f"{local:%a %H:%M}" if says_day else f"{local:%H:%M}"
