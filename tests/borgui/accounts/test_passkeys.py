"""Passkeys: stored, used to sign in, as a second factor and to confirm; renamed, removed, lost; and every false answer."""

import html
import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from fido2.utils import websafe_decode, websafe_encode

from borgui.accounts import half_way, passkeys, people, second_factor, signing_in
from borgui.accounts.models import AuditEntry, Installation, Passkey, User

from .conftest import PASSWORD, deeds, is_in, make_person, new_browser, sign_in
from .device import PRESENT, SYNCED, VERIFIED, Device, add, answered, sign_in_by
from .phone import code, codes_on, give_factor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
PAGE = "/account/passkeys/"
SCRIPT = {"content": "#!/bin/sh\necho kept\n", "file_name": "kept.sh", "name": "kept"}


@pytest.fixture
def device(at_home: Client) -> Device:
    """Ben's, stored."""
    device = Device()
    assert add(at_home, device).status_code == 200
    return device


def last_entry() -> AuditEntry:
    return AuditEntry.objects.latest("id")


# --- store one, and come in by it -------------------------------------------------------------------------------------
def test_somebody_stores_one_and_signs_in_by_it_without_a_password(at_home: Client, ben: User) -> None:
    device = Device(flags=PRESENT | VERIFIED | SYNCED)
    done = add(at_home, device, "Ben's phone")
    assert len(codes_on(done.content.decode())) == 10
    row = Passkey.objects.get()
    assert (row.user, row.name, row.rp_id, row.is_synced) == (ben, "Ben's phone", "localhost", True)
    assert row.transports == ["hybrid", "internal"]
    assert "Ben&#x27;s phone" in at_home.get(PAGE).content.decode()

    elsewhere = new_browser()
    assert b"Sign in with a passkey" in elsewhere.get("/sign-in/").content
    came = sign_in_by(elsewhere, device, next="/scripts/")
    assert (came.status_code, came["Location"]) == (302, "/scripts/")
    assert is_in(elsewhere)
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert deeds() == ["signed in", "passkey added", "signed in"]
    assert last_entry().after == {"passkey": "Ben's phone"}
    assert last_entry().username == "ben"


def test_nobody_is_shown_the_button_while_there_are_none(ben: User) -> None:
    assert b"passkey" not in new_browser().get("/sign-in/").content


def test_it_leads_to_no_other_site(device: Device) -> None:
    assert sign_in_by(new_browser(), device, next="https://elsewhere.example/")["Location"] == "/"


def test_recovery_codes_are_made_for_the_first_one_only(at_home: Client, device: Device, ben: User) -> None:
    before = second_factor.recovery_codes(ben)
    assert add(at_home, Device(), "Key").status_code == 302
    assert second_factor.recovery_codes(ben) == before


def test_a_session_that_was_prepared_is_not_taken_over(device: Device) -> None:
    client = new_browser()
    client.post("/sign-in/passkey/question/")
    before = client.session.session_key
    sign_in_by(client, device)
    assert client.session.session_key != before


# --- as a second factor -----------------------------------------------------------------------------------------------
def test_it_is_asked_for_after_the_password(device: Device) -> None:
    client = new_browser()
    asked = client.post("/sign-in/", {"username": "ben", "password": PASSWORD, "next": "/scripts/"})
    assert asked["Location"] == "/sign-in/code/?next=%2Fscripts%2F"
    assert not is_in(client)
    page = client.get(asked["Location"]).content.decode()
    assert "Now a passkey, or a recovery code." in page
    assert "Use a passkey" in page
    offered = client.post("/sign-in/passkey/question/").json()["allowCredentials"]
    assert [websafe_decode(one["id"]) for one in offered] == [device.id]
    assert sign_in_by(client, device, next="/scripts/")["Location"] == "/scripts/"
    assert is_in(client)


def test_that_of_somebody_else_does_not_stand_in_for_it(device: Device) -> None:
    anna = make_person("anna", "author")
    hers, client = Device(), new_browser()
    client.force_login(anna)
    add(client, hers)
    waits = new_browser()
    waits.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    refused = sign_in_by(waits, hers)
    assert refused.status_code == 422
    assert b"The password of ben is right." in refused.content
    assert not is_in(waits)
    assert last_entry().username == "ben"


