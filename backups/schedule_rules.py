"""What the fields of a schedule may hold: one sentence per field that says what is wrong.

Types are not its matter: who calls has texts, numbers and lists already.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from borgui.ansi import HIDDEN

from . import cron
from .models import ScheduledJob
from .notifications import door
from .repository_rules import CONTROL, number, too_long

DAY = 24 * 3600
LONGEST_NAME = 100


def problems(schedule: ScheduledJob, now: datetime) -> dict[str, str]:
    """One sentence for each field of the schedule itself that cannot be kept."""
    found = {
        "name": name_problem(schedule.name),
        "cron_expression": cron_problem(schedule),
        "timezone": "" if cron.is_zone(schedule.timezone) else "There is no such time zone: write Europe/Berlin.",
        "jitter": number(0, DAY)(schedule.jitter),
        "catch_up": number(0, 30 * DAY)(schedule.catch_up),
        "check_every_days": number(1, 3650)(schedule.check_every_days),
        "ping_url": address_problem(str(schedule.ping_url)),
    }
    if not any(found[name] for name in ("cron_expression", "timezone", "jitter")):
        found["jitter"] = jitter_problem(schedule, now)
    return {name: sentence for name, sentence in found.items() if sentence}


def name_problem(name: str) -> str:
    if not name.strip():
        return "A schedule needs a name."
    if name != name.strip() or HIDDEN.search(name):
        return "A name has no spaces at its ends, no line breaks and no control characters."
    return too_long(name, LONGEST_NAME)


def cron_problem(schedule: ScheduledJob) -> str:
    """A schedule in a maintenance window starts when that opens, and needs no time of its own."""
    if schedule.maintenance_window_id is not None and not schedule.cron_expression:
        return ""
    return cron.problem(schedule.cron_expression)


def jitter_problem(schedule: ScheduledJob, now: datetime) -> str:
    """Never so much that a start could come after the next due time."""
    if not schedule.jitter or not schedule.cron_expression:
        return ""
    shortest = cron.shortest_interval(schedule.cron_expression, schedule.timezone, now)
    if timedelta(seconds=schedule.jitter) < shortest:
        return ""
    return f"It has to be less than the {shortest.total_seconds() / 60:.0f} minutes between two due times."


def address_problem(url: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 80) > 0
    except ValueError:
        is_web = False
    if not is_web or CONTROL.search(url) or " " in url:
        return "Write an address that begins with https:// or http://."
    if door.is_forbidden(str(parts.hostname)):
        return f"No ping is sent to {parts.hostname}: such addresses are for the machine itself."
    return too_long(url, 1000)


def repositories_problem(given: list[int], known: Collection[int]) -> str:
    if not given:
        return "Choose what is to be backed up: at least one repository."
    if len(set(given)) < len(given):
        return "A repository is in it twice."
    missing = [pk for pk in given if pk not in known]
    return f"There is no repository {missing[0]}." if missing else ""
