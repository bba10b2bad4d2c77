"""What the editor asks while somebody types: who may ask, and what it costs."""

import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scripts_library.lint import check
from scripts_library.models import Script
from tests.rest import make_user

from .conftest import block
from .test_declaring import STOP

pytestmark = pytest.mark.django_db
PIECES = ("/scripts/lint/", "/scripts/block/")


@pytest.mark.parametrize("path", PIECES)
def test_who_is_not_signed_in_gets_nothing(path: str) -> None:
    make_user()

    assert Client(headers={"Host": "localhost"}).post(path, {"content": STOP}).status_code == 401


@pytest.mark.parametrize("path", PIECES)
def test_other_sites_cannot_ask_and_addresses_alone_do_nothing(path: str) -> None:
    client = Client(enforce_csrf_checks=True, headers={"Host": "localhost"})
    client.force_login(make_user())

    assert client.post(path, {"content": STOP}).status_code == 403
    assert client.get(path).status_code == 405


def test_the_findings_are_shown_as_text(client: Client) -> None:
    page = client.post("/scripts/lint/", {"content": "#!/bin/sh\n# /// borgui\n# '<b>x' = 1\n# ///\n"}).content.decode()

    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page


def test_the_piece_of_the_form_carries_the_text_as_it_is_now(client: Client) -> None:
    given = {"content": STOP.replace("\n", "\r\n"), "action": "declare:PORT", "block-parameters": "0"}

    page = client.post("/scripts/block/", given).content.decode()

    assert "# name = &quot;PORT&quot;\n" in page
    assert "CONTAINERS" not in page, "the form that was sent had no parameters"


def test_nothing_is_saved_and_no_script_is_asked_for(client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        for path in PIECES:
            client.post(path, {"content": STOP, "action": "read"})

    assert not [query for query in asked if "script" in query["sql"]]
    assert Script.objects.count() == 0


@pytest.mark.parametrize(
    "content",
    [
        block("timeout = 0", "hooks = [", *['  "pre-backup",'] * 20_000, "]"),
        block(*["[[parameters]]", "required = 3"] * 400),
        "#!/bin/sh\n# /// borgui\n" + "# x = 1\n" * 100_000,
        "#!/bin/sh\n" + "read -a " * 100_000 + "${" * 100_000,
        "#!/bin/sh\n" + "a" * 1_000_000,
    ],
)
def test_a_hostile_text_is_answered_within_seconds(client: Client, content: str) -> None:
    began = time.monotonic()

    answer = client.post("/scripts/block/", {"content": content, "action": "read"})
    check(content)

    assert answer.status_code == 200
    assert time.monotonic() - began < 20
