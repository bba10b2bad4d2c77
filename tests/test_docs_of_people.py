"""docs/people.md is true: its roles, limits and settings are those of the code, and its commands let somebody in again."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings as product
from django.core.management import call_command
from django.test import Client

from borgui.accounts import browsers, half_way, second_factor
from borgui.accounts.models import AuditEntry
from borgui.accounts.roles import IN_WORDS
from borgui.accounts.views import audit
from borgui.accounts.views import second_factor as pages
from tests.borgui.accounts.conftest import PASSWORD, make_person, sign_in
from tests.borgui.accounts.phone import give_factor
from tests.test_docs import blocks, read, table

PAGE = "docs/people.md"
NEW = "another good password"


def test_the_roles_are_those_of_the_page_about_people() -> None:
    assert table(PAGE, "role") == [[words.name, words.may, words.may_not] for words in IN_WORDS]


def test_the_values_of_the_setting_are_those_that_are_read() -> None:
    values = [row[0] for row in table(PAGE, "value")]
    assert values == list(second_factor.WHO_MUST) == product.SECOND_FACTOR_OF


def test_the_figures_are_those_of_the_code() -> None:
    text = read(PAGE)
    assert (product.AXES_FAILURE_LIMIT, half_way.TRIES) == (10, 10)
    assert product.AXES_COOLOFF_TIME == half_way.WITHIN
    assert half_way.WITHIN.total_seconds() == 15 * 60
    assert (
        "After ten wrong passwords, codes or tokens from one address nothing from there is looked at for 15 minutes"
        in text
    )
    assert (pages.FILE_WORKS, product.MFA_TOTP_TOLERANCE) == (10 * 60, 1)
    assert browsers.SEEN_EVERY == 5 * 60
    assert product.PASSWORD_RESET_TIMEOUT == 3 * 24 * 3600


@pytest.mark.django_db
def test_the_example_of_the_export_has_its_fields() -> None:
    make_person("root", "administrator")
    client = Client(headers={"Host": "localhost"})
    sign_in(client, "root")
    [example] = blocks(PAGE, "json")
    assert list(json.loads(example)) == list(audit.as_json(AuditEntry.objects.latest("id")))


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """typed("changepassword"): the command as the last table has it, and what it printed."""
    monkeypatch.setattr("getpass.getpass", lambda **question: NEW)

    def run(name: str) -> str:
        [line] = {found for found in re.findall(r"`manage\.py ([^`]+)`", read(PAGE)) if found.split()[0] == name}
        try:
            call_command(*line.split())
        except SystemExit:
            pass
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


@pytest.mark.django_db
@pytest.mark.usefixtures("data_dir")
def test_the_commands_let_the_last_administrator_in_again(typed: Callable[[str], str], settings: Any) -> None:
    anna = make_person("anna", "administrator")
    client, before = Client(headers={"Host": "localhost"}), Client(headers={"Host": "localhost"})
    assert sign_in(before, "anna") == 302
    give_factor(anna)
    for _ in range(10):
        sign_in(client, "anna", "wrong")
    assert sign_in(client, "anna", PASSWORD) == 429

    assert "anna" in typed("setup_link")
    typed("axes_reset")
    assert not AccessAttempt.objects.exists()
    typed("changepassword")
    assert before.get("/account/").status_code == 302
    typed("reset_second_factor")

    assert sign_in(client, "anna", NEW) == 302
    assert client.get("/settings/people/").status_code == 200
    assert AuditEntry.objects.filter(via="command").values_list("action", flat=True)[0] == "second factor reset"
