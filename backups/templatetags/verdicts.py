"""The two verdicts and the states: icon shape, word and colour, always all three (ui.md, rule 3)."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@dataclass(frozen=True)
class Mark:
    """`tone` is one of ok, attention, failed, running, idle: the colour. `icon` is the shape."""

    tone: str
    icon: str
    word: str


DATA = {
    "good": Mark("ok", "circle-check", "saved"),
    "good_with_warnings": Mark("attention", "triangle-alert", "saved, but not everything"),
    "none": Mark("failed", "circle-x", "not saved"),
    "not_made": Mark("idle", "circle-slash", "not saved"),
    None: Mark("idle", "circle-dashed", "not known yet"),
}
SERVICES = {
    "up": Mark("ok", "circle-check", "running again"),
    "untouched": Mark("idle", "circle-minus", "not touched"),
    "interrupted": Mark("attention", "circle-pause", "may still be stopped"),
    "broken_promise": Mark("failed", "octagon-alert", "a promise is broken"),
}
JOB = {
    "queued": Mark("idle", "clock", "waiting"),
    "running": Mark("running", "loader", "running"),
    "success": Mark("ok", "circle-check", "backed up"),
    "warning": Mark("attention", "triangle-alert", "backed up, with a warning"),
    "failure": Mark("failed", "circle-x", "not backed up"),
    "skipped": Mark("idle", "circle-slash", "skipped"),
    "cancelled": Mark("idle", "circle-stop", "stopped by a person"),
}
EXECUTION = {
    "planned": Mark("idle", "circle-dashed", "planned"),
    "running": Mark("running", "loader", "running"),
    "succeeded": Mark("ok", "circle-check", "succeeded"),
    "failed": Mark("failed", "circle-x", "failed"),
    "timed_out": Mark("failed", "clock", "took too long"),
    "cancelled": Mark("idle", "circle-stop", "cancelled"),
    "interrupted": Mark("failed", "unplug", "cut off"),
    "not_run": Mark("idle", "circle-minus", "did not run"),
    "warned": Mark("attention", "triangle-alert", "with warnings"),
    "said_to_skip": Mark("idle", "circle-slash", "said to skip"),
}
RUN = {
    **JOB,
    "missed": Mark("attention", "calendar-x", "missed"),
    "paused": Mark("idle", "circle-pause", "paused then"),
    "nothing": Mark("idle", "circle-slash", "nothing to do"),
}
WINDOW = {
    "queued": Mark("idle", "clock", "waiting"),
    "running": Mark("running", "door-open", "open"),
    "success": Mark("ok", "circle-check", "all backed up"),
    "warning": Mark("attention", "triangle-alert", "with a warning"),
    "failure": Mark("failed", "circle-x", "failed"),
    "skipped": Mark("idle", "circle-slash", "skipped"),
    "cancelled": Mark("idle", "circle-stop", "stopped by a person"),
    "missed": Mark("attention", "calendar-x", "missed"),
}
SCHEDULE = {
    "on": Mark("ok", "circle-check", "on"),
    "off": Mark("idle", "circle-pause", "paused"),
    "paused": Mark("idle", "circle-pause", "paused"),
}
KINDS: dict[str, dict[Any, Mark]] = {
    "data": DATA,
    "services": SERVICES,
    "job": JOB,
    "execution": EXECUTION,
    "run": RUN,
    "schedule": SCHEDULE,
    "window": WINDOW,
}


@register.simple_tag
def mark(kind: str, value: str | None, word: str = "") -> SafeString:
    """{% mark "data" job.data %}; `word` in the place of the usual one."""
    found = KINDS[kind][value or None if kind == "data" else value]
    return drawn(found, word) if word else drawn_as_usual(found)


def drawn(found: Mark, word: str) -> SafeString:
    return render_to_string("_shell/mark.html", {"mark": found, "word": word})


@cache
def drawn_as_usual(found: Mark) -> SafeString:
    """There are few of them, and a list page shows hundreds."""
    return drawn(found, found.word)


@register.filter
def tone(value: str | None, kind: str) -> str:
    """The colour's name of a value, for a bar or a cell."""
    return KINDS[kind][value or None if kind == "data" else value].tone
