"""Accounts: adding them, their roles, their links, and what an administrator can do about them."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from borgui.accounts import people
from borgui.accounts.models import ApiToken, AuditEntry, User
from borgui.accounts.roles import Role
from borgui.settings import PASSWORD_HASHERS

from .conftest import PASSWORD, make_person, sign_in

pytestmark = pytest.mark.django_db
NEW = "another good password"


@pytest.fixture
def root(stranger: Client) -> Client:
    make_person("root", "administrator")
    assert sign_in(stranger, "root") == 302
    return stranger


def link_in(page: Any) -> str:
    found = re.search(r"http://localhost(/welcome/[^<\s]+)", page.content.decode())
    assert found
    return found[1]


def deeds() -> list[tuple[str, str, str]]:
    return [(entry.username, entry.action, entry.name) for entry in AuditEntry.objects.order_by("id")]


def test_somebody_is_added_chooses_a_password_and_has_the_role(root: Client) -> None:
    page = root.post("/settings/people/new/", {"username": "ben", "role": "operator"})
    link = link_in(page)
    ben = Client(headers={"Host": "localhost"})

    assert ben.get(link).status_code == 200
    answer = ben.post(link, {"new_password1": NEW, "new_password2": NEW})

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert ben.get("/").status_code == 200
    assert User.objects.get(username="ben").role == Role.OPERATOR
    assert Client(headers={"Host": "localhost"}).get(link).status_code == 404
    assert ("root", "account added", "ben") in deeds()
    assert ("ben", "password changed", "ben") in deeds()


def test_a_link_ends_after_three_days_and_with_a_newer_password(root: Client) -> None:
    link = link_in(root.post("/settings/people/new/", {"username": "ben", "role": "viewer"}))
    with time_machine.travel(timezone.now() + timedelta(days=3, minutes=1)):
        assert Client(headers={"Host": "localhost"}).get(link).status_code == 404
    ben = User.objects.get(username="ben")
    ben.set_password(NEW)
    ben.save()
    assert Client(headers={"Host": "localhost"}).get(link).status_code == 404


@pytest.mark.parametrize("link", ["/welcome/x/y/", "/welcome/OTk5OTk5OTk5OTk5OTk5OTk5OTk5/set-x/", "/welcome/%00/y/"])
def test_nonsense_is_no_link(stranger: Client, link: str) -> None:
    assert stranger.get(link).status_code == 404


@pytest.mark.parametrize("name", ["", "root", "ROOT", "a b", "x" * 151, "a\nb"])
def test_a_name_that_cannot_be_is_refused_and_nothing_is_lost(root: Client, name: str) -> None:
    answer = root.post("/settings/people/new/", {"username": name, "role": "viewer"})
    assert answer.status_code == 422
    assert User.objects.count() == 1


def test_a_role_is_changed_and_the_change_is_in_the_log(root: Client) -> None:
    ben = make_person("ben", "viewer")
    root.post(f"/settings/people/{ben.pk}/", {"role": "administrator"})
    ben = User.objects.get(pk=ben.pk)
    assert (ben.role, ben.is_staff) == (Role.ADMINISTRATOR, True)
    root.post(f"/settings/people/{ben.pk}/", {"role": "author"})
    ben = User.objects.get(pk=ben.pk)
    assert (ben.role, ben.is_staff, ben.is_superuser) == (Role.AUTHOR, False, False)
    entry = AuditEntry.objects.filter(action="role changed")[0]
    assert (entry.before, entry.after, entry.address) == ({"role": "administrator"}, {"role": "author"}, "127.0.0.1")


def test_the_last_administrator_stays_one_and_stays_switched_on(root: Client) -> None:
    me = User.objects.get()
    answer = root.post(f"/settings/people/{me.pk}/", {"role": "viewer"})
    assert answer.status_code == 422
    assert "last administrator" in answer.content.decode()
    root.post(f"/settings/people/{me.pk}/switch/", {"active": "0"})
    me.refresh_from_db()
    assert me.is_active
    with pytest.raises(people.LastAdministrator):
        people.set_role(me, "author")


def test_switched_off_nobody_gets_in_neither_by_page_nor_by_token(root: Client, stranger: Client) -> None:
    ben = make_person("ben", "author")
    browser = Client(headers={"Host": "localhost"})
    sign_in(browser, "ben")
    _, secret = ApiToken.make(ben, "ci")
    program = Client(headers={"Host": "localhost", "Authorization": f"Bearer {secret}"})
    assert (browser.get("/scripts/").status_code, program.get("/api/scripts").status_code) == (200, 200)

    root.post(f"/settings/people/{ben.pk}/switch/", {"active": "0"})

    assert browser.get("/scripts/").status_code == 302
    assert program.get("/api/scripts").status_code == 401
    assert sign_in(browser, "ben") == 422
    root.post(f"/settings/people/{ben.pk}/switch/", {"active": "1"})
    assert sign_in(browser, "ben") == 302


def test_signing_out_everywhere_ends_every_other_session(root: Client) -> None:
    make_person("ben", "viewer")
    here, there = Client(headers={"Host": "localhost"}), Client(headers={"Host": "localhost"})
    for browser in (here, there):
        sign_in(browser, "ben")
    here.post("/account/sign-out-everywhere/")
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302

    ben = User.objects.get(username="ben")
    root.post(f"/settings/people/{ben.pk}/sign-out/")
    assert here.get("/").status_code == 302
    assert root.get("/").status_code == 200


def test_everybody_reads_who_may_do_what_and_only_administrators_who_there_is(root: Client) -> None:
    make_person("ben", "viewer")
    ben = Client(headers={"Host": "localhost"})
    sign_in(ben, "ben")
    page = ben.get("/settings/people/").content.decode()
    assert "Also starts and cancels backups" in page
    assert "Ask root." in page
    assert "Last sign-in" not in page
    assert "Last sign-in" in root.get("/settings/people/").content.decode()


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as found:
        client.get(path)
    return len(found)


def test_the_list_asks_the_database_as_often_for_many(root: Client) -> None:
    one = queries(root, "/settings/people/")
    for number in range(30):
        make_person(f"p{number}", "viewer")
    assert queries(root, "/settings/people/") == one


def test_the_password_is_stored_by_argon2(settings: Any, stranger: Client) -> None:
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS
    user = make_person("root", "administrator", PASSWORD)
    assert user.password.startswith("argon2$")
