"""Lines of a log as HTML. Built by hand, for a page has thousands of them; every text is escaped here."""

import re
from collections.abc import Iterable
from itertools import islice

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from borgui.ansi import segments
from borgui.log_file import ERROR, GAP, REMARK, Line

register = template.Library()
MOST_MARKS = 1_000  # on one page
SAID_BY = {ERROR: "standard error", REMARK: "borgui", GAP: "left out"}


@register.simple_tag
def log_lines(numbered: Iterable[tuple[int, Line]], prefix: str = "", words: str = "", current: int = 0) -> SafeString:
    """One `div` a line: its number, which is a link to itself, when it came, and what it says.

    `words` are marked wherever they stand, `current` is the line that somebody jumped to.
    """
    marker = Marker(words)
    return mark_safe("\n".join(_line(number, line, prefix, marker, number == current) for number, line in numbered))


def _line(number: int, line: Line, prefix: str, marker: "Marker", is_current: bool) -> str:
    name = f"{prefix}L{number}"
    here = ' class="here"' if is_current else ""
    stream = line.stream if line.stream in SAID_BY else "o"
    who = f'<span class="visually-hidden">{SAID_BY[stream]}: </span>' if stream in SAID_BY else ""
    return (
        f'<div id="{name}"{here}><a class="n" href="#{name}">{number}</a>'
        f'<span class="t">{_seconds(line.ms)}</span><span class="{stream} said">{who}{_text(line.text, marker)}</span></div>'
    )


def _text(text: str, marker: "Marker") -> str:
    drawn = ((look, marker.html(part)) for look, part in segments(text))
    return "".join(f'<i class="{look}">{part}</i>' if look else part for look, part in drawn)


class Marker:
    """Marks what was searched for, the first of them on a page: one letter may stand in a line thousands of times."""

    def __init__(self, words: str) -> None:
        self._wanted = re.compile(re.escape(words), re.IGNORECASE) if words else None
        self._left = MOST_MARKS

    def html(self, text: str) -> str:
        """Escaped."""
        if self._wanted is None or not self._left:
            return escape(text)
        drawn, at = [], 0
        for match in islice(self._wanted.finditer(text), self._left):
            drawn += [escape(text[at : match.start()]), f"<mark>{escape(match[0])}</mark>"]
            at = match.end()
        self._left -= len(drawn) // 2
        return "".join([*drawn, escape(text[at:])])


def _seconds(ms: int) -> str:
    """Seconds since the start: 75.3."""
    return f"{ms / 1000:.1f}"
