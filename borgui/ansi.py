"""What a terminal would do with a line, as far as a page does it: colours as class names, everything else made visible.

Plain Python. A script's output is not to be trusted: control characters, and those that turn the direction of text,
are shown by name, so that no line can look like something else than it is.
"""

import re
from collections.abc import Iterator

SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)m|\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-B]")
# C0 and C1 but for the tab, and the marks, overrides and isolates of the bidirectional algorithm; soft line ends
HIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
BRIGHT = 60  # 90 to 97 are the bright forms of 30 to 37

Segment = tuple[str, str]  # class names, text


def segments(line: str) -> Iterator[Segment]:
    """The line in pieces of one look each; class names like `ansi-bold ansi-red`, '' for plain text."""
    look: frozenset[str] = frozenset()
    at = 0
    for match in SEQUENCE.finditer(line):
        if match.start() > at:
            yield " ".join(sorted(look)), visible(line[at : match.start()])
        at = match.end()
        if match[1] is not None:
            look = changed(look, match[1])
    if at < len(line):
        yield " ".join(sorted(look)), visible(line[at:])


def plain(line: str) -> str:
    """For somebody's own terminal: nothing in it moves the cursor, changes a title or fills the clipboard."""
    return "".join(text for _, text in segments(line))


def visible(text: str) -> str:
    return HIDDEN.sub(_name, text)


def _name(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return f"<U+{code:04X}>"


COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def changed(look: frozenset[str], codes: str) -> frozenset[str]:
    """The look after one `ESC[...m`. Codes that have no class here, backgrounds among them, are passed over."""
    numbers = [int(code) if code else 0 for code in re.split("[;:]", codes) if len(code) < 4]
    if numbers[:1] and numbers[0] in (38, 48):  # 256 colours and RGB: their numbers are no codes
        return look
    for number in numbers:
        look = _with(look, number)
    return look


def _with(look: frozenset[str], number: int) -> frozenset[str]:
    number = number - BRIGHT if 90 <= number <= 97 else number
    if number == 0:
        return frozenset()
    if number == 1:
        return look | {"ansi-bold"}
    if number == 22:
        return look - {"ansi-bold"}
    if 30 <= number <= 37 or number == 39:
        plain = look - {f"ansi-{name}" for name in COLOURS}
        return plain if number == 39 else plain | {f"ansi-{COLOURS[number - 30]}"}
    return look
