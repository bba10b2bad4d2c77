"""Colours as class names, and nothing that a reader could mistake for something else."""

import pytest

from borgui.ansi import plain, segments


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", [("", "plain")]),
        ("", []),
        ("a \x1b[31mred\x1b[0m b", [("", "a "), ("ansi-red", "red"), ("", " b")]),
        ("\x1b[1;32mbold green\x1b[39m bold\x1b[22m none", [
            ("ansi-bold ansi-green", "bold green"), ("ansi-bold", " bold"), ("", " none"),
        ]),
        ("\x1b[91mbright\x1b[mplain", [("ansi-red", "bright"), ("", "plain")]),
        ("\x1b[31m\x1b[34mthe last colour counts", [("ansi-blue", "the last colour counts")]),
        ("\x1b[38;5;196mof 256\x1b[48:2:1:2:3mof many", [("", "of 256"), ("", "of many")]),
        ("\x1b[2Jcleared\x1b[10;20Hmoved\x1b]0;title\x07named", [("", "cleared"), ("", "moved"), ("", "named")]),
        ("\x1b[99999999999999999999mhuge", [("", "huge")]),
        ("a\rb\tc\x07", [("", "a\u240db\tc\u2407")]),
        ("\u202egnp.exe\u2066\u200b", [("", "<U+202E>gnp.exe<U+2066><U+200B>")]),
        ("unfinished \x1b[31", [("", "unfinished \u241b[31")]),
    ],
)  # fmt: skip
def test_a_line_becomes_pieces_of_one_look_each(line: str, shown: list[tuple[str, str]]) -> None:
    assert list(segments(line)) == shown


def test_a_terminal_is_told_the_text_and_nothing_to_do() -> None:
    line = "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\x1b]52;c;YQ==\x07 \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x9b2J \x1bc"
    assert plain(line) == "red  link <U+009B>2J \u241bc"
