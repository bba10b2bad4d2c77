"""Accounts at a provider: connected, confirmed with, with a second factor here, and without passwords."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from borgui.accounts import people
from borgui.accounts.models import AuditEntry, Identity, User
from tests.oidc_provider import World

from .conftest import PASSWORD, make_person, sign_in
from .phone import give_factor
from .there import come, deeds, name_of, role, there, with_claims

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


# --- connecting -------------------------------------------------------------------------------------------------------
@pytest.fixture
def owner(browser: Client, world: World, settings: Any) -> Client:
    """The browser of root, who signed in by password."""
    settings.OIDC_NEW_PEOPLE = False
    sign_in(browser, "root")
    return browser


def test_an_account_is_connected_by_its_owner_and_then_opens(owner: Client, root: User, world: World) -> None:
    world.person = {"sub": "u-9", "preferred_username": "the boss"}
    assert come(owner, "/account/oidc/connect/")["Location"] == "/account/"
    assert "Connected with the boss" in owner.get("/account/").content.decode()
    owner.post("/sign-out/")
    come(owner)
    assert name_of(owner) == "root"
    assert ("sign-in connected", "root") in deeds()
    owner.post("/account/oidc/disconnect/")
    assert ("sign-in disconnected", "root") in deeds()
    owner.post("/sign-out/")
    come(owner)
    assert name_of(owner) == ""


def test_connecting_asks_for_a_fresh_sign_in(owner: Client, settings: Any) -> None:
    settings.FRESH_SIGN_IN = 15
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert owner.post("/account/oidc/connect/").status_code == 401
        asked = owner.post("/account/oidc/connect/", {"sign-in-password": PASSWORD})
        assert "Refresh" in asked


def test_one_person_there_is_one_account_here(owner: Client, world: World, settings: Any) -> None:
    settings.OIDC_NEW_PEOPLE = True
    come(Client(headers={"Host": "localhost"}))
    answer = come(owner, "/account/oidc/connect/")
    assert "connected with another account here" in answer.content.decode()
    world.person = {"sub": "u-2"}
    come(owner, "/account/oidc/connect/")
    world.person = {"sub": "u-3"}
    assert "connected with another person of Home" in come(owner, "/account/oidc/connect/").content.decode()
    assert Identity.objects.count() == 2


def test_what_one_person_began_does_not_end_with_another(owner: Client) -> None:
    path = there(owner, "/account/oidc/connect/")
    make_person("ben", "author")
    session = owner.session["oidc_flows"]
    owner.post("/sign-out/")
    sign_in(owner, "ben")
    planted = owner.session
    planted["oidc_flows"] = session
    planted.save()
    assert "is not signed in here any more" in owner.get(path).content.decode()
    assert not Identity.objects.exists()


def test_who_has_no_other_way_in_stays_connected(browser: Client) -> None:
    come(browser)
    answer = browser.post("/account/oidc/disconnect/", follow=True)
    assert "your only way to sign in" in answer.content.decode()
    assert Identity.objects.exists()
    assert "there is none to change" in browser.get("/change-password/", follow=True).content.decode()


def test_an_administrator_disconnects_somebody(browser: Client, root: User) -> None:
    come(browser)
    anna = User.objects.get(username="anna")
    chief = Client(headers={"Host": "localhost"})
    sign_in(chief, "root")
    assert "signs in with Home" in chief.get("/settings/people/").content.decode()
    assert "Disconnect from Home" in chief.get(f"/settings/people/{anna.pk}/").content.decode()
    chief.post(f"/settings/people/{anna.pk}/oidc/")
    assert not Identity.objects.exists()
    assert deeds()[-1] == ("sign-in disconnected", "root")


def test_the_link_of_an_administrator_connects_the_account_that_it_is_for(
    browser: Client, world: World, settings: Any
) -> None:
    settings.OIDC_NEW_PEOPLE = False
    ben = people.add("ben", "author")
    link = people.path_of(ben)
    assert "Or without a password here" in browser.get(link).content.decode()
    world.person = {"sub": "u-5", "preferred_username": "benjamin"}
    assert come(browser, f"{link}oidc/").status_code == 302
    assert (name_of(browser), role("ben")) == ("ben", "author")
    assert ("sign-in connected", "ben") in deeds()
    assert browser.get(link).status_code == 404, "and works no more"
    assert Client(headers={"Host": "localhost"}).post(f"{link}oidc/").status_code == 404


# --- confirming -------------------------------------------------------------------------------------------------------
@pytest.fixture
def later(browser: Client, world: World, settings: Any) -> Iterator[Client]:
    """Anna, an administrator, came in by the provider an hour ago."""
    settings.FRESH_SIGN_IN = 15
    come(browser)
    people.set_role(User.objects.get(username="anna"), "administrator")
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        yield browser


NEW = {"username": "carl", "role": "viewer"}


def test_who_has_no_password_confirms_at_the_provider_and_the_form_goes_on(later: Client, world: World) -> None:
    asked = later.post("/settings/people/new/", NEW)
    page = asked.content.decode()
    assert asked.status_code == 401
    assert "Confirm at Home" in page
    assert 'name="sign-in-password"' not in page
    assert 'value="carl"' in page
    assert come(later, "/account/oidc/confirm/")["Location"] == "/account/oidc/done/"
    assert (world.asked[-1]["prompt"], world.asked[-1]["max_age"]) == ("login", "0")
    assert "You are signed in as anna" in later.get("/account/oidc/done/").content.decode()
    assert later.post("/settings/people/new/", NEW).status_code == 200
    assert User.objects.filter(username="carl").exists()


@pytest.mark.parametrize("said", ["long ago", "nothing", "tomorrow", "nonsense"])
def test_a_sign_in_there_that_is_not_fresh_confirms_nothing(later: Client, world: World, said: str) -> None:
    now = time.time()
    times: dict[str, Any] = {"long ago": now - 3600, "nothing": None, "tomorrow": now + 86400, "nonsense": "now"}
    world.changed = with_claims(auth_time=times[said])
    answer = come(later, "/account/oidc/confirm/")
    assert answer.status_code == 403
    assert "did not say that you have just signed in" in answer.content.decode()
    assert later.post("/settings/people/new/", NEW).status_code == 401


def test_somebody_else_there_confirms_nothing(later: Client, world: World) -> None:
    world.person = {"sub": "u-2"}
    assert "as somebody else than the owner" in come(later, "/account/oidc/confirm/").content.decode()
    assert later.post("/settings/people/new/", NEW).status_code == 401


@pytest.mark.parametrize(("ago", "status"), [(0, 200), (3600, 401), (None, 401)])
def test_coming_in_is_as_fresh_as_the_sign_in_there(
    browser: Client, world: World, settings: Any, ago: int | None, status: int
) -> None:
    settings.FRESH_SIGN_IN = 15
    world.signed_in_at = time.time() - ago if ago is not None else None
    come(browser)
    people.set_role(User.objects.get(username="anna"), "administrator")
    assert browser.post("/settings/people/new/", NEW).status_code == status


def test_after_signing_in_in_another_tab_a_form_goes_on(browser: Client) -> None:
    asked = browser.post("/account/sign-out-everywhere/", NEW)
    assert asked.status_code == 401
    assert "sign in at Home in another tab" in asked.content.decode()
    come(browser, next="/account/oidc/done/")
    assert browser.post("/account/sign-out-everywhere/", NEW).status_code == 302


# --- second factor ------------------------------------------------------------------------------------------------------
def test_a_second_factor_here_is_asked_for_after_the_provider_too(browser: Client) -> None:
    come(browser)
    _, codes = give_factor(User.objects.get(username="anna"))
    browser.post("/sign-out/")
    assert come(browser, next="/account/")["Location"] == "/sign-in/code/?next=%2Faccount%2F"
    assert name_of(browser) == ""
    assert "Home knows you as anna" in browser.get("/sign-in/code/").content.decode()
    assert browser.post("/sign-in/code/", {"code": codes[0]}).status_code == 302
    assert AuditEntry.objects.filter(action="signed in").latest("id").after == {"at": "Home"}


def test_the_setting_leaves_the_second_factor_to_the_provider(browser: Client, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "everybody"
    come(browser)
    assert browser.get("/settings/people/")["Location"] == "/account/second-factor/"
    settings.OIDC_SECOND_FACTOR = "provider"
    assert browser.get("/settings/people/").status_code == 200
    by_password = Client(headers={"Host": "localhost"})
    sign_in(by_password, "root")
    assert by_password.get("/settings/people/")["Location"] == "/account/second-factor/"


# --- without passwords --------------------------------------------------------------------------------------------------
def test_where_passwords_do_not_count_none_is_looked_at(browser: Client, root: User, settings: Any) -> None:
    settings.PASSWORD_SIGN_IN = False
    page = browser.get("/sign-in/").content.decode()
    assert 'name="password"' not in page
    assert "Sign in with Home" in page
    assert sign_in(browser, "root") == 422
    asked = browser.post("/account/sign-out-everywhere/", {"sign-in-username": "root", "sign-in-password": PASSWORD})
    assert asked.status_code == 422
    assert 'name="sign-in-password"' not in asked.content.decode()
    ben = people.add("ben", "author")
    welcome = browser.get(people.path_of(ben)).content.decode()
    assert 'name="new_password1"' not in welcome
    browser.post(people.path_of(ben), {"new_password1": "a good long one", "new_password2": "a good long one"})
    assert not User.objects.get(pk=ben.pk).has_usable_password()
    come(browser)
    assert name_of(browser) == "anna"
