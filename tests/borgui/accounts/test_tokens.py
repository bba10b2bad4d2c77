"""Tokens on their page and by command: made, shown once, listed, taken back."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from borgui.accounts import people
from borgui.accounts.models import ApiToken, User
from borgui.commands import Refused
from tests.rest import Rest, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben() -> User:
    """Somebody who is no administrator."""
    user = User.objects.create_user("ben", password="long enough")
    people.put_into(user, "viewer")
    return User.objects.get(pk=user.pk)


def signed_in(user: User) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(user)
    return client


def make(client: Client, **fields: str) -> Any:
    return client.post("/settings/tokens/new/", {"name": "monitor", "scope": "read", "days": "30", **fields})


def test_a_token_is_shown_once_and_works(client: Client) -> None:
    page = make(client)
    secret = re.search(r'value="(borgui_[\w-]+)"', page.content.decode())
    assert secret
    assert (page.status_code, page["Cache-Control"].count("no-store")) == (201, 1)
    assert (
        Client().get("/api/status", headers={"Host": "localhost", "Authorization": f"Bearer {secret[1]}"}).status_code
        == 200
    )
    listed = client.get("/settings/tokens/").content.decode()
    assert "monitor" in listed
    row = ApiToken.objects.get()
    assert secret[1] not in listed
    assert row.token_hash not in listed
    assert row.expires_at
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": "x" * 101}, {"name": "a\nb"}, {"scope": "all"}, {"days": "-1"}]
)
def test_nonsense_makes_no_token_and_nothing_typed_is_lost(client: Client, fields: dict[str, str]) -> None:
    page = make(client, **{"name": "kept", **fields})
    assert page.status_code == 422
    assert "kept" in page.content.decode() or "name" in fields
    assert not ApiToken.objects.exists()


def test_a_person_sees_and_revokes_their_own_an_administrator_all(client: Client, ben: User) -> None:
    of_ben, _ = ApiToken.make(ben, "of ben")
    of_anna, _ = ApiToken.make(User.objects.get(username="anna"), "of anna")
    own = signed_in(ben)
    page = own.get("/settings/tokens/").content.decode()
    assert ("of ben" in page, "of anna" in page) == (True, False)
    assert own.post(f"/settings/tokens/{of_anna.pk}/revoke/").status_code == 404
    assert own.get(f"/settings/tokens/{of_anna.pk}/revoke/").status_code == 404
    assert "of ben" in client.get("/settings/tokens/").content.decode()
    assert "of ben" in client.get(f"/settings/tokens/{of_ben.pk}/revoke/").content.decode()
    client.post(f"/settings/tokens/{of_ben.pk}/revoke/")
    assert list(ApiToken.objects.values_list("name", flat=True)) == ["of anna"]


def test_a_revoked_token_opens_nothing(client: Client) -> None:
    api = Rest()
    assert api.get("/status").status_code == 200
    client.post(f"/settings/tokens/{api.token.pk}/revoke/")
    assert api.get("/status").status_code == 401


@pytest.mark.parametrize("path", ["", "new/", "1/revoke/"])
def test_a_stranger_is_asked_to_sign_in(path: str) -> None:
    make_user()
    answer = Client(headers={"Host": "localhost"}).get(f"/settings/tokens/{path}")
    assert (answer.status_code, answer["Location"].startswith("/sign-in/")) == (302, True)


def test_the_list_asks_as_much_for_fifty_as_for_one(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/settings/tokens/").status_code == 200
        return len(captured)

    anna = User.objects.get(username="anna")
    ApiToken.make(anna, "first")
    one = queries()
    for number in range(50):
        ApiToken.make(User.objects.create_user(f"user {number}"), f"token {number}")
    assert queries() == one


# --- commands ---------------------------------------------------------------------------------------------------------
def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    call_command(*words)
    return capsys.readouterr().out


def test_commands_make_list_and_revoke(capsys: pytest.CaptureFixture[str]) -> None:
    make_user()
    secret = run(capsys, "create_api_token", "anna", "--name", "ci", "--scope", "run", "--expires", "30").strip()
    found = json.loads(run(capsys, "api_tokens", "--json"))
    assert found["count"] == 1
    entry = found["items"][0]
    assert (entry["name"], entry["user"], entry["scope"], entry["expired"]) == ("ci", "anna", "run", False)
    assert secret not in json.dumps(found)
    assert "never used" in run(capsys, "api_tokens")
    assert json.loads(run(capsys, "revoke_api_token", "ci", "--json"))["revoked"] is True
    assert run(capsys, "api_tokens").strip() == "There are no tokens."


def test_a_date_means_the_end_of_that_day(capsys: pytest.CaptureFixture[str]) -> None:
    make_user()
    day = (timezone.localdate() + timedelta(days=2)).isoformat()
    run(capsys, "create_api_token", "anna", "--name", "ci", "--expires", day)
    expires = ApiToken.objects.get().expires_at
    assert expires
    assert timezone.localtime(expires).strftime("%Y-%m-%d %H:%M") == f"{day} 23:59"


@pytest.mark.parametrize("when", ["0", "-1", "soon", "2020-01-01", "2026-02-31", "99999", "1e3", "3000-01-01"])
def test_an_expiry_that_is_none_is_refused(when: str) -> None:
    make_user()
    with pytest.raises(Refused):
        call_command("create_api_token", "anna", "--name", "ci", f"--expires={when}")
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("token", ["7", "nobody", "twice", "9" * 30])
def test_a_token_that_is_not_meant_clearly_is_not_revoked(token: str) -> None:
    anna = make_user()
    for _ in range(2):
        ApiToken.make(anna, "twice")
    with pytest.raises(Refused) as problem:
        call_command("revoke_api_token", token)
    assert problem.value.returncode == 64
    assert ApiToken.objects.count() == 2
