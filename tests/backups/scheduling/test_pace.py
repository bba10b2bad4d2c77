"""How often a worker looks at what is due."""

from datetime import UTC, datetime, timedelta

from backups.scheduling import Pace

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def looks(pace, seconds, since=NOON):
    """At which of the given seconds after noon it looked."""
    return [one for one in seconds if pace.is_time(since + timedelta(seconds=one), 1000.0 + one)]


def test_it_looks_right_after_each_full_minute_and_every_five_seconds_in_between():
    tenths = [tenth / 10 for tenth in range(580, 662)]

    assert looks(Pace(), tenths) == [58.0, 60.0, 65.0]


def test_a_clock_that_is_set_back_or_forward_is_looked_at_at_once():
    pace = Pace()
    assert pace.is_time(NOON, 1000.0)

    assert pace.is_time(NOON - timedelta(hours=3), 1000.1)
    assert pace.is_time(NOON + timedelta(days=1), 1000.2)
    assert not pace.is_time(NOON + timedelta(days=1), 1000.3)
