"""Talking to the provider: its description (OpenID Connect Discovery 1.0), a code for a token, and what else it knows."""

import base64
import json
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
from django.conf import settings
from django.core.cache import cache

from borgui.accounts.models import digest
from borgui.env import is_this_machine

from . import Failed, Unreachable, id_token, label

log = logging.getLogger(__name__)
PATIENCE = (5, 10)  # seconds: until connected, and between two pieces of an answer
LARGEST = 2**20  # bytes of an answer
KNOWN_FOR = 5 * 60  # seconds that the description is not asked for again
WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Provider:
    """Addresses, as its description gives them. `posts_secret`: it takes the secret in the form only, not in a header."""

    issuer: str
    authorize: str
    token: str
    keys: str
    userinfo: str
    posts_secret: bool
    names_itself: bool


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, Any]


def provider() -> Provider:
    """The one of the settings. Raises Unreachable."""
    at = f"oidc-{digest(settings.OIDC_ISSUER)}"
    if (known := cache.get(at)) is not None:
        return known
    described = ask("GET", settings.OIDC_ISSUER.rstrip("/") + WELL_KNOWN)
    found = read(described.fields) if described.status == 200 else unreachable(f"its description: {described.status}")
    cache.set(at, found, KNOWN_FOR)
    return found


def read(fields: dict[str, Any]) -> Provider:
    """Another issuer than the one of the settings is none of ours (Discovery, 4.3). Raises Unreachable."""
    if str(fields.get("issuer", "")).rstrip("/") != settings.OIDC_ISSUER.rstrip("/"):
        unreachable("its description is that of another issuer")
    required = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    addresses = {name: str(fields.get(name) or "") for name in (*required, "userinfo_endpoint")}
    if wrong := [name for name in addresses if (addresses[name] or name in required) and not is_safe(addresses[name])]:
        unreachable(f"its description has no usable {wrong[0]}")
    methods = fields.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Provider(
        issuer=fields["issuer"],
        authorize=addresses["authorization_endpoint"],
        token=addresses["token_endpoint"],
        keys=addresses["jwks_uri"],
        userinfo=addresses["userinfo_endpoint"],
        posts_secret="client_secret_basic" not in methods,
        names_itself=fields.get("authorization_response_iss_parameter_supported") is True,
    )


def is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if not address.isprintable() or " " in address:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname or ""))


def claims_for(code: str, *, verifier: str, redirect_uri: str, nonce: str) -> dict[str, Any]:
    """Who signed in, by the checked ID token, and what the provider tells besides. Raises Failed, Unreachable."""
    known = provider()
    tokens = redeem(known, code, verifier, redirect_uri)
    keys = ask("GET", known.keys)
    if keys.status != 200:
        unreachable(f"its keys: {keys.status}")
    try:
        claims = id_token.verified(
            str(tokens.get("id_token") or ""),
            keys.fields,
            issuer=known.issuer,
            client_id=settings.OIDC_CLIENT_ID,
            nonce=nonce,
        )
    except id_token.NotGenuine as problem:
        log.warning("A sign-in at %s was refused: %s", label(), problem)
        raise Failed(f"What {label()} sent cannot be trusted: {problem}.") from None
    return {**told(known, tokens, claims["sub"]), **claims}


def redeem(known: Provider, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
    """The tokens for a code (3.1.3). Raises Failed, Unreachable."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    headers = {}
    if known.posts_secret:
        form |= {"client_id": settings.OIDC_CLIENT_ID, "client_secret": settings.OIDC_CLIENT_SECRET}
    else:  # RFC 6749, 2.3.1: both are encoded as in a form before they go into the header
        pair = f"{quote_plus(settings.OIDC_CLIENT_ID)}:{quote_plus(settings.OIDC_CLIENT_SECRET)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    answer = ask("POST", known.token, data=form, headers=headers)
    if answer.status >= 500:
        unreachable(f"its tokens: {answer.status}")
    if answer.status != 200:
        raise Failed(f"{label()} did not accept the answer to its own question ({short(answer.fields.get('error'))}).")
    return answer.fields


def told(known: Provider, tokens: dict[str, Any], subject: str) -> dict[str, Any]:
    """What the address for claims says of the same person (5.3). Many providers name groups only there."""
    if not known.userinfo or not isinstance(tokens.get("access_token"), str):
        return {}
    answer = ask("GET", known.userinfo, headers={"Authorization": f"Bearer {tokens['access_token']}"})
    if answer.status != 200:
        unreachable(f"its claims: {answer.status}")
    if answer.fields.get("sub") != subject:
        raise Failed(f"What {label()} sent cannot be trusted: its answers are about two different people.")
    return answer.fields


def ask(method: str, address: str, **options: Any) -> Answer:
    """A JSON object, of a size that fits. Nothing is followed elsewhere. Raises Unreachable."""
    headers = {"Accept": "application/json", **options.pop("headers", {})}
    try:
        with requests.request(
            method, address, headers=headers, timeout=PATIENCE, allow_redirects=False, stream=True, **options
        ) as answer:
            body = b""
            for piece in answer.iter_content(2**14):
                body += piece
                if len(body) > LARGEST:
                    unreachable("its answer is too long")
            fields = json.loads(body) if body else {}
            status = answer.status_code
    except requests.RequestException as error:
        unreachable(type(error).__name__)
    except ValueError:
        unreachable(f"its answer is no JSON ({answer.status_code})")
    if not isinstance(fields, dict):
        unreachable("its answer is no JSON object")
    return Answer(status, fields)


def unreachable(why: str) -> Any:
    """The log has the reason, for whoever runs this; it never has what was sent."""
    log.warning("%s (%s) cannot be used to sign in: %s", label(), settings.OIDC_ISSUER, why)
    raise Unreachable(f"{label()} does not answer as it should ({why}).")


def short(text: object) -> str:
    """A word of the provider's, such as invalid_grant."""
    return "".join(letter for letter in str(text or "no reason given") if letter.isprintable())[:100]
