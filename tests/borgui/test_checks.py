import os
from pathlib import Path

import pytest
from django.core.checks import Error
from pytest_django import Settings

from borgui import checks, vault

OTHER_KEY = "B" * 43 + "="


@pytest.fixture(autouse=True)
def place(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    settings.KEYS_DIR = tmp_path / "keys"
    settings.ENCRYPTION_KEYS = []
    return tmp_path


def messages(check: object) -> str:
    return "\n".join(entry.msg for entry in check(None))  # type: ignore[operator]


def test_a_good_data_directory_passes_and_nothing_is_left_in_it(place: Path) -> None:
    assert checks.data_directory(None) == []
    assert list(place.iterdir()) == []


def test_a_missing_data_directory_is_told(settings: Settings, place: Path) -> None:
    settings.DATA_DIR = place / "missing"
    assert "is not there" in messages(checks.data_directory)


def test_a_data_directory_that_cannot_be_written_is_told(settings: Settings) -> None:
    settings.DATA_DIR = Path("/proc")  # read-only for root too
    assert "cannot be written" in messages(checks.data_directory)


def test_a_network_file_system_is_refused() -> None:
    problem = checks.network_problem(Path("/srv/data"), "30 22 0:40 / /srv rw - nfs4 nas:/srv rw\n")
    assert "network file system (nfs4)" in problem
    assert "BORGUI_DATA_DIR" in problem


def test_keys_that_others_may_see_are_a_warning(place: Path) -> None:
    (place / "keys").mkdir(mode=0o700)
    assert checks.keys_are_private(None) == []
    os.chmod(place / "keys", 0o755)
    assert "Others may look" in messages(checks.keys_are_private)


@pytest.mark.django_db
def test_before_there_is_a_key_there_is_nothing_to_say(place: Path) -> None:
    assert checks.encryption_key(None) == []
    assert not (place / "keys").exists()


@pytest.mark.django_db
def test_the_key_that_sealed_the_canary_passes() -> None:
    vault.seal_canary()
    assert checks.encryption_key(None) == []


@pytest.mark.django_db
def test_another_key_is_an_error_that_says_what_to_do(place: Path) -> None:
    vault.seal_canary()
    (place / "keys" / "encryption_key").write_text(OTHER_KEY)
    vault.forget_keys()
    found = checks.encryption_key(None)
    assert [type(entry) for entry in found] == [Error]
    assert "another key" in found[0].msg
    assert "put the right key file back" in found[0].msg
    assert found[0].msg in checks.problems()


@pytest.mark.django_db
def test_a_lost_key_is_an_error(place: Path) -> None:
    vault.seal_canary()
    (place / "keys" / "encryption_key").unlink()
    vault.forget_keys()
    assert "is missing" in messages(checks.encryption_key)


@pytest.mark.django_db
def test_a_malformed_key_is_an_error_even_before_there_are_secrets(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["too-short"]
    assert "malformed" in messages(checks.encryption_key)


@pytest.mark.django_db
def test_a_key_given_by_the_environment_opens_what_the_key_file_sealed(settings: Settings, place: Path) -> None:
    vault.seal_canary()
    settings.ENCRYPTION_KEYS = [OTHER_KEY, (place / "keys" / "encryption_key").read_text().strip()]
    (place / "keys" / "encryption_key").unlink()
    vault.forget_keys()
    assert checks.encryption_key(None) == []


# --- the OpenID Connect provider ----------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"OIDC_CLIENT_ID": "x"}, "BORGUI_OIDC_CLIENT_ID is set without BORGUI_OIDC_ISSUER"),
        ({"PASSWORD_SIGN_IN": False}, "nobody could sign in"),
        ({"OIDC_ISSUER": "https://a"}, "without BORGUI_OIDC_CLIENT_SECRET"),
        ({"OIDC_ISSUER": "https://a", "OIDC_SCOPES": ["profile"]}, "BORGUI_OIDC_SCOPES lacks openid"),
        ({"OIDC_ISSUER": "https://a", "OIDC_ROLES": {"x": "viewer"}}, "go together"),
        ({"OIDC_ISSUER": "https://a", "OIDC_ROLES_CLAIM": "groups"}, "go together"),
    ],
)
def test_settings_of_a_provider_that_do_not_fit_together_are_told(
    settings: Settings, given: dict[str, object], said: str
) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    assert said in messages(checks.sign_in_elsewhere)
    assert said in "\n".join(checks.problems())


def test_settings_of_a_provider_that_fit_pass(settings: Settings) -> None:
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "https://a", "x", "y"
    settings.PASSWORD_SIGN_IN = False
    assert checks.sign_in_elsewhere(None) == []
