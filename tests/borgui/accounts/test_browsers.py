"""Where somebody is signed in: the list, ending one, and that it tells the truth."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from borgui.accounts import browsers
from borgui.accounts.models import AuditEntry, BrowserSession, User

from .conftest import PASSWORD, make_person, sign_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"


def browser(agent: str = FIREFOX, address: str = "192.0.2.1") -> Client:
    client = Client(headers={"Host": "localhost", "User-Agent": agent}, REMOTE_ADDR=address)
    assert sign_in(client, "ben") == 302
    return client


@pytest.fixture
def ben(db: None) -> User:
    make_person("root", "administrator")
    return make_person("ben", "viewer")


def now_signed_in(user: User) -> list[str]:
    return [row.browser for row in browsers.of(User.objects.get(pk=user.pk))]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (PHONE, "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("", "a browser"),
        ("<b>\n" + "x" * 500, "<b>" + "x" * 36),
    ],
)  # fmt: skip
def test_a_browser_is_said_in_words(agent: str, words: str) -> None:
    assert browsers.in_words(agent) == words


def test_the_account_lists_every_browser_and_marks_this_one(ben: User) -> None:
    here = browser()
    browser(PHONE, "192.0.2.2")
    page = here.get("/account/").content.decode()
    assert page.count("This browser") == 1
    assert "Safari on iPhone" in page
    assert "192.0.2.2" in page
    assert page.count("/end/") == 1


def test_one_is_ended_and_the_others_go_on(ben: User) -> None:
    here, there = browser(), browser(PHONE)
    row = BrowserSession.objects.get(browser="Safari on iPhone")
    assert here.post(f"/account/sessions/{row.pk}/end/", follow=True).status_code == 200
    assert there.get("/account/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert now_signed_in(ben) == ["Firefox on Linux"]
    entry = AuditEntry.objects.get(action="signed out elsewhere")
    assert (entry.username, entry.before["browser"]) == ("ben", "Safari on iPhone")
    assert "already" in here.post(f"/account/sessions/{row.pk}/end/", follow=True).content.decode()


def test_nobody_ends_what_is_somebody_elses_or_the_browser_they_use(ben: User) -> None:
    here = browser()
    [row] = browsers.of(ben)
    root = Client(headers={"Host": "localhost"})
    sign_in(root, "root")
    root.post(f"/account/sessions/{row.pk}/end/")
    here.post(f"/account/sessions/{row.pk}/end/")
    assert here.get("/account/").status_code == 200


@pytest.mark.parametrize("how", ["everywhere", "password", "elsewhere"])
def test_what_ends_all_other_sessions_ends_them_in_the_list_too(ben: User, how: str) -> None:
    here, _ = browser(), browser(PHONE)
    if how == "everywhere":
        here.post("/account/sign-out-everywhere/")
    elif how == "password":
        new = "another good password"
        here.post("/change-password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    else:
        ben.set_password("set by the command changepassword")
        ben.save()
    assert now_signed_in(ben) == ([] if how == "elsewhere" else ["Firefox on Linux"])
    if how != "elsewhere":
        assert "This browser" in here.get("/account/").content.decode()


def test_signed_out_or_expired_it_is_gone(ben: User) -> None:
    here = browser()
    browser(PHONE)
    here.post("/sign-out/")
    assert now_signed_in(ben) == ["Safari on iPhone"]
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert now_signed_in(ben) == []
    browser()
    assert BrowserSession.objects.count() == 1


def writes(client: Client) -> int:
    with CaptureQueriesContext(connection) as found:
        client.get("/account/")
    return len([query for query in found if query["sql"].startswith(("UPDATE", "INSERT", "DELETE"))])


def test_when_it_was_seen_is_written_every_few_minutes_only(ben: User) -> None:
    here = browser()
    assert writes(here) == 0
    before = BrowserSession.objects.get().seen_at
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert writes(here) > 0
        assert writes(here) == 0
    assert BrowserSession.objects.get().seen_at > before


def test_a_database_that_cannot_be_written_shows_pages(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = browser()

    def full(*arguments: Any, **fields: Any) -> int:
        raise DatabaseError("disk full")

    monkeypatch.setattr(QuerySet, "update", full)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert here.get("/settings/people/").status_code == 200


def test_an_administrator_sees_how_many_there_are(ben: User) -> None:
    browser()
    browser(PHONE)
    root = Client(headers={"Host": "localhost"})
    sign_in(root, "root")
    assert "2 sessions." in root.get(f"/settings/people/{ben.pk}/").content.decode()
