"""Who may do what: every address of the site, with every role and with nobody, against one table."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from borgui.accounts import people, rights
from borgui.accounts.models import ApiToken, User
from borgui.accounts.roles import RIGHTS, Right, Role, highest, rights_of
from borgui.api import api
from scripts_library.models import ScriptExecution

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

# What is for everybody, also without an account.
PUBLIC = {
    "health", "theme", "sign-in", "sign-in-code", "sign-out", "setup", "setup-without-link", "welcome",
    "oidc-sign-in", "oidc-back", "oidc-welcome", "passkey-sign-in", "passkey-question",
}  # fmt: skip
ROLES = ["", *Role.values]
METHODS = ("GET", "POST")


def with_role(role: str, name: str = "") -> User:
    user = User.objects.create_user(username=name or f"{role or 'nobody'}-1", password="long enough")
    if role:
        people.put_into(user, role)
    return User.objects.get(pk=user.pk)


def browser_of(user: User) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, str]]:
    """Name and route of every page of ours."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            if one.namespace not in ("api", "admin"):
                yield from patterns(one, route)
        elif isinstance(one, URLPattern) and one.name:
            yield one.name, route


PAGES = sorted(set(patterns(get_resolver())))
NAMES = {name for name, _ in PAGES}


def filled(route: str) -> str:
    """The route with numbers and words for its places; the rows are not there."""
    path = re.sub(r"<int:[^>]+>", "999999", route)
    path = re.sub(r"<str:hook>|<hook>", "pre-backup", path)
    return "/" + re.sub(r"<[^>]+>", "x", path)


# --- the table -----------------------------------------------------------------------------------------------------------
def test_every_page_has_its_line_in_the_table() -> None:
    assert NAMES - PUBLIC - set(rights.PAGES) == set()


def test_the_table_names_no_page_that_is_not_there() -> None:
    assert set(rights.PAGES) - NAMES == set()
    assert {"token-new"} >= rights.FRESH - NAMES


@cache
def endpoints() -> list[tuple[str, str]]:
    found = api.get_openapi_schema()["paths"]
    return [(method.upper(), path) for path, methods in found.items() for method in methods]


def test_every_endpoint_that_changes_something_and_asks_for_less_than_an_administrator_is_there() -> None:
    known = {f"{method} {re.sub('{[^}]+}', '{}', path.removeprefix('/api/'))}" for method, path in endpoints()}
    assert set(rights.ENDPOINTS) - known == set()


# --- the walk -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ROLES)
def test_every_page_lets_in_who_has_the_right_and_nobody_else(role: str) -> None:
    """A row that is not there is 404, a form without fields 422: whatever it is, it is not 403."""
    client = browser_of(with_role(role))
    with_role("administrator", "root")
    for name, route in PAGES:
        if name in PUBLIC:
            continue
        for method in METHODS:
            may = rights.asked_by_page(name, method) in rights_of(role)
            answer = client.generic(method, filled(route))
            assert (answer.status_code == 403) is not may, f"{role or 'no role'}: {method} {name}: {answer.status_code}"
            if name == "sign-out-everywhere":
                client = browser_of(User.objects.get(username=f"{role or 'nobody'}-1"))