def test_after_a_refused_one_the_password_and_the_code_still_go_where_they_belong(device: Device, ben: User) -> None:
    client = new_browser()
    refused = sign_in_by(client, Device()).content.decode()
    assert '<form method="post" action="/sign-in/">' in refused
    assert sign_in(client, "ben") == 302
    refused = sign_in_by(client, Device()).content.decode()
    assert "The password of ben is right." in refused
    assert '<form method="post" action="/sign-in/code/">' in refused
    assert client.post("/sign-in/code/", {"code": second_factor.recovery_codes(ben)[0]}).status_code == 302


def test_who_begins_again_comes_in_with_that_of_another_account(device: Device) -> None:
    make_person("anna", "author")
    give_factor(User.objects.get(username="anna"))
    client = new_browser()
    assert sign_in(client, "anna") == 302
    page = client.get("/sign-in/").content.decode()
    question, action = "/sign-in/passkey/question/?alone", "/sign-in/passkey/?alone"
    assert f'data-passkey="{question}"' in page
    assert f'action="{action}"' in page
    answer = json.dumps(device.sign(client.post(question).json()))
    assert client.post(action, {"passkey": answer}).status_code == 302
    assert last_entry().username == "ben"
    client.post("/sign-out/")
    assert client.get("/sign-in/code/").status_code == 302, "nobody is waited for any more"


def test_who_was_vouched_for_and_went_away_does_not_vouch_for_who_comes_next(device: Device, ben: User) -> None:
    client = new_browser()
    sign_in(client, "ben")
    session = client.session
    session[half_way.KEY] = {**session[half_way.KEY], "since": time.time() - 3600, "vouched": ["Example", 5.0]}
    session.save()
    assert sign_in_by(client, device).status_code == 302
    assert last_entry().after == {"passkey": "Phone"}
    assert signing_in.ELSEWHERE not in client.session
    assert client.session[signing_in.STAMP] > time.time() - 60


def test_a_code_of_the_app_or_for_recovery_does_as_well(device: Device, ben: User) -> None:
    codes = second_factor.recovery_codes(ben)
    client = new_browser()
    assert sign_in(client, "ben") == 302
    assert client.post("/sign-in/code/", {"code": codes[0]}).status_code == 302
    secret, _ = give_factor(ben)
    client = new_browser()
    assert sign_in(client, "ben") == 302
    assert "Now the code, or a passkey." in client.get("/sign-in/code/").content.decode()
    assert client.post("/sign-in/code/", {"code": code(secret)}).status_code == 302


def test_it_is_enough_where_a_second_factor_is_required(settings: Any, ben: User) -> None:
    settings.REQUIRE_SECOND_FACTOR = "authors"
    client = new_browser()
    sign_in(client, "ben")
    assert client.get("/scripts/")["Location"] == "/account/second-factor/"
    assert PAGE in client.get("/account/second-factor/").content.decode()
    assert b"Here everybody with your role" in client.get(PAGE).content
    device = Device()
    assert add(client, device).status_code == 200
    assert client.get("/scripts/").status_code == 200
    assert sign_in_by(new_browser(), device).status_code == 302


def test_the_last_one_stays_where_a_second_factor_is_required(settings: Any, at_home: Client, device: Device) -> None:
    settings.REQUIRE_SECOND_FACTOR = "authors"
    row = Passkey.objects.get()
    told = at_home.post(f"{PAGE}{row.pk}/remove/", follow=True).content.decode()
    assert "this is your only one, so it stays" in told
    assert Passkey.objects.exists()
    add(at_home, Device(), "Key")
    assert "opens nothing here any more" in at_home.post(f"{PAGE}{row.pk}/remove/", follow=True).content.decode()
    assert [one.name for one in Passkey.objects.all()] == ["Key"]


def test_the_app_can_go_where_a_passkey_stays(settings: Any, at_home: Client, device: Device, ben: User) -> None:
    settings.REQUIRE_SECOND_FACTOR = "authors"
    give_factor(ben)
    at_home.post("/account/second-factor/off/")
    assert not second_factor.has_app(ben)
    assert second_factor.has(ben)
    assert len(second_factor.recovery_codes(ben)) == 10


