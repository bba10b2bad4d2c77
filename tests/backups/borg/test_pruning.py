"""What prune and compact say, by the line and by the real borg."""

from datetime import datetime, timedelta

import pytest

from backups import borg
from backups.borg import pruning
from backups.borg.events import Message
from backups.borg.pruning import Fate
from tests import bulk_archives

from .conftest import World

ID = "ab" * 32


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("Would prune:                             web", Fate(ID, "web")),
        ("Pruning archive (3/12):                  web", Fate(ID, "web")),
        ("Keeping archive (rule: daily #7):        web", Fate(ID, "web", "daily", 7)),
        ("Keeping archive (rule: yearly[oldest] #1): web", Fate(ID, "web", "yearly[oldest]", 1)),
        ("Keeping checkpoint archive:              web", Fate(ID, "web", "checkpoint", 1)),
        (
            f"Would prune:      a [b] Mon, 2026-01-05 00:00:00 [{ID}]",
            Fate(ID, f"a [b] Mon, 2026-01-05 00:00:00 [{ID}]"),
        ),
    ],
)
def test_a_line_tells_what_becomes_of_which_archive(said: str, found: Fate) -> None:
    assert pruning.fate(f"{said}    Mon, 2026-01-05 02:17:00 [{ID}]") == found


@pytest.mark.parametrize("said", ["", "Saving chunks cache", "Would prune:", f"Would prune: web [{ID}]"])
def test_other_lines_tell_of_no_archive(said: str) -> None:
    assert pruning.fate(said) is None


@pytest.mark.parametrize(
    ("amount", "octets"), [("0 B", 0), ("403.41 kB", 403_410), ("1.20 GB", 1_200_000_000), ("2.00 TB", 2 * 10**12)]
)
def test_compact_says_how_much_it_freed(amount: str, octets: int) -> None:
    said = Message("INFO", "", f"compaction freed about {amount} repository space.")

    assert pruning.freed([Message("INFO", "", "something else"), said]) == octets


def test_where_compact_says_nothing_nothing_is_made_up() -> None:
    assert pruning.freed([Message("INFO", "", "done")]) is None


@pytest.mark.borg
def test_a_dry_run_says_what_prune_does_then_and_deletes_nothing(world: World) -> None:
    world.write("file", "x" * 100_000)
    for name in ("web-1", "web-2", "web-2-1"):
        world.create(name)

    planned = world.ask(borg.prune, borg.Keep(daily=1), "web-[0-9]", dry_run=True).data
    assert world.archives() == ["web-1", "web-2", "web-2-1"]
    done = world.ask(borg.prune, borg.Keep(daily=1), "web-[0-9]").data

    assert [(fate.name, fate.rule) for fate in planned] == [("web-2", "daily"), ("web-1", "")]
    assert done == planned
    assert world.archives() == ["web-2", "web-2-1"]
    assert world.ask(borg.compact).data > 0


@pytest.mark.borg
def test_days_are_those_of_the_zone_that_is_named(world: World) -> None:
    """A quarter past one in Berlin is two different days in UTC, in summer and in winter."""
    night = datetime(2026, 3, 28, 0, 15)
    nights = [night + timedelta(hours=hours) for hours in (0, 24, 47)]  # the clocks change before the third
    named = [(f"web-{number}", moment) for number, moment in enumerate(nights)]
    bulk_archives.make(world.program.path, world.target.path, named, world.folder / "other-base")

    def kept(zone: str) -> list[str]:
        fates = world.ask(borg.prune, borg.Keep(daily=3, zone=zone), "web-*", dry_run=True).data
        return [fate.name for fate in fates if fate.rule == "daily"]

    assert kept("Europe/Berlin") == ["web-2", "web-1", "web-0"]
    assert kept("UTC") == ["web-2", "web-0"]