def test_nobody_is_let_in_without_an_account() -> None:
    with_role("administrator")
    client = Client(headers={"Host": "localhost"})
    for name, route in PAGES:
        if name in PUBLIC:
            continue
        for method, refused in (("GET", (302,)), ("POST", (401, 302))):
            answer = client.generic(method, filled(route))
            assert answer.status_code in refused, f"{method} {name}: {answer.status_code}"
            if answer.status_code == 302:
                assert answer["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("role", ROLES)
def test_every_endpoint_lets_in_who_has_the_right_and_nobody_else(role: str) -> None:
    user = with_role(role)
    _, secret = ApiToken.make(user, "walk")
    client = Client(headers={"Host": "localhost", "Authorization": f"Bearer {secret}"})
    for method, path in endpoints():
        route = re.sub("{[^}]+}", "<x>", path.removeprefix("/"))
        may = rights.asked_by_endpoint(route, method) in rights_of(role)
        address = re.sub("{[^}]+}", "999999", path)
        answer = client.generic(method, address, b"", content_type="application/json")
        assert (answer.status_code == 403) is not may, f"{role or 'no role'}: {method} {path}: {answer.status_code}"


@pytest.mark.parametrize("role", ["", "viewer", "operator", "author"])
def test_the_admin_pages_are_for_administrators(role: str) -> None:
    answer = browser_of(with_role(role)).get("/admin/", follow=True)
    assert answer.status_code == 403


# --- what a refusal says -----------------------------------------------------------------------------------------------
def test_a_refusal_names_the_right_and_who_can_grant_it() -> None:
    with_role("administrator", "root")
    page = browser_of(with_role("operator")).get("/scripts/new/").content.decode()
    assert "the right to write and try scripts" in page
    assert "Ask root." in page


def test_a_refused_piece_of_a_page_says_it_as_a_notice(client: Client) -> None:
    operator = browser_of(with_role("operator"))
    answer = operator.post("/repositories/1/scripts/order/", headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "the right to write and try scripts" in answer["HX-Trigger"]


def test_a_refused_call_of_the_api_says_it_in_its_shape() -> None:
    _, secret = ApiToken.make(with_role("viewer"), "walk")
    answer = Client(headers={"Host": "localhost", "Authorization": f"Bearer {secret}"}).post(
        "/api/repositories/1/backup"
    )
    assert answer.status_code == 403
    assert "start and cancel backups" in answer.json()["detail"]


# --- roles ------------------------------------------------------------------------------------------------------------
def test_each_role_has_the_rights_of_the_one_before_it_and_more() -> None:
    steps = [RIGHTS[role] for role in Role]
    assert all(before < after for before, after in pairwise(steps))
    assert RIGHTS[Role.ADMINISTRATOR] == set(Right)


def test_the_highest_of_several_roles_counts_and_other_groups_give_none() -> None:
    assert highest(["viewer", "author", "operator"]) == Role.AUTHOR
    assert highest(["cooks"]) == ""
    assert rights_of("") == frozenset()


def test_hidden_output_is_hidden_from_viewers_alone(settings: Any) -> None:
    settings.HIDE_OUTPUT = True
    assert not with_role("viewer").may(Right.OUTPUT)
    assert with_role("operator").may(Right.OUTPUT)


def test_an_account_that_is_switched_off_may_nothing() -> None:
    user = with_role("author")
    user.is_active = False
    assert user.rights == frozenset()


# --- what pages show to whom ------------------------------------------------------------------------------------------
def test_who_may_not_is_told_why_instead_of_getting_a_button(make_repository: Any, attach: Any) -> None:
    root = browser_of(with_role("administrator", "root"))
    repository = make_repository()
    entry = attach(repository, "pre-backup", "stop", "echo hello")
    paths = {
        f"/repositories/{repository.pk}/": ("Back up now", "operator"),
        f"/repositories/{repository.pk}/scripts/": ("Add a script before", "author"),
        f"/scripts/{entry.script_id}/": (">Save<", "author"),
        "/scripts/": ("New script", "author"),
        "/repositories/": ("Add repository", "administrator"),
        "/schedules/": ("New schedule", "administrator"),
    }
    browsers = {role: browser_of(with_role(role)) for role in ("viewer", "operator", "author")} | {
        "administrator": root
    }
    order = list(Role.values)
    for path, (button, least) in paths.items():
        for role, browser in browsers.items():
            page = re.sub(r"<svg.*?</svg>", "", browser.get(path).content.decode(), flags=re.S)
            assert (button in page) is (order.index(role) >= order.index(least)), f"{role}: {button} on {path}"
    assert "Ask root." in browsers["viewer"].get(f"/repositories/{repository.pk}/").content.decode()


def test_hidden_output_is_on_no_page_of_a_viewer(make_repository: Any, make_script: Any, settings: Any) -> None:
    settings.HIDE_OUTPUT = True
    script = make_script("talks")
    row = ScriptExecution.objects.create(
        script=script, hook_type="pre-backup", status="succeeded", script_name="talks", timeout=1, triggered_by="test",
        stdout="what it said\n", started_at=timezone.now(), completed_at=timezone.now(), execution_time=1.0,
    )  # fmt: skip
    pages = {
        role: browser_of(with_role(role)).get(f"/executions/{row.pk}/").content.decode() for role in Role.values[:2]
    }
    assert "what it said" in pages["operator"]
    assert "what it said" not in pages["viewer"]
    assert "read what scripts and borg printed" in pages["viewer"]