# --- to confirm that it is you ----------------------------------------------------------------------------------------
def test_it_confirms_on_the_page_of_the_account(at_home: Client, device: Device, settings: Any) -> None:
    settings.FRESH_SIGN_IN = 15
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert b"Confirm with a passkey" in at_home.get("/account/").content
        at_home.post("/account/confirm/passkey/", {"passkey": answered(at_home, device)})
        assert b"At the moment they do not ask." in at_home.get("/account/").content
    assert last_entry().action == "confirmed by passkey"


def test_a_form_waits_for_it_and_arrives(at_home: Client, device: Device, settings: Any) -> None:
    settings.FRESH_SIGN_IN = 15
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        asked = at_home.post("/scripts/new/", SCRIPT)
        assert asked.status_code == 401
        assert b"Confirm with a passkey" in asked.content
        assert b"echo kept" in asked.content
        wrong = at_home.post("/scripts/new/", {**SCRIPT, "sign-in-passkey": answered(at_home, Device())})
        assert wrong.status_code == 422
        assert b"This passkey does not open here" in wrong.content
        assert b"echo kept" in wrong.content
        done = at_home.post("/scripts/new/", {**SCRIPT, "sign-in-passkey": answered(at_home, device)})
        assert done.status_code == 302
        assert b"echo kept" in at_home.get(done["Location"]).content


def test_a_form_that_met_the_end_of_the_session_goes_on_after_it(device: Device) -> None:
    client = new_browser()
    asked = client.post("/scripts/new/", SCRIPT)
    assert b"Sign in with a passkey" in asked.content
    done = client.post("/scripts/new/", {**SCRIPT, "sign-in-passkey": answered(client, device)})
    assert done.status_code == 302
    assert is_in(client)


def test_where_it_is_the_only_way_no_button_asks_for_another(
    at_home: Client, device: Device, ben: User, settings: Any
) -> None:
    ben.set_unusable_password()
    ben.save()
    at_home.force_login(ben)
    settings.FRESH_SIGN_IN = 15
    asked = at_home.post("/scripts/new/", SCRIPT).content.decode()
    assert "Confirm with a passkey" in asked
    assert "A passkey needs JavaScript." in asked
    assert "Give it up" in asked
    assert "o on</button>" not in asked
    done = at_home.post("/scripts/new/", {**SCRIPT, "sign-in-passkey": answered(at_home, device)})
    assert done.status_code == 302


def test_after_the_password_it_stands_in_for_the_code_in_such_a_form_too(device: Device) -> None:
    client = new_browser()
    given = {"sign-in-username": "ben", "sign-in-password": PASSWORD}
    asked = client.post("/scripts/new/", {**SCRIPT, **given})
    assert asked.status_code == 401
    assert b"Sign in with a passkey" in asked.content
    wrong = client.post("/scripts/new/", {**SCRIPT, "sign-in-passkey": answered(client, Device())})
    assert wrong.status_code == 422
    assert b"Now the code of your second factor." in wrong.content
    assert client.post("/scripts/new/", {**SCRIPT, "sign-in-passkey": answered(client, device)}).status_code == 302


def test_storing_and_removing_one_ask_for_a_fresh_sign_in(at_home: Client, device: Device, settings: Any) -> None:
    settings.FRESH_SIGN_IN = 15
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        new = Device()
        asked = add(at_home, new, "Key")
        assert asked.status_code == 401
        found = re.findall(r'<input type="hidden" name="(name|passkey)" value="([^"]*)">', asked.content.decode())
        sent = {name: html.unescape(value) for name, value in found}
        assert at_home.post(PAGE, {**sent, "sign-in-password": PASSWORD}).status_code == 302
        assert Passkey.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert at_home.post(f"{PAGE}{Passkey.objects.first().pk}/remove/").status_code == 401  # type: ignore[union-attr]


