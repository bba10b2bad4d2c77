"""docs/notifications.md says what the code does: its events, its addresses, its numbers."""

from datetime import timedelta
from pathlib import Path

import pytest

from backups.models import Delivery, Ping
from backups.notifications import addresses, outgoing, overdue, routing, sending
from backups.notifications.events import KINDS
from tests.test_docs import table

PAGE = "docs/notifications.md"


def test_the_table_of_events_is_that_of_the_code() -> None:
    said = [(event, told) for event, told, _ in table(PAGE, "event")]

    assert sorted(said) == sorted((kind.event.value, "yes" if kind.is_usual else "no") for kind in KINDS)


@pytest.mark.parametrize(("service", "address"), table(PAGE, "service"))
def test_every_address_is_taken(service: str, address: str) -> None:
    filled = address.replace("BOT_TOKEN", "abcdefg_hijklmnop").replace("CHAT_ID", "12315544")

    assert addresses.examine(filled).problem == ""


def test_the_numbers() -> None:
    text = " ".join((Path(__file__).parents[1] / PAGE).read_text(encoding="utf-8").split())
    minutes = [int(delay / timedelta(minutes=1)) for delay in outgoing.DELAYS]

    assert f"after {minutes[0]}, {minutes[1]}, {minutes[2]} and {minutes[3]} minutes" in text
    assert f"for {outgoing.PATIENCE[Delivery] // timedelta(hours=1)} hours" in text
    assert outgoing.PATIENCE[Ping] == timedelta(hours=1)
    assert f"at least {overdue.LEAST // timedelta(hours=1)} hours" in text
    assert f"every {overdue.AGAIN // timedelta(hours=1)} hours" in text
    assert timedelta(hours=1) == routing.QUIET
    assert f"after {sending.TEST_LIMIT:g} seconds at most" in text
