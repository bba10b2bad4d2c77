"""Signing in: throttling, the fresh sign-in that some deeds ask for, and what the audit log says of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from borgui.accounts.models import ApiToken, AuditEntry
from scripts_library.models import Script

from .conftest import PASSWORD, make_person, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
TEXT = "#!/bin/sh\necho hello\n"


@pytest.fixture
def anna(stranger: Client) -> Client:
    make_person("anna", "administrator")
    return stranger


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


# --- throttling -------------------------------------------------------------------------------------------------------
def test_after_ten_wrong_passwords_the_right_one_is_not_looked_at(anna: Client) -> None:
    answers = [sign_in(anna, f"anna{number}", "wrong") for number in range(9)]
    assert set(answers) == {422}
    assert sign_in(anna, "anna", "wrong") == 429
    refused = anna.post("/sign-in/", {"username": "anna", "password": PASSWORD})
    assert refused.status_code == 429
    assert "Too many wrong passwords" in refused.content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in(anna, "anna") == 302


def test_another_address_is_not_locked_out_with_it(anna: Client) -> None:
    for _ in range(10):
        sign_in(anna, "anna", "wrong")
    other = Client(headers={"Host": "localhost"}, REMOTE_ADDR="192.0.2.7")
    assert sign_in(other, "anna") == 302


def test_a_right_password_begins_the_count_anew(anna: Client) -> None:
    for _ in range(9):
        sign_in(anna, "anna", "wrong")
    assert sign_in(anna, "anna") == 302
    anna.post("/sign-out/")
    assert sign_in(anna, "anna", "wrong") == 422


def test_a_right_password_for_one_name_forgives_none_for_another(anna: Client) -> None:
    make_person("mallory", "viewer")
    for _ in range(5):
        assert sign_in(anna, "anna", "wrong") == 422
    assert sign_in(anna, "mallory") == 302
    anna.post("/sign-out/")
    assert [sign_in(anna, "anna", "wrong") for _ in range(5)] == [422] * 4 + [429]


def test_what_is_not_looked_at_does_not_fill_the_audit_log(anna: Client) -> None:
    for _ in range(15):
        sign_in(anna, "anna", "wrong")
    assert actions() == ["sign-in failed"] * 9 + ["address locked out", "sign-in failed"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_the_addresses_of_one_subscriber_are_counted_together(
    anna: Client, first: str, second: str, same: bool
) -> None:
    one, other = (Client(headers={"Host": "localhost"}, REMOTE_ADDR=address) for address in (first, second))
    for _ in range(10):
        sign_in(one, "anna", "wrong")
    assert sign_in(other, "anna") == (429 if same else 302)


def test_wrong_tokens_are_counted_and_then_no_token_is_looked_at(anna: Client) -> None:
    _, secret = ApiToken.make(make_person("ben", "author"), "ci")

    def status(token: str) -> int:
        return anna.get("/api/scripts", headers={"Authorization": f"Bearer {token}"}).status_code

    assert {status(f"wrong{number}") for number in range(9)} == {401}
    status("wrong")
    assert status(secret) == 429
    assert sign_in(anna, "anna") == 429


def test_a_right_token_begins_the_count_of_wrong_tokens_anew_and_not_that_of_passwords(anna: Client) -> None:
    _, secret = ApiToken.make(make_person("ben", "author"), "ci")

    def status(token: str) -> int:
        return anna.get("/api/scripts", headers={"Authorization": f"Bearer {token}"}).status_code

    for _ in range(3):
        assert [status("wrong") for _ in range(9)] == [401] * 9
        assert status(secret) == 200
    for _ in range(9):
        sign_in(anna, "anna", "wrong")
    assert status(secret) == 200
    assert sign_in(anna, "anna", "wrong") == 429


def test_a_program_is_told_in_json_when_to_try_again(anna: Client) -> None:
    answers = [anna.get("/api/scripts", headers={"Authorization": "Bearer wrong"}) for _ in range(11)]
    for answer in answers[-2:]:
        assert (answer.status_code, answer["Retry-After"]) == (429, "900")
        assert "Try again in 15 minutes" in answer.json()["detail"]
    assert anna.post("/sign-in/", {"username": "anna", "password": "x"})["Retry-After"] == "900"


def test_what_was_sent_with_a_wrong_password_is_not_kept(anna: Client) -> None:
    anna.post(
        "/scripts/new/", {"content": "s3cret-text", "sign-in-username": "anna", "sign-in-password": "wrong-s3cret"}
    )
    attempt = AccessAttempt.objects.get()
    assert "s3cret" not in f"{attempt.__dict__}"
    assert not [entry for entry in AuditEntry.objects.all() if "s3cret" in f"{entry.__dict__}"]


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "10.9.9.9, 203.0.113.9", "nonsense"])
def test_behind_a_proxy_the_address_that_it_saw_counts(anna: Client, settings: Any, forwarded: str) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    anna.post("/sign-in/", {"username": "anna", "password": "x"}, headers={"X-Forwarded-For": forwarded})
    known = AuditEntry.objects.get(action="sign-in failed").address
    assert known == ("127.0.0.1" if forwarded == "nonsense" else "203.0.113.9")


def test_without_a_proxy_nobody_chooses_an_address(anna: Client) -> None:
    anna.post("/sign-in/", {"username": "anna", "password": "x"}, headers={"X-Forwarded-For": "203.0.113.9"})
    assert AuditEntry.objects.get(action="sign-in failed").address == "127.0.0.1"


# --- the session ------------------------------------------------------------------------------------------------------
def test_the_session_gets_another_key_at_sign_in(anna: Client) -> None:
    anna.get("/sign-in/")
    session = anna.session
    session["planted"] = "x"
    session.save()
    before = session.session_key
    anna.cookies["sessionid"] = before
    sign_in(anna, "anna")
    assert anna.session.session_key != before


def test_signing_in_and_out_and_failing_is_in_the_audit_log(anna: Client) -> None:
    sign_in(anna, "anna", "wrong")
    sign_in(anna, "anna")
    anna.post("/sign-out/")
    assert actions() == ["sign-in failed", "signed in", "signed out"]
    assert AuditEntry.objects.order_by("id")[0].username == "anna"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_nowhere_else(anna: Client, target: str) -> None:
    answer = anna.post("/sign-in/", {"username": "anna", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


# --- the fresh sign-in ------------------------------------------------------------------------------------------------
@pytest.fixture
def later(anna: Client, settings: Any) -> Any:
    """Anna signed in an hour ago."""
    settings.FRESH_SIGN_IN = 15
    sign_in(anna, "anna")
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        yield anna


def form(**more: str) -> dict[str, str]:
    return {"name": "hello", "content": TEXT, "timeout": "300", "run_on": "", "description": "", **more}


def test_saving_a_script_long_after_the_sign_in_asks_for_the_password_and_keeps_the_text(later: Client) -> None:
    asked = later.post("/scripts/new/", form())
    page = asked.content.decode()
    assert asked.status_code == 401
    assert "echo hello" in page
    assert "Password of anna" in page
    assert not Script.objects.exists()

    wrong = later.post("/scripts/new/", form(**{"sign-in-password": "wrong"}))
    assert wrong.status_code == 422
    assert "echo hello" in wrong.content.decode()

    saved = later.post("/scripts/new/", form(**{"sign-in-password": PASSWORD}))
    assert saved.status_code == 302
    assert Script.objects.get().name == "hello"
    assert later.post("/scripts/new/", form(name="again")).status_code == 302


def test_reading_asks_for_nothing(later: Client) -> None:
    assert later.get("/scripts/new/").status_code == 200


def test_a_password_confirmed_on_the_account_page_counts(later: Client) -> None:
    assert later.post("/account/confirm/", {"password": "wrong"}).status_code == 422
    assert later.post("/account/confirm/", {"password": PASSWORD}).status_code == 302
    assert later.post("/scripts/new/", form()).status_code == 302


def test_a_piece_says_what_to_do_instead(later: Client, make_script: Callable[..., Any]) -> None:
    script = make_script("hello")
    answer = later.post(f"/scripts/{script.pk}/", form(), headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "password once more" in answer["HX-Trigger"]


def test_the_setting_0_never_asks(later: Client, settings: Any) -> None:
    settings.FRESH_SIGN_IN = 0
    assert later.post("/scripts/new/", form()).status_code == 302