# --- its name, and its end --------------------------------------------------------------------------------------------
def test_it_is_renamed_and_removed(at_home: Client, device: Device, ben: User) -> None:
    address = f"{PAGE}{Passkey.objects.get().pk}/"
    assert at_home.post(address, {"name": ""}).status_code == 422
    at_home.post(address, {"name": "<b>Old phone</b>"})
    assert b"&lt;b&gt;Old phone&lt;/b&gt;" in at_home.get(PAGE).content
    assert (last_entry().before, last_entry().after) == ({"name": "Phone"}, {"name": "<b>Old phone</b>"})
    at_home.post(f"{address}remove/")
    assert not Passkey.objects.exists()
    assert second_factor.recovery_codes(ben) == []
    assert (last_entry().action, last_entry().name) == ("passkey removed", "<b>Old phone</b>")
    assert sign_in_by(new_browser(), device).status_code == 422
    assert sign_in(new_browser(), "ben") == 302


def test_nobody_touches_that_of_somebody_else(device: Device) -> None:
    anna = new_browser()
    anna.force_login(make_person("anna", "administrator"))
    address = f"{PAGE}{Passkey.objects.get().pk}/"
    assert [anna.get(address).status_code, anna.post(address, {"name": "x"}).status_code] == [404, 404]
    assert anna.post(f"{address}remove/").status_code == 404
    assert Passkey.objects.get().name == "Phone"


@pytest.mark.parametrize("way", ["page", "command"])
def test_a_lost_one_is_taken_away_by_an_administrator(device: Device, ben: User, way: str) -> None:
    if way == "page":
        root = new_browser()
        sign_in(root, "root")
        assert b"Second factor: on" in root.get(f"/settings/people/{ben.pk}/").content
        root.post(f"/settings/people/{ben.pk}/second-factor/")
    else:
        call_command("reset_second_factor", "ben")
    assert not second_factor.has(ben)
    assert last_entry().before == {"passkeys": ["Phone"]}
    assert sign_in_by(new_browser(), device).status_code == 422
    client = new_browser()
    assert sign_in(client, "ben") == 302
    assert is_in(client)


def test_a_reset_promises_no_password_to_who_has_none(device: Device, ben: User) -> None:
    ben.set_unusable_password()
    ben.save()
    root = new_browser()
    sign_in(root, "root")
    said = root.post(f"/settings/people/{ben.pk}/second-factor/", follow=True).content.decode()
    assert "ben has no second factor any more, until there is a new one." in said


def test_an_account_that_is_switched_off_is_not_opened(device: Device, ben: User) -> None:
    people.set_active(ben, False)
    assert sign_in_by(new_browser(), device).status_code == 422


def test_there_is_an_end_to_how_many(at_home: Client, device: Device, ben: User) -> None:
    known = Passkey.objects.get()
    for number in range(passkeys.MOST - 1):
        Passkey.objects.create(
            user=ben,
            name=f"{number}",
            rp_id="localhost",
            credential_id=f"x{number}",
            credential=bytes(known.credential),
        )
    refused = at_home.post(f"{PAGE}offer/")
    assert (refused.status_code, refused.json()["detail"]) == (409, passkeys.TOO_MANY)


# --- where ------------------------------------------------------------------------------------------------------------
def test_it_opens_at_the_name_for_which_it_was_made_and_nowhere_else(device: Device, settings: Any) -> None:
    settings.KNOWN_HOSTS = ["backup.example"]
    there = Client(headers={"Host": "backup.localhost"})
    assert b"passkey" not in there.get("/sign-in/").content
    there.post("/sign-in/", {"username": "ben", "password": PASSWORD})
    assert b"opens at localhost only" in there.get("/sign-in/code/").content
    device.origin = "http://backup.localhost"
    assert sign_in_by(there, device).status_code == 422


@pytest.mark.parametrize("host", ["192.168.1.20:8000", "127.0.0.1", "[::1]:8000"])
def test_at_an_address_of_numbers_the_page_says_why_there_are_none(at_home: Client, ben: User, host: str) -> None:
    client = Client(headers={"Host": host})
    client.force_login(ben)
    assert "Passkeys need https and a name" in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}offer/").json()["detail"] == passkeys.NOT_HERE
    assert client.post("/sign-in/passkey/question/").status_code == 409
    assert client.post(PAGE, {"name": "x", "passkey": "{}"}).status_code == 422


