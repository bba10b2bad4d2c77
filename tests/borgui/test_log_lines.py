"""Nobody can forge a line of the log."""

import logging
import re
import sys
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from borgui.log_lines import OneLine

FORGED = "x\n2026-11-23 02:00:00,000 INFO backups: all is well"
LINE = re.compile(r"\d{4}-\d\d-\d\d .*|    \| .*")


def written(**fields: Any) -> str:
    record = logging.LogRecord("test", logging.ERROR, "file", 1, **{"msg": "", "args": (), "exc_info": None, **fields})
    return OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s").format(record)


def test_the_product_writes_so() -> None:
    assert settings.LOGGING["formatters"]["line"]["()"] == "borgui.log_lines.OneLine"


@pytest.mark.parametrize("char", ["\n", "\r", "\x0b", "\x1b", "\x85", "\u2028", "\u202e", "\0", "\ufeff", "\udc80"])
def test_no_character_of_an_argument_ends_the_line(char: str) -> None:
    line = written(msg="Not found: %s", args=(f"a{char}b",))
    assert char not in line
    assert re.search(r"a\\\w+b$", line)
    line.encode()


def test_ordinary_text_is_as_it_was() -> None:
    assert written(msg="Größe\t%s '\\' 名", args=(3,)).endswith("Größe\t3 '\\' 名")


def test_a_traceback_is_behind_bars_even_where_its_message_has_lines() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        text = written(msg="failed", exc_info=sys.exc_info())
    lines = text.split("\n")
    assert all(LINE.fullmatch(line) for line in lines)
    assert [line for line in lines if line.startswith("2026-11-23 02:00")] == []
    assert "ValueError: x" in text


@pytest.mark.django_db
def test_an_address_that_was_asked_for_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    Client(headers={"Host": "localhost", "User-Agent": FORGED}).get("/api/x%0A2026-11-23 INFO forged%1b[31m")
    (record,) = [record for record in caplog.records if "forged" in record.getMessage()]
    text = OneLine("{asctime} {message}", style="{").format(record)
    assert ("\n" not in text, "\x1b" not in text) == (True, True)
