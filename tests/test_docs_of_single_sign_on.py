"""docs/single-sign-on.md is true: its settings are read as they stand there, and its figures are those of the code."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product
from django.urls import reverse

from borgui import env
from borgui.accounts.oidc import flows, id_token, identities
from borgui.accounts.roles import Role
from tests.test_docs import blocks, read

PAGE = "docs/single-sign-on.md"
FIRST, ROLES = blocks(PAGE, "sh")


def variables(block: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in block.strip().splitlines())
    return {name: value.strip('"') for name, value in pairs}


def test_the_settings_of_a_provider_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in variables(FIRST).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "secret"
    file.write_text("hidden\n")
    monkeypatch.setenv("BORGUI_OIDC_CLIENT_SECRET_FILE", str(file))
    assert env.issuer("BORGUI_OIDC_ISSUER") == "https://auth.example.org"
    assert env.secret("BORGUI_OIDC_CLIENT_SECRET") == "hidden"


def test_the_roles_of_the_example_are_given(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    given = variables(ROLES)
    monkeypatch.setenv("BORGUI_OIDC_ROLES", given["BORGUI_OIDC_ROLES"])
    settings.OIDC_ROLES = env.pairs("BORGUI_OIDC_ROLES", list(Role.values))
    settings.OIDC_ROLES_CLAIM = given["BORGUI_OIDC_ROLES_CLAIM"]
    assert given["BORGUI_OIDC_DEFAULT_ROLE"] == product.OIDC_DEFAULT_ROLE
    for groups, role in ((["devs", "family"], "author"), (["backup-admins"], "administrator"), (["cooks"], "")):
        assert identities.role_by({"groups": groups}) == role


def test_a_name_from_a_directory_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = read(PAGE)
    example = "cn=admins,ou=groups,dc=example,dc=org=administrator"
    assert example in text
    monkeypatch.setenv("X", f"{example};\n two words , and more = viewer ;")
    found = {"cn=admins,ou=groups,dc=example,dc=org": "administrator", "two words , and more": "viewer"}
    assert env.pairs("X", list(Role.values)) == found


@pytest.mark.parametrize("value", ["admins", "=viewer", "admins=chief", "a=viewer,b=author"])
def test_roles_that_cannot_be_read_are_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(env.BadSetting, match="with a semicolon between two"):
        env.pairs("X", list(Role.values))


@pytest.mark.parametrize(
    "value",
    [
        "auth.example.org",
        "http://auth.example.org",
        "https://",
        "https://a/?x=1",
        "https://u:p@a/",
        "ftp://a",
        "https://[x",
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(env.BadSetting, match=r"write it as https://auth\.example\.org"):
        env.issuer("X")


@pytest.mark.parametrize(
    "value", ["", "https://a/realms/x", "http://localhost:9000", "http://127.0.0.1/", "http://[::1]:1"]
)
def test_an_issuer_on_this_machine_or_by_https_is_taken(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X", value)
    assert env.issuer("X") == value


def test_the_figures_are_those_of_the_code() -> None:
    text = read(PAGE)
    assert reverse("oidc-back") == "/sign-in/oidc/back/"
    assert "`/sign-in/oidc/back/`" in text
    assert (flows.WAITS, product.AXES_FAILURE_LIMIT) == (600, 10)
    assert "kept in the session for ten minutes" in text
    assert {"RS256", "PS256", "ES256", "EdDSA"} <= set(id_token.ALGORITHMS)
    assert not [name for name in id_token.ALGORITHMS if name.startswith("HS") or name == "none"]
