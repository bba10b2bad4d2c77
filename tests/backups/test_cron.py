"""Times of cron expressions, also on the days on which clocks are changed, against the rules of cron(8)."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from backups import cron

BERLIN = "Europe/Berlin"
ZONES = [BERLIN, "America/New_York", "Australia/Lord_Howe"]
MINUTE = timedelta(minutes=1)
YEAR = datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)

EXPRESSIONS = [
    "30 2 * * *",
    "0 2 * * *",
    "0 3 * * *",
    "15,45 1 * * *",
    "45 2 * * SUN",
    "0 1-3 * * *",
    "17 */6 * * *",
    "30 */2 * * *",
    "*/15 * * * *",
    "0 * * * *",
    "* 2 * * *",
    "*/20 1-3 * * *",
    "*/10 3 * * *",
    "5 0 1 * *",
    "0 3 * * 7",
    "45 1 1-7 * 0",
    "10 2 * 3,4,10,11 SUN",
    "0 4 */10 * MON",
    "59 1 * APR,OCT *",
]


# --- what cron(8) does, minute by minute -------------------------------------------------------------------------------
NAMES = {
    3: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    4: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def numbers(position: int, text: str) -> set[int]:
    """The values of one field."""
    low, high = BOUNDS[position]
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin, end = (low, high) if span == "*" else (value(position, first), value(position, last or first))
        found |= set(range(begin, end + 1, int(step or 1)))
    return {one % 7 for one in found} if position == 4 else found


def value(position: int, text: str) -> int:
    return NAMES[position].index(text) + (position == 3) if text in NAMES.get(position, []) else int(text)


class Job:
    def __init__(self, expression: str) -> None:
        parts = expression.split()
        minutes, hours, self.days, self.months, self.weekdays = (numbers(*one) for one in enumerate(parts))
        self.times = [(hour, minute) for hour in hours for minute in minutes]
        self.is_wild = parts[0].startswith("*") or parts[1].startswith("*")
        self.both = parts[2].startswith("*") or parts[4].startswith("*")

    def runs_on(self, day: datetime) -> bool:
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (in_month and in_week if self.both else in_month or in_week)


JOBS = [Job(expression) for expression in EXPRESSIONS]
Seen = dict[tuple[int, int], list[tuple[datetime, datetime]]]  # by hour and minute: the clock's time, and the real one


class Daemon:
    """A year of cron's main loop: which minutes of the wall clock it looks at, and when, for both kinds of jobs."""

    def __init__(self, zone: str) -> None:
        self.wild: Seen = {key: [] for job in JOBS for key in job.times if job.is_wild}
        self.fixed: Seen = {key: [] for job in JOBS for key in job.times if not job.is_wild}
        clock, moment = ZoneInfo(zone), YEAR[0]
        virtual = moment.astimezone(clock).replace(tzinfo=None)
        while (moment := moment + MINUTE) < YEAR[1]:
            running = moment.astimezone(clock).replace(tzinfo=None)
            self.look(self.wild, running, moment)  # "wildcards are run based on the new time immediately"
            while virtual < running:  # "will be run soon after the change"; while the clock is behind: nothing
                virtual += MINUTE
                self.look(self.fixed, virtual, moment)

    def look(self, seen: Seen, wall: datetime, now: datetime) -> None:
        if (key := (wall.hour, wall.minute)) in seen:
            seen[key].append((wall, now))

    def runs(self, job: Job) -> list[datetime]:
        seen = self.wild if job.is_wild else self.fixed
        return sorted({now for key in job.times for wall, now in seen[key] if job.runs_on(wall)})


@pytest.fixture(scope="module", params=ZONES)
def daemon(request: pytest.FixtureRequest) -> tuple[str, Daemon]:
    return request.param, Daemon(request.param)


def test_a_year_of_every_expression_is_what_cron_does(daemon: tuple[str, Daemon]) -> None:
    zone, reference = daemon
    for expression in EXPRESSIONS:
        wanted = reference.runs(Job(expression))

        found = cron.next_times(expression, zone, YEAR[0], len(wanted))

        assert found == wanted, expression
        assert cron.next_time(expression, zone, found[-1]) >= YEAR[1], expression


