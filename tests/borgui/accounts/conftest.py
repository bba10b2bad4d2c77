from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from borgui.accounts import people
from borgui.accounts.models import AuditEntry, User
from tests.oidc_provider import Provider, World, running, use

PASSWORD = "correct horse battery"


def make_person(name: str, role: str = "", password: str = PASSWORD) -> User:
    user = User.objects.create_user(username=name, password=password)
    if role:
        people.put_into(user, role)
    return User.objects.get(pk=user.pk)


@pytest.fixture
def stranger(db: None) -> Client:
    """A browser in which nobody is signed in."""
    return Client(headers={"Host": "localhost"})


def sign_in(client: Client, name: str, password: str = PASSWORD) -> int:
    return client.post("/sign-in/", {"username": name, "password": password}).status_code


def new_browser(**headers: str) -> Client:
    return Client(headers={"Host": "localhost", **headers})


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def deeds() -> list[str]:
    """What the audit log has, the oldest first."""
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


@pytest.fixture
def ben(db: None) -> User:
    """An author; there is an administrator too."""
    make_person("root", "administrator")
    return make_person("ben", "author")


@pytest.fixture
def at_home(ben: User) -> Client:
    """Ben's browser, signed in without a second factor."""
    client = new_browser()
    assert sign_in(client, "ben") == 302
    return client


# --- an OpenID Connect provider ------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    with running() as server:
        yield server


@pytest.fixture
def world(provider: Provider, settings: Any) -> World:
    return use(provider, settings)


@pytest.fixture
def root(world: World) -> User:
    return make_person("root", "administrator")


@pytest.fixture
def browser(root: User) -> Client:
    """Of a stranger, to an installation that has an owner."""
    return Client(headers={"Host": "localhost", "User-Agent": "Firefox/140"})
