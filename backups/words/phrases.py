"""How amounts and moments are said (ui.md, rule 7)."""

from datetime import datetime

import humanize
from django.utils import timezone

MONTH = 31  # days, from which on a date says more than a number of days


def duration(seconds: float) -> str:
    """4 min 12 s."""
    whole = round(seconds)
    if seconds < 1:
        return "less than 1 s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def size(octets: float) -> str:
    """Binary units with one decimal: 1.2 GiB."""
    return humanize.naturalsize(octets, binary=True, format="%.1f")


def clock(moment: datetime) -> str:
    """02:41."""
    return f"{timezone.localtime(moment):%H:%M}"


def to_the_second(moment: datetime) -> str:
    """02:41:03."""
    return f"{timezone.localtime(moment):%H:%M:%S}"


def day(moment: datetime, now: datetime) -> str:
    """Today 02:17, yesterday 02:17, 3 days ago, or the date."""
    days = (timezone.localdate(now) - timezone.localdate(moment)).days
    if days < 2:
        return f"{'today' if days < 1 else 'yesterday'} {clock(moment)}"
    return f"{days} days ago" if days <= MONTH else f"{timezone.localtime(moment):%d %b %Y}"


def lines(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