def test_the_next_time_is_the_same_wherever_one_begins_to_look(daemon: tuple[str, Daemon]) -> None:
    """Every minute around the changes, and seconds between: a schedule is computed anew after each run."""
    zone, reference = daemon
    for expression in ("30 2 * * *", "15,45 1 * * *", "*/15 * * * *", "*/20 1-3 * * *", "0 1-3 * * *"):
        wanted = reference.runs(Job(expression))
        for change in changes(zone):
            for minute in range(-200, 200, 7):
                moment = change + timedelta(minutes=minute, seconds=30)
                expected = wanted[bisect_right(wanted, moment)]
                assert cron.next_time(expression, zone, moment) == expected, (expression, moment)


def changes(zone: str) -> list[datetime]:
    clock, hours = ZoneInfo(zone), [YEAR[0] + timedelta(hours=number) for number in range(366 * 24)]
    return [
        one for one in hours if one.astimezone(clock).utcoffset() != (one - cron.HOUR).astimezone(clock).utcoffset()
    ]


@pytest.mark.parametrize(
    ("expression", "day", "wanted"),
    [
        ("30 2 * * *", "2026-03-29", ["03:00"]),
        ("30 2 * * *", "2026-10-25", ["02:30"]),
        ("*/30 2 * * *", "2026-03-29", []),
        ("*/30 2 * * *", "2026-10-25", ["02:00", "02:30", "02:00", "02:30"]),
    ],
)
def test_half_past_two_on_the_days_on_which_berlin_changes_its_clocks(
    expression: str, day: str, wanted: list[str]
) -> None:
    clock = ZoneInfo(BERLIN)
    midnight = datetime.fromisoformat(day).replace(tzinfo=clock)

    found = [one.astimezone(clock) for one in cron.next_times(expression, BERLIN, midnight, 6)]

    assert [f"{one:%H:%M}" for one in found if f"{one:%Y-%m-%d}" == day] == wanted


# --- words ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "Say when"),
        ("* * * *", "4 of five fields"),
        ("0 17 2 * * *", "6 of five fields"),
        ("60 2 * * *", "The minute cannot be '60'. It is 0 to 59"),
        ("0 24 * * *", "The hour cannot be '24'. It is 0 to 23"),
        ("0 0 0 * *", "The day of the month cannot be '0'. It is 1 to 31"),
        ("0 0 1 13 *", "The month cannot be '13'. It is 1 to 12"),
        ("0 0 * * FRI-MON", "The day of the week cannot be 'FRI-MON'. It is 0 to 7"),
        ("*/0 * * * *", "The minute cannot be '*/0'"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 30,31 2 *", "never comes"),
        ("0 0 */15 2 MON#5", "never comes"),
        ("@reboot", "There is no '@reboot'"),
        ("0 " * 60, "longer than 100"),
        ("0 0 ² * *", "cannot be"),
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(expression: str, words: str) -> None:
    assert words in cron.problem(expression)
    assert cron.in_words(expression) == ""


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("17 2 * * *", "At 02:17 every day"),
        ("  17  2 * * *", "At 02:17 every day"),
        ("@daily", "At 00:00 every day"),
        ("*/15 * * * *", "Every 15 minutes"),
        ("17 */6 * * *", "Every 6 hours, 17 minutes past the hour"),
        ("@hourly", "Every hour, 0 minutes past"),
        ("0 3 * * SUN", "At 03:00 on Sunday"),
        ("0 0 29 2 *", "At 00:00 on February 29"),
    ],
)
def test_an_expression_is_read_out_in_words(expression: str, words: str) -> None:
    assert cron.problem(expression) == ""
    assert cron.in_words(expression) == words


def test_every_alias_and_every_preset_can_be_used() -> None:
    for expression in [*cron.ALIASES, *(preset.expression for preset in cron.PRESETS)]:
        assert cron.problem(expression) == ""


# --- how often --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("expression", "shortest", "longest"),
    [
        ("17 2 * * *", timedelta(days=1), timedelta(days=1)),
        ("17 2 * * 1-5", timedelta(days=1), timedelta(days=3)),
        ("0 8-17 * * *", timedelta(hours=1), timedelta(hours=15)),
        ("*/5 * * * *", timedelta(minutes=5), timedelta(minutes=5)),
        ("0 3 1 * *", timedelta(days=28), timedelta(days=31)),
        ("0 0 29 2 *", timedelta(days=1461), timedelta(days=1461)),
    ],
)
def test_the_time_between_two_due_times(expression: str, shortest: timedelta, longest: timedelta) -> None:
    now = datetime(2026, 1, 15, tzinfo=UTC)

    assert cron.shortest_interval(expression, "UTC", now) == shortest
    assert cron.interval(expression, "UTC", now) == longest
