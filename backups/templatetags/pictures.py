"""Days as SVG: the strip of a repository and the calendar. Written here, not in a template: a page has a thousand cells.

Nothing in them comes from people: dates, words of our own and numbers.
"""

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from backups.days import CELL as DAY
from backups.days import Calendar, Day
from backups.strips import CELL, Strip

register = template.Library()

SIGNS = {
    "failed": '<path class="stroke-cross" d="M{left} {top}l{size} {size}M{right} {top}l-{size} {size}"/>',
    "attention": '<path class="fill-corner" d="M{middle} {y}h{half}v{half}z"/>',
}


@register.simple_tag
def strip_picture(strip: Strip) -> SafeString:
    """{% strip_picture row.strip %}: an image with a text; each cell says its day when the mouse rests on it."""
    cells = "".join(cell(one.text, one.tone, one.x, 0, CELL) for one in strip.cells)
    return mark_safe(
        f'<svg class="strip" role="img" aria-label="{strip.text}" width="{strip.width}" height="{strip.height}" '
        f'viewBox="0 0 {strip.width} {strip.height}">{cells}</svg>'
    )


@register.simple_tag
def calendar_picture(calendar: Calendar) -> SafeString:
    """For the mouse alone: each day leads to a job of it. The same is a list beside it, for everybody."""
    months = "".join(f'<text class="month" x="{x}" y="12">{name}</text>' for x, name in calendar.months)
    jobs = addresses()
    days = "".join(linked(day, jobs) for day in calendar.days)
    return mark_safe(
        f'<svg aria-hidden="true" width="{calendar.width}" height="{calendar.height}" '
        f'viewBox="0 0 {calendar.width} {calendar.height}">{months}{days}</svg>'
    )


@register.simple_tag
def calendar_list(calendar: Calendar) -> SafeString:
    """The days on which something ran or should have, the newest first, each with its text, a link to a job of it."""
    jobs = addresses()
    days = (
        f'<li><a href="{jobs}{day.job_id}/">{day.text}</a></li>' if day.job_id else f"<li>{day.text}</li>"
        for day in calendar.newest_first
    )
    return mark_safe(f'<ul class="day-list">{"".join(days)}</ul>')


def addresses() -> str:
    """What stands before the number of a job in its address: asked once for half a year of days."""
    return reverse("job", args=[0]).removesuffix("0/")


def linked(day: Day, jobs: str) -> str:
    drawn = cell(day.text, day.tone, day.x, day.y, DAY)
    return f'<a href="{jobs}{day.job_id}/" tabindex="-1">{drawn}</a>' if day.job_id else drawn


def cell(text: str, tone: str, x: int, y: int, size: int) -> str:
    """A square with the sign of its tone, `size` pixels wide."""
    edge, half = round(size * 0.3), size // 2
    sign = SIGNS.get(tone, "").format(
        left=x + edge, right=x + size - edge, top=y + edge, size=size - 2 * edge, middle=x + half, half=half, y=y
    )
    inset = 0.5 if tone == "due" else 0  # a line lies half outside what it surrounds
    square = (
        f'<rect class="fill-{tone}" x="{x + inset}" y="{y + inset}" width="{size - 2 * inset}" '
        f'height="{size - 2 * inset}" rx="2"/>'
    )
    return f"<g><title>{text}</title>{square}{sign}</g>"
