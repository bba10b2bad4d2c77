"""Every answer of a provider that must sign nobody in, and a provider that does not answer."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from borgui.accounts.models import AuditEntry, Identity, User
from tests.oidc_provider import CLIENT, SECRET, Claims, World, key, public

from .conftest import sign_in
from .there import come, deeds, name_of, there, with_claims

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


# --- what must sign nobody in -----------------------------------------------------------------------------------------
def by_a_shared_key(claims: Claims) -> str:
    """The oldest trick: the public key, which everybody knows, as the key of an HMAC."""
    shared = (
        key("first")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "kid": "first"}).encode()) + "." + part(json.dumps(claims).encode())
    return f"{head}.{part(hmac.digest(shared, head.encode(), hashlib.sha256))}"


NASTY: dict[str, dict[str, Any]] = {
    "wrong nonce": {"changed": with_claims(nonce="another")},
    "no nonce": {"changed": with_claims(nonce=None)},
    "wrong audience": {"changed": with_claims(aud="another")},
    "one audience of several without azp": {"changed": with_claims(aud=[CLIENT, "another"])},
    "made for another": {"changed": with_claims(azp="another")},
    "foreign issuer": {"changed": with_claims(iss="https://evil.example")},
    "expired": {"changed": with_claims(exp=int(time.time()) - 3600)},
    "no expiry": {"changed": with_claims(exp=None)},
    "from the future": {"changed": with_claims(iat=int(time.time()) + 3600)},
    "no subject": {"changed": with_claims(sub=None)},
    "empty subject": {"changed": with_claims(sub="")},
    "a number as subject": {"changed": with_claims(sub=7)},
    "endless subject": {"changed": with_claims(sub="x" * 300)},
    "alg none": {"sign": lambda claims: jwt.encode(claims, None, algorithm="none")},
    "alg none with a kid": {
        "sign": lambda claims: jwt.encode(claims, None, algorithm="none", headers={"kid": "first"})
    },
    "HS256 with the client's secret": {"sign": lambda claims: jwt.encode(claims, SECRET * 3, algorithm="HS256")},
    "HS256 with the public key": {"sign": by_a_shared_key},
    "a key that is not listed": {"sign": lambda claims: jwt.encode(claims, key("other"), "RS256", {"kid": "other"})},
    "another key under a listed name": {
        "sign": lambda claims: jwt.encode(claims, key("other"), "RS256", {"kid": "first"})
    },
    "another algorithm of the same key": {
        "sign": lambda claims: jwt.encode(claims, key("first"), "RS512", {"kid": "first"})
    },
    "a key brought along": {
        "sign": lambda claims: jwt.encode(claims, key("other"), "RS256", {"jwk": public("other"), "kid": "other"})
    },
    "a key for encryption": {"keys": [{**public("first"), "use": "enc"}]},
    "an octet key in the list": {
        "keys": [{"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "first"}],
        "sign": lambda claims: jwt.encode(claims, "secret" * 8, "HS256", {"kid": "first"}),
    },
    "no keys": {"keys": []},
    "nonsense": {"sign": lambda claims: "nonsense"},
    "no token": {"sign": lambda claims: ""},
    "claims of somebody else": {"told": lambda claims: {**claims, "sub": "u-2"}},
    "claims of nobody": {"told": lambda claims: {}},
    "refused there": {"refuses": "access_denied"},
}


@pytest.mark.parametrize("case", NASTY)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_false_answer_signs_nobody_in(browser: Client, world: World, case: str) -> None:
    for name, value in NASTY[case].items():
        setattr(world, name, value)
    answer = come(browser)
    assert answer.status_code == 403
    assert name_of(browser) == ""
    assert not Identity.objects.exists()
    assert deeds() == [("sign-in failed", "(nobody)")]
    assert SECRET not in answer.content.decode() + str(AuditEntry.objects.get().after)


def test_a_state_that_was_not_asked_for_is_refused_and_kept_in_the_log(browser: Client) -> None:
    path = there(browser)
    answer = browser.get(f"{path}x")
    assert answer.status_code == 403
    assert "not begun in this browser" in answer.content.decode()
    assert deeds() == [("sign-in failed", "(nobody)")]
    assert browser.get(path).status_code == 302, "the right one still waits"


def test_an_answer_counts_once_in_the_browser_that_asked_and_not_for_ever(browser: Client) -> None:
    path = there(browser)
    other = Client(headers={"Host": "localhost"})
    assert other.get(path).status_code == 403
    assert not AuditEntry.objects.exists(), "nobody has tried anything there"
    assert browser.get(path).status_code == 302
    assert browser.get(path).status_code == 403
    late = there(other)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert other.get(late).status_code == 403


@pytest.mark.parametrize("query", ["", "?state=", "?code=x", "?state=x&code=x", "?error=x", "?state=%00&code=%00"])
def test_answers_to_nothing_are_refused(browser: Client, query: str) -> None:
    assert browser.get(f"/sign-in/oidc/back/{query}").status_code == 403


def test_an_answer_that_names_another_issuer_is_refused(browser: Client, world: World) -> None:
    assert browser.get(there(browser) + "&iss=https://evil.example").status_code == 403
    world.described = {"authorization_response_iss_parameter_supported": True}
    cache.clear()
    assert come(browser).status_code == 403, "it names itself always, and did not"


def test_only_a_form_of_ours_begins_it(root: User) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"Host": "localhost"})
    assert strict.post("/sign-in/oidc/").status_code == 403
    assert strict.get("/sign-in/oidc/").status_code == 405


def test_false_answers_are_counted_as_wrong_passwords_are(browser: Client, world: World) -> None:
    world.changed = with_claims(nonce="another")
    path = there(browser)
    for _ in range(9):
        assert come(browser).status_code == 403
    assert come(browser).status_code == 429
    assert browser.get(path).status_code == 429
    assert browser.post("/sign-in/oidc/").status_code == 429
    assert sign_in(browser, "root") == 429


def test_the_session_gets_another_key(browser: Client) -> None:
    path = there(browser)
    before = browser.session.session_key
    browser.get(path)
    assert browser.session.session_key != before


# --- a provider that does not answer -------------------------------------------------------------------------------------
def test_a_provider_that_is_down_is_told_and_passwords_go_on(
    browser: Client, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    path = there(browser)
    world.is_broken = True
    answer = browser.get(path)
    assert answer.status_code == 502
    assert "Home does not answer as it should" in answer.content.decode()
    assert "A password signs in as ever" in answer.content.decode()
    cache.clear()
    for _ in range(12):
        assert browser.post("/sign-in/oidc/").status_code == 502
    assert sign_in(browser, "root") == 302, "and nobody is locked out by it"
    assert SECRET not in caplog.text


def test_a_provider_where_nobody_listens_is_told(browser: Client, settings: Any) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert browser.post("/sign-in/oidc/").status_code == 502


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": ""},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "https://evil.example/\r\nSet-Cookie: x=y"},
        {"authorization_endpoint": "https://[evil"},
        {"x": "x" * 2**20},
    ],
)
def test_a_description_that_is_not_its_own_is_not_used(browser: Client, world: World, described: Claims) -> None:
    world.described = described
    assert browser.post("/sign-in/oidc/").status_code == 502


def test_a_wrong_secret_is_told(browser: Client, settings: Any) -> None:
    settings.OIDC_CLIENT_SECRET = "wr0ng"
    answer = come(browser)
    assert answer.status_code == 403
    assert "invalid_client" in answer.content.decode()
    assert "wr0ng" not in answer.content.decode()
