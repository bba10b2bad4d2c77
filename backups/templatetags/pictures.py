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
    return mark_safe(
        f'<svg aria-hidden="true" width="{calendar.width}" height="{calendar.height}" '
        f'viewBox="0 0 {calendar.width} {calendar.height}">{months}{"".join(map(linked, calendar.days))}</svg>'
    )


def linked(day: Day) -> str:
    drawn = cell(day.text, day.tone, day.x, day.y, DAY)
    return f'<a href="{reverse("job", args=[day.job_id])}" tabindex="-1">{drawn}</a>' if day.job_id else drawn


def cell(text: str, tone: str, x: int, y: int, size: int) -> str:
    """A square with the sign of its tone, `size` pixels wide."""
    edge, half = round(size * 0.3), size // 2
    sign = SIGNS.get(tone, "").format(
        left=x + edge, right=x + size - edge, top=y + edge, size=size - 2 * edge, middle=x + half, half=half, y=y
    )
    square = f'<rect class="fill-{tone}" x="{x}" y="{y}" width="{size}" height="{size}" rx="2"/>'
    return f"<g><title>{text}</title>{square}{sign}</g>"
