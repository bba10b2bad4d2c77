"""What a script may print to spoil the page that shows it: really printed, by real runs, and read page by page."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from scripts_library import testruns
from scripts_library.models import ScriptExecution

MOST = 500_000  # bytes of one page
HEBREW = "שלום עולם"
ODD = r"""
import sys
out = sys.stdout.buffer
out.write("<script>alert(1)</script> <img src=x onerror=alert(2)> &amp; \" '\n".encode())
out.write("\x1b[1;31mred\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[2J\x1b[10;10Hart".encode())
out.write("\x1b]0;title\x07 \x1b]8;;javascript:alert(3)\x07link\x1b]8;;\x07\n".encode())
out.write("שלום עולם \u202egnp.exe\u202c \u2066a\u2069 \u200bzero\n".encode())
out.write(b"nul\0nul \xff\xfe broken \x08\x08\x07\r\n")
out.write("progress 1\rprogress 2\n".encode())
"""
KINDS = {
    "100,000 lines": "for n in range(100_000): print('line', n)",
    "one line of 10 MB": "print('x' * 10_000_000)",
    "nothing but quotes": "print(chr(39) * 3_000_000)",
    "nothing but bidi": "for n in range(300): print('\\u202e' * 2000)",
    "nothing but colours": "for n in range(3000): print('\\x1b[31mx\\x1b[32my' * 200)",
    "nothing but empty lines": "print('\\n' * 300_000)",
}  # fmt: skip


@pytest.fixture
def printed(transactional_db: None, make_script: Callable[..., Any]) -> Callable[[str], ScriptExecution]:
    """printed(program): a Python program that has run as a script."""

    def run(program: str) -> ScriptExecution:
        script = make_script("hostile", f"#!/usr/bin/env python3\n{program}\n")
        row = testruns.run(testruns.queue(script).pk, lambda row: "")
        assert row.status == "succeeded", row.error_message
        return row

    return run


def pages(client: Client, row: ScriptExecution) -> Iterator[str]:
    """Every page of the output, one after the other."""
    address = f"/executions/{row.pk}/"
    while address:
        page = client.get(address).content
        assert len(page) <= MOST, address
        yield page.decode()
        following = re.search(rb'href="([^"]*)">Go on with line', page)
        address = following[1].decode().replace("&amp;", "&") if following else ""


def log_of(page: str) -> str:
    return page.partition('id="output"')[2].partition('id="execution-tail"')[0]


def test_what_looks_like_something_else_is_shown_as_what_it_is(
    client: Client, printed: Callable[[str], ScriptExecution]
) -> None:
    (page,) = pages(client, printed(ODD))
    log = log_of(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &lt;img src=x" in log
    assert '<i class="ansi-bold ansi-red">red</i> orange art link' in log
    assert f"{HEBREW} &lt;U+202E&gt;gnp.exe&lt;U+202C&gt; &lt;U+2066&gt;a&lt;U+2069&gt; &lt;U+200B&gt;zero" in log
    assert "nulnul �� broken ␈␈␇" in log
    assert "progress 1␍progress 2" in log
    assert set(re.findall(r"<(/?\w+)", log)) <= {"div", "/div", "a", "/a", "span", "/span", "i", "/i"}
    assert not set("\0\x07\x08\x1b\u202e\u2066\u200b") & set(page)
    assert "javascript:" not in log


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_of_a_flood_can_be_borne(
    client: Client, printed: Callable[[str], ScriptExecution], kind: str
) -> None:
    row = printed(KINDS[kind])
    assert len(client.get(f"/executions/{row.pk}/?search=x").content) <= MOST
    expected = 1
    for seen, page in enumerate(pages(client, row), 1):
        numbers = [int(number) for number in re.findall(r'class="n" href="#L(\d+)"', log_of(page))]
        assert numbers == list(range(expected, expected + len(numbers)))
        assert numbers
        expected = numbers[-1] + 1
        if seen == 4:
            break


def test_words_are_found_in_the_midst_of_a_flood(client: Client, printed: Callable[[str], ScriptExecution]) -> None:
    row = printed("for n in range(100_000): print('line', n, 'Needle' if n in (77_777, 99_999) else '')")
    first = client.get(f"/executions/{row.pk}/?search=needle").content.decode()
    assert "Match 1 of 2, line 77778" in first
    assert '<div id="L77778" class="here">' in first
    assert "<mark>Needle</mark>" in log_of(first)
    assert len(first.encode()) <= MOST
    assert 'href="?search=needle&amp;hit=2#output-title"' in first
    last = client.get(f"/executions/{row.pk}/?search=needle&hit=2").content.decode()
    assert "Match 2 of 2, line 100000" in last
    assert "Next match" not in last
    nothing = client.get(f"/executions/{row.pk}/?search=%3Cscript%3E").content.decode()
    assert "Nothing found." in nothing
    assert 'value="&lt;script&gt;"' in nothing
    assert '<div id="L1"' in nothing
