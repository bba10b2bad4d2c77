"""Whether two texts are the same script but for line ends and trailing white space. Plain Python.

What is told apart wrongly costs a second script; what is taken for the same wrongly changes what runs. So white space
stays where it may count: inside a here-document or a quote, behind a backslash, in a language that is not known here.
"""

import re
from collections.abc import Iterator

from .interpreter import BYTE_ORDER_MARK, Unstartable, program

SHELLS = ("sh", "bash", "dash", "ash", "ksh")
BLANK = " \t"
SPECIAL = re.compile(r"['\"\\#<]")
HERE_DOCUMENT = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n$`\\]+)\"|\\?([\w.-]+))(?=[\s;|&<>)]|$)")
LONG_STRING = ("'''", '"""')
WORD_BEFORE_COMMENT = " \t;&|()"
# What may stand in double quotes without opening quotes of its own that this could lose count of.
PLAIN = r"[^'\"`\\()#<]*"
NESTED = re.compile(rf"\$\({PLAIN}(?:\"[^'\"`\\()$]*\"{PLAIN})*\)|\$\{{[^'\"`\\{{}}]*\}}|`[^'\"`\\]*`")


def key(content: str) -> str:
    """Equal for two texts with a `#!` line that do the same: every difference but those above counts."""
    text = content.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n")
    try:
        name = program(text)
    except Unstartable:
        return text
    if name in SHELLS:
        return _closed(text, _of_shell(text))
    if name == "python" and not any(mark in text for mark in LONG_STRING):
        return _closed(text, "\n".join(map(_bare, text.split("\n"))).rstrip("\n"))
    return text


def _closed(text: str, found: str) -> str:
    """A backslash at the very end is another thing with a line end behind it than without."""
    return text if found.endswith("\\") else found


def _bare(line: str) -> str:
    """Without white space at its end, unless a backslash before it makes that a part of a word."""
    plain = line.rstrip(BLANK)
    return line if plain.endswith("\\") else plain


def _of_shell(text: str) -> str:
    lines = text.split("\n")
    kept = list(_kept(lines))
    exact = "\n".join(lines[len(kept) :])
    return "\n".join([*kept, exact]) if exact or len(kept) < len(lines) else "\n".join(kept).rstrip("\n")


def _kept(lines: list[str]) -> Iterator[str]:
    """The lines as far as it is known where quotes and here-documents end; the caller keeps the others as they are."""
    quote, documents = "", list[tuple[str, bool]]()
    for number, line in enumerate(lines):
        if documents:
            word, tabs = documents[0]
            if (line.lstrip("\t") if tabs else line) == word:
                documents.pop(0)
            elif number == len(lines) - 1:
                return
            yield line
            continue
        scanned = _scan(line, quote) if quote or SPECIAL.search(line) else ("", [])
        if scanned is None or (scanned[0] and scanned[1]):
            return
        quote, documents = scanned
        if (quote or documents) and number == len(lines) - 1:
            return
        yield line if quote else _bare(line)


def _scan(line: str, quote: str) -> tuple[str, list[tuple[str, bool]]] | None:
    """The single quote that is open at the end of the line, and the here-documents that begin below it: their last
    lines, and whether tabs may stand before these. None where this is not sure."""
    documents: list[tuple[str, bool]] = []
    at = 0
    while at < len(line):
        char, width = line[at], 1
        if quote == '"' and (char == "`" or line[at : at + 2] in ("$(", "${")):
            nested = NESTED.match(line, at)
            if nested is None:
                return None
            width = len(nested[0])
        elif quote:
            width = 2 if quote == '"' and char == "\\" else 1
            quote = "" if char == quote else quote
        elif char == "\\":
            width = 2
        elif char in "'\"":
            if char == "'" and line[at - 1 : at] == "$":  # with escapes of its own in bash, without in sh
                return None
            quote = char
        elif char == "#" and line[at - 1 : at] == "`":
            return None
        elif char == "#" and (at == 0 or line[at - 1] in WORD_BEFORE_COMMENT):
            break
        elif line.startswith("<<<", at):
            width = 3
        elif line.startswith("<<", at):
            document = HERE_DOCUMENT.match(line, at)
            if document is None:
                return None
            documents.append((document[2] or document[3] or document[4], bool(document[1])))
            width = len(document[0])
        at += width
    return None if quote == '"' else (quote, documents)
