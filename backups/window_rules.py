"""What the fields of a maintenance window may hold: one sentence per field that says what is wrong."""

from borgui.ansi import HIDDEN

from . import cron
from .models import MaintenanceWindow
from .repository_rules import number, too_long

DAY = 24 * 3600
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 10_000
MOST_AT_ONCE = 100


def problems(window: MaintenanceWindow) -> dict[str, str]:
    """One sentence for each field that cannot be kept."""
    found = {
        "name": name_problem(window.name),
        "description": too_long(window.description, LONGEST_DESCRIPTION),
        "cron_expression": cron.problem(window.cron_expression),
        "timezone": "" if cron.is_zone(window.timezone) else "There is no such time zone: write Europe/Berlin.",
        "max_parallel": number(1, MOST_AT_ONCE)(window.max_parallel),
        "max_duration": number(60, 7 * DAY)(window.max_duration),
        "catch_up": number(0, 30 * DAY)(window.catch_up),
    }
    return {name: sentence for name, sentence in found.items() if sentence}


def name_problem(name: str) -> str:
    if not name.strip():
        return "A window needs a name."
    if name != name.strip() or HIDDEN.search(name):
        return "A name has no spaces at its ends, no line breaks and no control characters."
    return too_long(name, LONGEST_NAME)
