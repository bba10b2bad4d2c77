"""The second factor: set up, asked for at sign-in, lost, and required."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from backups.models import BackupJob, Repository
from borgui import rotation, vault
from borgui.accounts import people, second_factor
from borgui.accounts.models import ApiToken, AuditEntry, User
from borgui.commands import Refused
from borgui.encryption import KEY_FILE

from .conftest import PASSWORD, deeds, is_in, make_person, new_browser, sign_in
from .phone import code, codes_on, give_factor, secret_on, sign_in_with

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
PAGE = "/account/second-factor/"


# --- set it up --------------------------------------------------------------------------------------------------------
def test_somebody_sets_it_up_signs_out_and_in_with_the_code(at_home: Client) -> None:
    secret = secret_on(at_home.get(PAGE).content.decode())
    done = at_home.post(PAGE, {"code": code(secret)})
    assert done.status_code == 200
    assert len(codes_on(done.content.decode())) == 10
    at_home.post("/sign-out/")

    asked = at_home.post("/sign-in/", {"username": "ben", "password": PASSWORD, "next": "/scripts/"})
    assert asked["Location"] == "/sign-in/code/?next=%2Fscripts%2F"
    assert not is_in(at_home)
    page = at_home.get(asked["Location"])
    assert b'autocomplete="one-time-code"' in page.content
    opened = at_home.post("/sign-in/code/", {"code": code(secret, 1), "next": "/scripts/"})
    assert (opened.status_code, opened["Location"]) == (302, "/scripts/")
    assert is_in(at_home)
    assert deeds() == ["signed in", "second factor switched on", "signed out", "signed in"]


def test_the_secret_stays_the_same_until_it_is_confirmed_and_a_wrong_code_changes_nothing(at_home: Client) -> None:
    secret = secret_on(at_home.get(PAGE).content.decode())
    wrong = at_home.post(PAGE, {"code": "000000" if code(secret) != "000000" else "111111"})
    assert wrong.status_code == 422
    assert "not the code for the secret" in wrong.content.decode()
    assert secret_on(wrong.content.decode()) == secret_on(at_home.get(PAGE).content.decode()) == secret
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("nonsense", ["", " ", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 41, "x\0y"])
def test_nonsense_is_no_code(at_home: Client, ben: User, nonsense: str) -> None:
    at_home.get(PAGE)
    assert at_home.post(PAGE, {"code": nonsense}).status_code == 422
    give_factor(ben)
    assert sign_in_with(new_browser(), "ben", PASSWORD, nonsense) == 422


def test_no_secret_is_in_the_database_or_in_the_audit_log(at_home: Client, ben: User) -> None:
    secret = secret_on(at_home.get(PAGE).content.decode()).replace(" ", "")
    assert secret not in f"{at_home.session.items()}"
    at_home.post(PAGE, {"code": code(secret)})
    rows = [row.data for row in Authenticator.objects.all()]
    assert len(rows) == 2
    assert secret not in f"{rows}"
    told = f"{[entry.__dict__ for entry in AuditEntry.objects.all()]}"
    assert not [one for one in (secret, *second_factor.recovery_codes(ben)) if one in told]


def test_another_phone_replaces_the_first(at_home: Client, ben: User) -> None:
    old, old_codes = give_factor(ben)
    assert "10 unused recovery codes" in at_home.get(PAGE).content.decode()
    new = secret_on(at_home.get(f"{PAGE}?new").content.decode())
    assert second_factor.has(ben)
    at_home.post(PAGE, {"code": code(new)})
    assert sign_in_with(new_browser(), "ben", PASSWORD, code(old, 1)) == 422
    assert sign_in_with(new_browser(), "ben", PASSWORD, old_codes[0]) == 422
    assert sign_in_with(new_browser(), "ben", PASSWORD, code(new, 1)) == 302


# --- signing in -------------------------------------------------------------------------------------------------------
def test_a_code_opens_once_and_none_before_it_opens_afterwards(ben: User) -> None:
    secret, _ = give_factor(ben)
    now, before = code(secret), code(secret, -1)
    assert sign_in_with(new_browser(), "ben", PASSWORD, now) == 302
    assert sign_in_with(new_browser(), "ben", PASSWORD, now) == 422
    assert sign_in_with(new_browser(), "ben", PASSWORD, before) == 422
    assert deeds().count("wrong code") == 2


def test_a_code_may_be_typed_with_spaces_and_be_half_a_minute_off(ben: User) -> None:
    secret, _ = give_factor(ben)
    assert sign_in_with(new_browser(), "ben", PASSWORD, code(secret, 2)) == 422
    early = code(secret, 1)
    assert sign_in_with(new_browser(), "ben", PASSWORD, f" {early[:3]} {early[3:]} ") == 302


@pytest.mark.django_db(transaction=True)
def test_of_two_who_send_one_code_at_the_same_moment_one_gets_in(ben: User) -> None:
    secret, _ = give_factor(ben)
    answers, start = [], Barrier(2)
    given = code(secret)

    def try_it() -> None:
        start.wait()
        answers.append(second_factor.is_right(ben, given))
        connection.close()

    threads = [Thread(target=try_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [False, True]


def test_the_code_alone_or_after_another_password_opens_nothing(ben: User) -> None:
    secret, _ = give_factor(ben)
    client = new_browser()
    assert client.post("/sign-in/code/", {"code": code(secret)})["Location"].startswith("/sign-in/?next=")
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    ben.set_password("another good password")
    ben.save()
    assert client.post("/sign-in/code/", {"code": code(secret)}).status_code == 302
    assert not is_in(client)


def test_it_waits_ten_minutes_and_not_for_an_account_that_was_switched_off(ben: User) -> None:
    secret, _ = give_factor(ben)
    client = new_browser()
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        client.post("/sign-in/code/", {"code": code(secret)})
        assert not is_in(client)
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    people.set_active(ben, False)
    client.post("/sign-in/code/", {"code": code(secret)})
    assert not is_in(client)


def test_the_session_gets_another_key_with_the_password_and_with_the_code(ben: User) -> None:
    secret, _ = give_factor(ben)
    client = new_browser()
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    waiting = client.session.session_key
    client.post("/sign-in/code/", {"code": code(secret)})
    assert client.session.session_key != waiting


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_code_leads_nowhere_else(ben: User, target: str) -> None:
    secret, _ = give_factor(ben)
    client = new_browser()
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD, "next": target})
    assert client.post("/sign-in/code/", {"code": code(secret), "next": target})["Location"] == "/"


def test_a_link_for_a_new_password_leads_to_the_question_for_the_code(ben: User) -> None:
    secret, _ = give_factor(ben)
    client = new_browser()
    answer = client.post(
        people.fresh_link(ben), {"new_password1": "another good password", "new_password2": "another good password"}
    )
    assert answer["Location"] == "/sign-in/code/"
    assert not is_in(client)
    client.post("/sign-in/code/", {"code": code(secret)})
    assert is_in(client)


# --- wrong codes ------------------------------------------------------------------------------------------------------
def test_ten_wrong_codes_lock_the_address_out(ben: User) -> None:
    secret, _ = give_factor(ben)
    client = new_browser()
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    answers = [client.post("/sign-in/code/", {"code": f"wrong{n}"}).status_code for n in range(10)]
    assert answers == [422] * 9 + [429]
    assert client.post("/sign-in/code/", {"code": code(secret)}).status_code == 429
    assert sign_in(client, "root") == 429


def test_wrong_codes_of_an_account_are_counted_from_all_addresses(ben: User) -> None:
    secret, _ = give_factor(ben)
    for n in range(10):
        client = Client(headers={"Host": "localhost"}, REMOTE_ADDR=f"192.0.2.{n + 1}")
        assert sign_in_with(client, "ben", PASSWORD, f"wrong{n}") == 422
    client = Client(headers={"Host": "localhost"}, REMOTE_ADDR="192.0.2.99")
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    refused = client.post("/sign-in/code/", {"code": code(secret)})
    assert refused.status_code == 422
    assert "Too many wrong codes" in refused.content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in_with(client, "ben", PASSWORD, code(secret)) == 302


# --- a form that waits --------------------------------------------------------------------------------------------------
def test_a_form_whose_session_has_ended_waits_for_the_code_too(
    ben: User, make_repository: Callable[..., Repository]
) -> None:
    secret, _ = give_factor(ben)
    client, repository = new_browser(), make_repository()
    path = f"/repositories/{repository.pk}/backup/"
    asked = client.post(path, {"sign-in-username": "ben", "sign-in-password": PASSWORD, "text": 'a "b"'})
    page = asked.content.decode()
    assert asked.status_code == 401
    assert 'name="sign-in-code"' in page
    assert "a &quot;b&quot;" in page
    assert PASSWORD not in page
    assert client.post(path, {"sign-in-code": "123", "text": "a"}).status_code == 422
    assert not BackupJob.objects.exists()
    assert client.post(path, {"sign-in-code": code(secret), "text": "a"}).status_code == 302
    assert BackupJob.objects.get().triggered_by_user == ben


# --- recovery ---------------------------------------------------------------------------------------------------------
def test_a_recovery_code_opens_once_and_is_counted_down(ben: User) -> None:
    _, codes = give_factor(ben)
    client = new_browser()
    assert sign_in_with(client, "ben", PASSWORD, f"{codes[3][:5]} {codes[3][5:]}") == 302
    assert "9 unused recovery codes" in client.get(PAGE).content.decode()
    assert sign_in_with(new_browser(), "ben", PASSWORD, codes[3]) == 422
    entry = AuditEntry.objects.get(action="recovery code used")
    assert (entry.username, entry.after) == ("ben", {"codes left": 9})


def test_new_recovery_codes_make_the_old_ones_void_and_can_be_taken_along_for_some_minutes(
    at_home: Client, ben: User
) -> None:
    _, old = give_factor(ben)
    assert at_home.get("/account/second-factor/codes.txt").status_code == 404
    new = codes_on(at_home.post("/account/second-factor/codes/").content.decode())
    file = at_home.get("/account/second-factor/codes.txt")
    assert "attachment" in file["Content-Disposition"]
    assert "no-store" in file["Cache-Control"]
    assert set(new) <= set(file.content.decode().splitlines())
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert at_home.get("/account/second-factor/codes.txt").status_code == 404
    assert sign_in_with(new_browser(), "ben", PASSWORD, old[0]) == 422
    assert sign_in_with(new_browser(), "ben", PASSWORD, new[0]) == 302


def test_switched_off_the_password_is_enough(at_home: Client, ben: User) -> None:
    give_factor(ben)
    at_home.post("/account/second-factor/off/")
    assert not Authenticator.objects.exists()
    assert sign_in(new_browser(), "ben") == 302
    assert deeds()[-2:] == ["second factor switched off", "signed in"]


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}codes/", f"{PAGE}off/"])
def test_every_change_of_it_asks_for_the_password_when_the_sign_in_is_long_ago(
    at_home: Client, ben: User, settings: Any, path: str
) -> None:
    settings.FRESH_SIGN_IN = 15
    give_factor(ben)
    before = list(Authenticator.objects.values_list("pk", flat=True))
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        asked = at_home.post(path, {"code": "123456"})
    assert asked.status_code == 401
    assert "Password of ben" in asked.content.decode()
    assert list(Authenticator.objects.values_list("pk", flat=True)) == before


# --- lost -------------------------------------------------------------------------------------------------------------
def test_an_administrator_resets_it_and_the_log_says_so(ben: User) -> None:
    give_factor(ben)
    root = new_browser()
    sign_in(root, "root")
    page = root.get(f"/settings/people/{ben.pk}/").content.decode()
    assert "Second factor: on." in page
    assert root.post(f"/settings/people/{ben.pk}/second-factor/").status_code == 302
    assert sign_in(new_browser(), "ben") == 302
    entry = AuditEntry.objects.get(action="second factor reset")
    assert (entry.username, entry.name) == ("root", "ben")


def test_the_command_resets_it(ben: User, capsys: Any) -> None:
    give_factor(ben)
    call_command("reset_second_factor", "ben")
    assert "ben signs in with the password alone" in capsys.readouterr().out
    assert not second_factor.has(ben)
    assert AuditEntry.objects.get(action="second factor reset").via == "command"
    for name, why in (("ben", "has no second factor"), ("nobody", "no account")):
        with pytest.raises(Refused, match=why):
            call_command("reset_second_factor", name)


def test_under_another_encryption_key_the_page_says_what_helps(ben: User) -> None:
    give_factor(ben)
    row = Authenticator.objects.get(type="totp")
    row.data["secret"] = "gAAAAAdamaged"
    row.save()
    client = new_browser()
    client.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    answer = client.post("/sign-in/code/", {"code": "123456"})
    assert answer.status_code == 422
    assert "reset_second_factor" in answer.content.decode()


def test_it_outlives_a_rotation_of_the_keys(ben: User, settings: Any, data_dir: Path) -> None:
    folder = data_dir / "keys"
    folder.unlink()
    settings.KEYS_DIR = folder
    vault.make_key(folder)
    vault.seal_canary()
    secret, codes = give_factor(ben)
    before = [row.data for row in Authenticator.objects.order_by("pk")]
    assert rotation.rotate(settle=0).unreadable == []
    after = [row.data for row in Authenticator.objects.order_by("pk")]
    assert all(old[name] != new[name] for old, new, name in zip(before, after, ("secret", "seed"), strict=True))
    assert len(list(folder.glob(f"{KEY_FILE}*"))) == 1
    assert second_factor.is_right(ben, code(secret))
    assert second_factor.is_right(ben, codes[0])


def test_the_admin_pages_lead_around_nothing() -> None:
    make_person("root", "administrator")
    root = new_browser()
    sign_in(root, "root")
    assert root.get("/admin/mfa/authenticator/").status_code == 404
    assert root.get("/admin/account/emailaddress/").status_code == 404


# --- required ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("setting", "must"),
    [
        ("none", []),
        ("administrators", ["administrator"]),
        ("authors", ["author", "administrator"]),
        ("everybody", ["viewer", "operator", "author", "administrator"]),
    ],
)
def test_the_setting_says_who_must_have_one(settings: Any, setting: str, must: list[str]) -> None:
    settings.REQUIRE_SECOND_FACTOR = setting
    roles = ["viewer", "operator", "author", "administrator"]
    assert [role for role in roles if second_factor.is_missing(make_person(f"a-{role}", role))] == must


def test_who_must_have_one_is_led_to_it_and_does_nothing_else_until_then(
    at_home: Client, ben: User, settings: Any
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "authors"
    for path in ("/", "/scripts/", "/account/", "/settings/people/", "/admin/", "/nothing/"):
        answer = at_home.get(path)
        assert (answer.status_code, answer.headers.get("Location")) in ((302, PAGE), (404, None)), path
    assert at_home.post("/account/sign-out-everywhere/").status_code == 403
    assert at_home.get("/activity/news/", headers={"HX-Request": "true"})["HX-Redirect"] == PAGE
    refused = at_home.get("/api/scripts")
    assert refused.status_code == 403
    assert "second factor" in refused.json()["detail"]

    page = at_home.get(PAGE).content.decode()
    assert "everybody with your role signs in with a second factor" in page
    assert at_home.post(PAGE, {"code": code(secret_on(page))}).status_code == 200
    assert at_home.get("/scripts/").status_code == 200
    at_home.post("/account/second-factor/off/")
    assert second_factor.has(ben)


def test_programs_go_on_and_others_are_not_asked(ben: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "authors"
    _, token = ApiToken.make(ben, "ci")
    assert new_browser(Authorization=f"Bearer {token}").get("/api/scripts").status_code == 200
    make_person("vera", "viewer")
    vera = new_browser()
    sign_in(vera, "vera")
    assert vera.get("/scripts/").status_code == 200


def test_a_form_that_a_sign_in_carries_on_is_not_a_way_around_it(
    ben: User, settings: Any, make_repository: Callable[..., Repository]
) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everybody"
    answer = new_browser().post(
        f"/repositories/{make_repository().pk}/backup/", {"sign-in-username": "ben", "sign-in-password": PASSWORD}
    )
    assert answer.status_code == 403
    assert "was not done" in answer.content.decode()
    assert not BackupJob.objects.exists()
