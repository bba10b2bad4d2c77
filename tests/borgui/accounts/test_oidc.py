"""Signing in at an OpenID Connect provider, and the roles that its claims give."""

from typing import Any

import pytest
from django.test import Client

from borgui.accounts import browsers, people
from borgui.accounts.models import AuditEntry, Identity, User
from tests.oidc_provider import Claims, World

from .conftest import make_person
from .there import come, deeds, name_of, role, with_claims

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


# --- coming in --------------------------------------------------------------------------------------------------------
def test_somebody_new_comes_in_with_an_account_of_their_own(browser: Client, world: World) -> None:
    answer = come(browser, next="/settings/people/?x=1")
    assert (answer.status_code, answer["Location"]) == (302, "/settings/people/?x=1")
    anna = User.objects.get(username="anna")
    assert (anna.role, anna.has_usable_password(), anna.email) == ("viewer", False, "")
    assert name_of(browser) == "anna"
    assert [row.browser for row in browsers.of(anna)] == ["Firefox"]
    assert deeds() == [("account added", "(Home)"), ("signed in", "anna")]
    assert AuditEntry.objects.latest("id").after == {"at": "Home"}
    asked = world.asked[0]
    assert (asked["scope"], asked["code_challenge_method"]) == ("openid profile", "S256")
    assert asked["redirect_uri"] == "http://localhost/sign-in/oidc/back/"


def test_the_subject_counts_and_not_the_name(browser: Client, world: World) -> None:
    come(browser)
    world.person = {"sub": "u-1", "preferred_username": "anna.married", "email": "root@example.org"}
    assert come(browser).status_code == 302
    assert name_of(browser) == "anna"
    assert Identity.objects.get().name == "anna.married"


@pytest.mark.parametrize("named", ["root", "ROOT"])
def test_an_account_that_was_here_before_is_not_given_to_who_has_its_name(
    browser: Client, world: World, named: str
) -> None:
    world.person = {"sub": "evil", "preferred_username": named, "email": "root@example.org", "email_verified": True}
    answer = come(browser)
    assert answer.status_code == 403
    assert f"Somebody here is called {named} already" in answer.content.decode()
    assert (name_of(browser), Identity.objects.count(), User.objects.count()) == ("", 0, 1)


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"preferred_username": "two words", "email": "a@example.org"}, "a@example.org"),
        ({"preferred_username": "<b>", "email": ""}, "u-1"),
        ({"preferred_username": ["x"], "nickname": "Ähm"}, "Ähm"),
        ({"preferred_username": "x" * 151}, "u-1"),
    ],
)
def test_the_first_name_that_fits_is_taken(browser: Client, world: World, person: Claims, name: str) -> None:
    world.person = {"sub": "u-1", **person}
    come(browser)
    assert name_of(browser) == name


def test_without_the_setting_nobody_new_comes_in(browser: Client, settings: Any) -> None:
    settings.OIDC_NEW_PEOPLE = False
    answer = come(browser)
    assert answer.status_code == 403
    assert "No account here is connected with yours at Home" in answer.content.decode()
    assert User.objects.count() == 1
    assert deeds() == [("sign-in failed", "(nobody)")]
    assert AuditEntry.objects.get().after["subject"] == "u-1"


def test_who_is_switched_off_here_stays_out(browser: Client) -> None:
    come(browser)
    people.set_active(User.objects.get(username="anna"), False)
    answer = come(browser)
    assert answer.status_code == 403
    assert "is switched off here" in answer.content.decode()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_it_leads_nowhere_else(browser: Client, target: str) -> None:
    assert come(browser, next=target)["Location"] == "/"


def test_a_provider_that_takes_the_secret_in_the_form_only_gets_it_there(browser: Client, world: World) -> None:
    world.described = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert come(browser).status_code == 302


def test_without_a_provider_there_is_no_such_page(stranger: Client) -> None:
    make_person("root", "administrator")
    assert stranger.post("/sign-in/oidc/").status_code == 404
    assert stranger.get("/sign-in/oidc/back/?code=x&state=x").status_code == 404
    assert "Sign in with" not in stranger.get("/sign-in/").content.decode()


def test_nobody_comes_in_before_there_is_an_owner(world: World, stranger: Client) -> None:
    assert "has no owner yet" in stranger.post("/sign-in/oidc/").content.decode()


# --- roles from claims ------------------------------------------------------------------------------------------------
@pytest.fixture
def roles(settings: Any) -> Any:
    settings.OIDC_ROLES_CLAIM, settings.OIDC_ROLES = (
        "groups",
        {"back up, team": "author", "friends": "operator", "it": "administrator"},
    )
    return settings


def come_with(browser: Client, world: World, *groups: str) -> Any:
    world.person = {"sub": "u-1", "preferred_username": "anna", "groups": list(groups)}
    return come(browser)


def test_groups_give_the_highest_role_at_every_sign_in(browser: Client, world: World, roles: Any) -> None:
    come_with(browser, world, "friends", "back up, team", "cooks")
    assert role() == "author"
    come_with(browser, world, "friends")
    assert role() == "operator"
    entry = AuditEntry.objects.get(action="role changed")
    assert (entry.username, entry.name, entry.before, entry.after) == (
        "(Home)", "anna", {"role": "author"}, {"role": "operator"},
    )  # fmt: skip
    come_with(browser, world)
    assert role() == "viewer"


@pytest.mark.parametrize("where", ["token", "claims"])
def test_groups_are_found_in_either_answer(browser: Client, world: World, roles: Any, where: str) -> None:
    more = {"groups": "friends"}
    world.changed, world.told = (
        (with_claims(**more), lambda claims: claims)
        if where == "token"
        else (lambda claims: claims, with_claims(**more))
    )
    come(browser)
    assert role() == "operator"


def test_a_claim_within_a_claim_is_found_by_its_path(browser: Client, world: World, roles: Any) -> None:
    roles.OIDC_ROLES_CLAIM = "realm_access.roles"
    world.person |= {"realm_access": {"roles": ["it", 7, None]}}
    come(browser)
    assert role() == "administrator"


def test_without_a_role_nobody_comes_in_and_the_one_before_is_gone(browser: Client, world: World, roles: Any) -> None:
    roles.OIDC_DEFAULT_ROLE = "none"
    assert come_with(browser, world, "cooks").status_code == 403
    assert not User.objects.filter(username="anna").exists()
    come_with(browser, world, "friends")
    answer = come_with(browser, world, "cooks")
    assert answer.status_code == 403
    assert "gives anna no role here" in answer.content.decode()
    assert role() == ""
    assert browser.get("/").status_code == 403, "the browser that is signed in still may nothing now"


def test_the_last_administrator_is_not_lost_by_claims(browser: Client, world: World, roles: Any, root: User) -> None:
    roles.OIDC_DEFAULT_ROLE = "none"
    come_with(browser, world, "it")
    people.set_role(root, "viewer")
    answer = come_with(browser, world)
    assert answer.status_code == 302
    assert role() == "administrator"
    assert "Home gives you no role. You stay administrator" in browser.get("/account/").content.decode()


def test_without_a_claim_roles_are_given_here_alone(browser: Client) -> None:
    come(browser)
    people.set_role(User.objects.get(username="anna"), "author")
    come(browser)
    assert role() == "author"
