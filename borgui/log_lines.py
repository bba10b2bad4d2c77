"""The lines of the log: what others have chosen (names, addresses, user agents) can neither begin a line nor colour one.

Control characters, line ends of every kind and characters that turn the writing direction are written as \\xNN or
\\uNNNN. What belongs to a record and has several lines, such as a traceback, is set off by a bar.
"""

import logging
import re
from typing import Any

FORGING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
BAR = "\n    | "


class OneLine(logging.Formatter):
    """A record is one line, and further ones only behind a bar."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return behind_bars(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:
        return behind_bars(super().formatStack(stack_info))

    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # made by another formatter, it has no bars
        return super().format(record)


def escaped(text: str) -> str:
    return FORGING.sub(lambda found: ascii(found[0])[1:-1], text)


def behind_bars(text: str) -> str:
    return BAR.removeprefix("\n") + BAR.join(escaped(line) for line in text.split("\n"))
