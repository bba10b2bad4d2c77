"""When a cron expression is due. cronsim reads the fields and knows the calendar; the clock changes are ours.

The rules are those of Debian's cron(8) for the days on which the clock is changed. An expression whose minute or hour
begins with `*` follows the wall clock: it sees nothing of an hour that is skipped, and an hour that is repeated twice.
Every other one runs at fixed times: those in a skipped hour right after the change, those in a repeated hour once, the
first time. Plain Python: instants go in aware and come out in UTC, zones are names such as Europe/Berlin.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import dropwhile, islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

LONGEST = 100  # characters
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOMINAL_DAY = datetime(2026, 1, 1)
SAMPLE, MOST_SAMPLED, SAMPLE_DAYS = 15, 400, 32  # so many times and so many days are looked at for their distances

ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

ALLOWED = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day of the month": "1 to 31, or L for the last day",
    "month": "1 to 12, or JAN to DEC",
    "day of the week": "0 to 7, or SUN to SAT (0 and 7 are both Sunday)",
}


@dataclass(frozen=True)
class Preset:
    """A usual answer to "when?"."""

    expression: str
    words: str


# Odd minutes: at a full hour every program of a server wants to run.
PRESETS = (
    Preset("17 2 * * *", "every night at 02:17"),
    Preset("17 */6 * * *", "every 6 hours"),
    Preset("17 * * * *", "every hour"),
    Preset("17 21 * * 1-5", "on weekdays at 21:17"),
    Preset("17 3 * * 0", "every Sunday at 03:17"),
    Preset("17 3 1 * *", "on the first of the month at 03:17"),
)


# --- reading ----------------------------------------------------------------------------------------------------------
def problem(expression: str) -> str:
    """What is wrong with it, as a sentence; '' where it can be used and will ever be due."""
    text = expression.strip()
    if not text:
        return "Say when, in five fields: every night at 02:17 is 17 2 * * *."
    if len(text) > LONGEST:
        return f"It is longer than {LONGEST} characters."
    if text.startswith("@"):
        return "" if text.lower() in ALIASES else _unknown_alias(text)
    parts = text.split()
    if len(parts) != len(ALLOWED):
        return f"It has {len(parts)} of five fields: {', '.join(ALLOWED)}."
    for position, (name, allowed) in enumerate(ALLOWED.items()):
        if not _can_be_read(position, parts[position]):
            return f"The {name} cannot be {parts[position]!r}. It is {allowed}; lists (1,3), ranges (1-5), steps (*/2) or *."
    return "" if _comes_ever(text) else "It never comes: no such day is in the calendar."


def _unknown_alias(text: str) -> str:
    hint = " A server that was off makes up for what it missed." if text.lower() == "@reboot" else ""
    return f"There is no {text!r}: use @hourly, @daily, @weekly, @monthly, @yearly or five fields.{hint}"


def _can_be_read(position: int, part: str) -> bool:
    """The field alone, among others that are always right."""
    parts = ["*"] * len(ALLOWED)
    parts[position] = part
    try:
        CronSim(" ".join(parts), NOMINAL_DAY)
    except CronSimError:
        return False
    return True


def _comes_ever(text: str) -> bool:
    try:
        return next(CronSim(text, NOMINAL_DAY), None) is not None
    except CronSimError:
        return False


def fields(expression: str) -> str:
    """Five fields: an alias is what it stands for."""
    text = " ".join(expression.split())
    return ALIASES.get(text.lower(), text)


@lru_cache(maxsize=2000)
def in_words(expression: str) -> str:
    """A reading for people: "At 02:17 every day". '' for what cannot be read."""
    if problem(expression):
        return ""
    text = fields(expression)
    if (step := re.fullmatch(r"\*/(\d+) \* \* \* \*", text)) and 60 % int(step[1]) == 0 and step[1] != "1":
        return f"Every {int(step[1])} minutes"
    if (step := re.fullmatch(r"(\d+) \*/(\d+) \* \* \*", text)) and 24 % int(step[2]) == 0 and step[2] != "1":
        return f"Every {int(step[2])} hours, {int(step[1])} minutes past the hour"
    if step := re.fullmatch(r"(\d+) \* \* \* \*", text):
        return f"Every hour, {int(step[1])} minutes past"
    return CronSim(text, NOMINAL_DAY).explain()


def is_zone(name: str) -> bool:
    return name in available_timezones()


# --- times ------------------------------------------------------------------------------------------------------------
def next_times(expression: str, zone: str, after: datetime, count: int = 5) -> list[datetime]:
    """The first due times after an instant."""
    return list(islice(times(expression, zone, after), count))


def next_time(expression: str, zone: str, after: datetime) -> datetime:
    """Raises StopIteration where `problem` would have said that it never comes."""
    return next(times(expression, zone, after))


def times(expression: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Every due time after an instant, in order, without end. Raises CronSimError, ZoneInfoNotFoundError."""
    clock, text, since = ZoneInfo(zone), fields(expression), after.astimezone(UTC)
    walls = CronSim(text, _wall_to_begin_with(since, clock))
    minute, hour = text.split()[:2]
    follows_the_clock = minute.startswith("*") or hour.startswith("*")
    moments = _as_the_clock_shows(walls, clock) if follows_the_clock else _once_each(walls, clock)
    return dropwhile(lambda moment: moment <= since, moments)


