"""The first owner: by the one-time link, or by the command that makes a token."""

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from borgui.accounts import setup
from borgui.accounts.models import ApiToken, Installation, SetupLink, User, digest
from borgui.commands import Refused
from tests.rest import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
FORM = {"username": "anna", "password1": PASSWORD, "password2": PASSWORD, "time_zone": "Europe/Berlin"}


@pytest.fixture
def client() -> Client:
    return Client(headers={"Host": "localhost"})


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


# --- the link ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/", "/sign-in/", "/setup/"])
def test_while_nobody_has_an_account_every_page_says_how_to_make_one(client: Client, path: str) -> None:
    page = client.get(path).content.decode()
    for words in ("no owner yet", "docker compose logs borgui", "bin/run", "manage.py setup_link"):
        assert words in page


def test_the_link_makes_an_administrator_once_and_signs_in(client: Client, settings: Any) -> None:
    settings.PORT = 8123
    link = run("setup_link")
    assert re.fullmatch(r"http://127\.0\.0\.1:8123/setup/[\w-]{20,}/", link)
    path = link.partition(":8123")[2]
    assert client.get(path).status_code == 200
    response = client.post(path, FORM)
    assert (response.status_code, response["Location"]) == (302, "/")
    anna = User.objects.get()
    assert anna.is_superuser
    assert anna.check_password(PASSWORD)
    assert Installation.objects.get().time_zone == "Europe/Berlin"
    assert client.get("/").status_code == 200
    assert client.get("/admin/").status_code == 200
    assert not SetupLink.objects.exists()
    for again in (client.get(path), client.post(path, {**FORM, "username": "eve"})):
        assert again.status_code == 404
        assert "not valid any more" in again.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"username": ""},
        {"username": "a b"},
        {"password1": "short", "password2": "short"},
        {"password2": "another one entirely"},
        {"time_zone": "Mars/Olympus"},
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_the_link_stays(client: Client, change: dict[str, str]) -> None:
    path = run("setup_link").partition(":8000")[2]
    response = client.post(path, {**FORM, **change})
    assert response.status_code == 422
    assert "invalid-feedback" in response.content.decode()
    assert PASSWORD not in response.content.decode()
    assert not User.objects.exists()
    assert client.post(path, FORM).status_code == 302


def test_a_new_link_makes_the_older_one_void(client: Client) -> None:
    old, new = run("setup_link"), run("setup_link")
    assert client.get(old.partition(":8000")[2]).status_code == 404
    assert client.get(new.partition(":8000")[2]).status_code == 200
    assert client.get("/setup/nonsense/").status_code == 404


def test_of_two_people_with_the_same_link_one_gets_in() -> None:
    token = SetupLink.make()
    setup.make_owner(token, username="anna", password=PASSWORD)
    with pytest.raises(setup.LinkVoid):
        setup.make_owner(token, username="eve", password=PASSWORD)
    assert User.objects.get().username == "anna"


def test_with_an_administrator_there_is_no_link(capsys: pytest.CaptureFixture[str]) -> None:
    make_user()
    with pytest.raises(SystemExit) as exit:
        call_command("setup_link")
    assert exit.value.code == 1
    assert "anna" in capsys.readouterr().err
    assert not SetupLink.objects.exists()


def test_an_address_for_all_interfaces_becomes_one_that_can_be_opened(settings: Any) -> None:
    settings.HOST = "0.0.0.0"
    assert setup.fresh_link().startswith("http://localhost:8000/setup/")
    settings.HOST = "fd00::1"
    assert setup.fresh_link().startswith("http://[fd00::1]:8000/setup/")


# --- signing in -------------------------------------------------------------------------------------------------------
def test_without_signing_in_a_page_leads_to_the_form_and_back(client: Client) -> None:
    make_user()
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/?next=/")
    assert client.get("/setup/")["Location"] == "/"
    assert client.get("/sign-in/").status_code == 200
    signed_in = client.post("/sign-in/", {"username": "anna", "password": "long enough", "next": "/"})
    assert signed_in["Location"] == "/"
    page = client.get("/").content.decode()
    assert "/api/docs" in page
    assert "/admin/" in page
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


def test_the_form_does_not_lead_to_another_site(client: Client) -> None:
    make_user()
    form = {"username": "anna", "password": "long enough", "next": "https://example.org/"}
    assert client.post("/sign-in/", form)["Location"] == "/"


def test_the_admin_pages_ask_to_sign_in_and_refuse_who_may_not_see_them(client: Client) -> None:
    make_user()
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/sign-in/?next=/admin/"
    client.force_login(User.objects.create_user("bert", password="long enough"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_piece_that_is_asked_for_after_signing_out_is_401_and_not_the_form(client: Client) -> None:
    make_user()
    response = client.get("/", headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize(
    "change", [{"old_password": "wrong"}, {"new_password1": "short", "new_password2": "short"}, {"new_password2": "x"}]
)
def test_a_password_that_cannot_be_changed_stays(client: Client, change: dict[str, str]) -> None:
    anna = make_user()
    client.force_login(anna)
    form = {"old_password": "long enough", "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post("/change-password/", {**form, **change}).status_code == 422
    anna.refresh_from_db()
    assert anna.check_password("long enough")


def test_a_changed_password_signs_out_the_other_browsers(client: Client) -> None:
    anna = make_user()
    other = Client(headers={"Host": "localhost"})
    for browser in (client, other):
        browser.force_login(anna)
    form = {"old_password": "long enough", "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post("/change-password/", form)["Location"] == "/"
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302


# --- tokens -----------------------------------------------------------------------------------------------------------
def test_the_first_token_makes_its_user_an_administrator_without_a_password() -> None:
    token = run("create_api_token", "anna", "--name", "ci")
    row = ApiToken.objects.get()
    assert (row.token_hash, row.name, row.scope) == (digest(token), "ci", "write")
    assert row.user.is_superuser
    assert not row.user.has_usable_password()


def test_a_token_of_a_scope_is_printed_as_one_json_value() -> None:
    make_user()
    token = json.loads(run("create_api_token", "anna", "--name", "ci", "--scope", "read", "--json"))["token"]
    assert ApiToken.objects.get(token_hash=digest(token)).scope == "read"


@pytest.mark.parametrize(
    "words",
    [
        ["nobody", "--name", "ci"],
        ["anna", "--name", " "],
        ["anna", "--name", "x" * 101],
        ["anna", "--name", "ci", "--scope", "all"],
        ["anna"],
        [],
    ],
)
def test_bad_usage_and_unknown_users_are_refused_with_64(words: list[str]) -> None:
    make_user()
    with pytest.raises(Refused) as refused:
        call_command("create_api_token", *words)
    assert refused.value.returncode == 64
    assert not ApiToken.objects.exists()


def test_a_name_that_no_user_can_have_makes_nobody() -> None:
    with pytest.raises(Refused):
        call_command("create_api_token", "a b", "--name", "ci")
    assert not User.objects.exists()
