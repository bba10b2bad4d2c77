"""Lines of a log as HTML. Built by hand, for a page has thousands of them; every text is escaped here."""

from collections.abc import Iterable

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from borgui.ansi import segments
from borgui.log_file import ERROR, GAP, REMARK, Line

register = template.Library()
SAID_BY = {ERROR: "standard error", REMARK: "borgui", GAP: "left out"}


@register.simple_tag
def log_lines(numbered: Iterable[tuple[int, Line]], prefix: str = "") -> SafeString:
    """One `div` a line: its number, which is a link to itself, when it came, and what it says."""
    return mark_safe("\n".join(_line(number, line, prefix) for number, line in numbered))


def _line(number: int, line: Line, prefix: str) -> str:
    name = f"{prefix}L{number}"
    stream = line.stream if line.stream in SAID_BY else "o"
    who = f'<span class="visually-hidden">{SAID_BY[stream]}: </span>' if stream in SAID_BY else ""
    return (
        f'<div id="{name}"><a class="n" href="#{name}">{number}</a>'
        f'<span class="t">{_seconds(line.ms)}</span><span class="{stream} said">{who}{_text(line.text)}</span></div>'
    )


def _text(text: str) -> str:
    return "".join(f'<i class="{look}">{escape(part)}</i>' if look else escape(part) for look, part in segments(text))


def _seconds(ms: int) -> str:
    """Seconds since the start: 75.3."""
    return f"{ms / 1000:.1f}"