def _wall_to_begin_with(since: datetime, clock: ZoneInfo) -> datetime:
    """What the clock on the wall shows; less what it will be set back soon, for that it shows once more."""
    local = since.astimezone(clock)
    change = (local.utcoffset() or timedelta()) - ((since + DAY).astimezone(clock).utcoffset() or timedelta())
    return local.replace(tzinfo=None) - max(change, timedelta())


def _both(wall: datetime, clock: ZoneInfo) -> tuple[datetime, datetime]:
    """The two instants that the clock may mean (PEP 495): the later one first where it never shows this."""
    first = wall.replace(tzinfo=clock, fold=0).astimezone(UTC)
    return first, wall.replace(tzinfo=clock, fold=1).astimezone(UTC)


def _as_the_clock_shows(walls: Iterable[datetime], clock: ZoneInfo) -> Iterator[datetime]:
    repeated: list[datetime] = []  # they come when the clock has been set back
    for wall in walls:
        first, second = _both(wall, clock)
        if second < first:
            continue
        while repeated and repeated[0] < first:
            yield repeated.pop(0)
        yield first
        if second > first:
            repeated.append(second)
    yield from repeated


def _once_each(walls: Iterable[datetime], clock: ZoneInfo) -> Iterator[datetime]:
    last = None
    for wall in walls:
        moment = _right_after_the_change(wall, clock)
        if moment != last:  # several of a skipped hour meet at its end
            yield moment
        last = moment


def _right_after_the_change(wall: datetime, clock: ZoneInfo) -> datetime:
    """The instant; for what the clock never shows the first minute that it shows again."""
    first, second = _both(wall, clock)
    while second < first:
        wall += MINUTE
        first, second = _both(wall, clock)
    return first


# --- how often --------------------------------------------------------------------------------------------------------
def interval(expression: str, zone: str, now: datetime) -> timedelta:
    """The longest time that passes between two due times: over the weekend for what runs on weekdays."""
    return _distances(fields(expression), zone, now.astimezone(UTC).date())[1]


def shortest_interval(expression: str, zone: str, now: datetime) -> timedelta:
    return _distances(fields(expression), zone, now.astimezone(UTC).date())[0]


@lru_cache(maxsize=2000)
def _distances(text: str, zone: str, day: date) -> tuple[timedelta, timedelta]:
    """The shortest and the longest one from the beginning of a day on; a century where it comes only once."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found: list[datetime] = []
    for moment in islice(times(text, zone, begin), MOST_SAMPLED):
        found.append(moment)
        if len(found) >= SAMPLE and moment - begin > SAMPLE_DAYS * DAY:
            break
    distances = [later - earlier for earlier, later in pairwise(found)] or [36525 * DAY]
    return min(distances), max(distances)
