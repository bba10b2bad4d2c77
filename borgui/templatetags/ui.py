"""How times, sizes and durations are said on pages (ui.md, rule 7)."""

from datetime import datetime
from typing import Any

import humanize
from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def duration(seconds: float | None) -> str:
    """2 min 41 s; '' for nothing."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "less than 1 s"
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if number)


@register.filter
def took(work: Any) -> float | None:
    """Seconds between the beginning and the end of a job or a window's run; None while it has no end."""
    if work.started_at is None or work.completed_at is None:
        return None
    return float((work.completed_at - work.started_at).total_seconds())


@register.filter
def size(octets: float | None) -> str:
    """Binary units with one decimal: 1.2 GiB."""
    return "" if octets is None else humanize.naturalsize(octets, binary=True, format="%.1f")


@register.simple_tag
def ago(moment: datetime | None, missing: str = "never") -> SafeString | str:
    """Relative, with the absolute time and its zone in the title."""
    if moment is None:
        return missing
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%a %d %b %Y, %H:%M:%S} {local.tzname()}",
        humanize.naturaltime(timezone.now() - moment),
    )


@register.simple_tag
def at(moment: datetime | None, missing: str = "") -> SafeString | str:
    """The clock time, with the date where it is another day's."""
    if moment is None:
        return missing
    local = timezone.localtime(moment)
    shown = f"{local:%H:%M:%S}" if local.date() == timezone.localdate() else f"{local:%d %b %Y, %H:%M}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%a %d %b %Y, %H:%M:%S} {local.tzname()}",
        shown,
    )


NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}


@register.simple_tag
def due(moment: datetime | None, missing: str = "") -> SafeString | str:
    """The day and the minute of something that is planned: tomorrow 02:17."""
    if moment is None:
        return missing
    local = timezone.localtime(moment)
    day = NEAR.get((local.date() - timezone.localdate()).days, f"{local:%a %d %b}")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%a %d %b %Y, %H:%M:%S} {local.tzname()}",
        f"{day} {local:%H:%M}",
    )