@pytest.mark.parametrize(
    ("trusted", "ours"),
    [
        ("https://backup.example", "https://backup.example"),
        ("https://Backup.Example:443/", "https://backup.example"),
        ("https://backup.example:8443", "https://backup.example:8443"),
        ("https://*.example", "https://backup.example"),
    ],
)
def test_over_https_the_setting_says_which_port_is_ours(settings: Any, ben: User, trusted: str, ours: str) -> None:
    settings.KNOWN_HOSTS = ["backup.example"]
    settings.CSRF_TRUSTED_ORIGINS = [trusted]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    others = {"https://backup.example", "https://backup.example:8443", "http://backup.example", "https://mail.example"}
    for host in ("backup.example", "backup.example:8443"):
        client = Client(headers={"Host": host, "X-Forwarded-Proto": "https"})
        client.force_login(ben)
        for other in others - {ours}:
            assert add(client, Device(origin=other)).status_code == 422, other
        assert add(client, Device(origin=ours)).status_code in (200, 302)
    assert [one.rp_id for one in Passkey.objects.all()] == ["backup.example"] * 2


def test_without_tls_or_where_the_setting_has_another_name_the_page_says_what_is_needed(
    settings: Any, ben: User
) -> None:
    settings.KNOWN_HOSTS = ["backup.example", "other.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://backup.example"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    for headers in ({"Host": "backup.example"}, {"Host": "other.example", "X-Forwarded-Proto": "https"}):
        client = Client(headers=headers)
        client.force_login(ben)
        assert "BORGUI_TRUSTED_ORIGINS has to have" in client.get(PAGE).content.decode()
        assert client.post(f"{PAGE}offer/").status_code == 409


def test_where_people_sign_in_at_the_provider_only_it_does_not_open_by_itself(device: Device, settings: Any) -> None:
    settings.PASSWORD_SIGN_IN = False
    assert b"Sign in with a passkey" not in new_browser().get("/sign-in/").content
    refused = sign_in_by(new_browser(), device)
    assert refused.status_code == 422
    assert b"only the second factor" in refused.content


# --- false answers ----------------------------------------------------------------------------------------------------
def without(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "response": {**answer["response"], **changes}}

    return change


LIES: dict[str, tuple[dict[str, Any], Callable[[dict[str, Any]], dict[str, Any]] | None]] = {
    "another site": ({"origin": "https://localhost.evil.example"}, None),
    "another port of this host": ({"origin": "http://localhost:8443"}, None),
    "another scheme": ({"origin": "https://localhost"}, None),
    "nobody was asked": ({"flags": PRESENT}, None),
    "nobody was there": ({"flags": VERIFIED}, None),
    "of another kind": ({"kind": "webauthn.other"}, None),
    "inside another page": ({"cross_origin": True}, None),
    "cut off": ({}, lambda answer: {**answer, "response": {}}),
    "no text": ({}, without(clientDataJSON=5)),
    "no base64": ({}, without(clientDataJSON="\x00é")),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_false_answer_stores_nothing(at_home: Client, lie: str) -> None:
    said, change = LIES[lie]
    answer = Device(**said).make(at_home.post(f"{PAGE}offer/").json())
    refused = at_home.post(PAGE, {"name": "x", "passkey": json.dumps(change(answer) if change else answer)})
    assert refused.status_code == 422
    assert b"does not open here" in refused.content
    assert b'value="x"' in refused.content
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("lie", [*LIES, "another key", "another account", "another signature", "another challenge"])
def test_a_false_answer_opens_nothing_and_is_counted(device: Device, lie: str) -> None:
    said, change = LIES.get(lie, ({}, None))
    for name, value in said.items():
        setattr(device, name, value)
    if lie == "another key":
        device.key = Device().key
    if lie == "another account":
        device.handle = b"x" * 32
    if lie == "another signature":
        change = without(signature=websafe_encode(b"0" * 70))
    client = new_browser()
    options = client.post("/sign-in/passkey/question/").json()
    if lie == "another challenge":
        options["challenge"] = websafe_encode(b"c" * 32)
    answer = device.sign(options)
    refused = client.post("/sign-in/passkey/", {"passkey": json.dumps(change(answer) if change else answer)})
    assert refused.status_code == 422
    assert not is_in(client)
    assert last_entry().action == "sign-in failed"
    assert last_entry().after["at"] == "passkey"
    assert Passkey.objects.get().last_used_at is None


NONSENSE = [
    "", "{", "null", "[]", "5", '"x"', "[" * 5000, "{}" * 20000, '{"id":"YQ"}', '{"id":"YQ","rawId":"YQ","response":[]}',
    '{"id":"YQ","rawId":"YQ","response":{"clientDataJSON":"e30","authenticatorData":"","signature":""}}',
    '{"id":5,"rawId":"YQ","response":{"clientDataJSON":"bnVsbA","attestationObject":"oA"}}',
]  # fmt: skip


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_refused(at_home: Client, device: Device, nonsense: str) -> None:
    at_home.post(f"{PAGE}offer/")
    assert at_home.post(PAGE, {"name": "x", "passkey": nonsense}).status_code == 422
    client = new_browser()
    client.post("/sign-in/passkey/question/")
    assert client.post("/sign-in/passkey/", {"passkey": nonsense}).status_code == 422
    assert Passkey.objects.count() == 1


@pytest.mark.parametrize("at", range(0, 180, 7))
def test_an_answer_that_was_damaged_on_its_way_is_refused(at_home: Client, at: int) -> None:
    device = Device()
    answer = device.make(at_home.post(f"{PAGE}offer/").json())
    raw = bytearray(websafe_decode(answer["response"]["attestationObject"]))
    cut = raw[: min(at, len(raw) - 1)]
    given = without(attestationObject=websafe_encode(bytes(cut)))(answer)
    assert at_home.post(PAGE, {"name": "x", "passkey": json.dumps(given)}).status_code == 422
    assert not Passkey.objects.exists()


def test_a_question_is_answered_once_in_its_browser_and_within_five_minutes(device: Device) -> None:
    client = new_browser()
    answer = answered(client, device)
    assert new_browser().post("/sign-in/passkey/", {"passkey": answer}).status_code == 422
    assert client.post("/sign-in/passkey/", {"passkey": answer}).status_code == 302
    client.post("/sign-out/")
    assert client.post("/sign-in/passkey/", {"passkey": answer}).status_code == 422
    late = answered(client, device)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        refused = client.post("/sign-in/passkey/", {"passkey": late})
    assert b"longer than five minutes ago" in refused.content


def test_a_copy_is_found_out_by_its_counter_and_what_does_not_count_is_let_be(device: Device) -> None:
    device.count = 10
    assert sign_in_by(new_browser(), device).status_code == 302
    device.count = 5
    assert sign_in_by(new_browser(), device).status_code == 422
    assert "counter went back" in last_entry().after["why"]
    Passkey.objects.update(sign_count=0)
    device.count = 0
    assert [sign_in_by(new_browser(), device).status_code for _ in range(2)] == [302, 302]


def test_one_that_is_stored_is_not_stored_twice(at_home: Client, device: Device) -> None:
    anna = new_browser()
    anna.force_login(make_person("anna", "author"))
    refused = add(anna, device)
    assert refused.status_code == 422
    assert b"stored here already" in refused.content


def test_guessing_is_slowed_down_as_with_passwords(device: Device) -> None:
    client = new_browser()
    for _ in range(9):
        assert sign_in_by(client, Device()).status_code == 422
    assert sign_in_by(client, Device()).status_code == 429
    assert client.post("/sign-in/passkey/question/").status_code == 429
    assert client.post("/sign-in/passkey/", {"passkey": "{}"}).status_code == 429
    assert sign_in(client, "ben") == 429


def test_another_installation_at_the_same_name_knows_the_account_by_another_handle(ben: User) -> None:
    here = Installation.objects.create()
    before = passkeys.handle(ben)
    Installation.objects.update(created_at=here.created_at.replace(microsecond=0))
    assert passkeys.handle(ben) == before, "a dump of the database rounds it"
    Installation.objects.update(created_at=here.created_at - timedelta(days=1))
    assert passkeys.handle(ben) != before


def test_what_is_asked_tells_nothing_of_the_person(at_home: Client, ben: User) -> None:
    offered = at_home.post(f"{PAGE}offer/").json()
    assert offered["authenticatorSelection"]["userVerification"] == "required"
    assert offered["authenticatorSelection"]["residentKey"] == "required"
    assert len(websafe_decode(offered["user"]["id"])) == 32
    stranger = new_browser().post("/sign-in/passkey/question/").json()
    assert "allowCredentials" not in stranger
    assert stranger["userVerification"] == "required"
