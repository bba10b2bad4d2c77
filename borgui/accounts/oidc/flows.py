"""What waits for the provider's answer: kept in the session, for one answer each, and not for long."""

import base64
import hashlib
import secrets
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from . import provider

KEY = "oidc_flows"  # in the session, by state
WAITS = 10 * 60  # seconds
MOST = 5  # tabs at once


class Kind(StrEnum):
    SIGN_IN = "sign in"
    WELCOME = "welcome"  # somebody with a link of an administrator, who wants no password
    CONNECT = "connect"
    CONFIRM = "confirm"


@dataclass(frozen=True)
class Flow:
    """`begun`: seconds since the epoch. `onward`: a path. `user`: whose account it is about. `link`: number and token of
    the link that was opened."""

    kind: str
    nonce: str
    verifier: str
    redirect_uri: str
    begun: float
    onward: str = ""
    user: int | None = None
    link: tuple[str, ...] = ()


def begin(request: HttpRequest, kind: Kind, **more: Any) -> str:
    """The address at the provider to which the person goes. Raises provider.Unreachable."""
    at = provider.provider().authorize
    state = secrets.token_urlsafe(24)
    flow = Flow(
        kind=kind,
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        redirect_uri=request.build_absolute_uri(reverse("oidc-back")),
        begun=time.time(),
        **more,
    )
    newest = sorted(waiting(request).items(), key=lambda one: one[1]["begun"])[-(MOST - 1) :]
    request.session[KEY] = {**dict(newest), state: asdict(flow)}
    return f"{at}{'&' if urlsplit(at).query else '?'}{urlencode(question(flow, state))}"


def question(flow: Flow, state: str) -> dict[str, str]:
    """The parameters of section 3.1.2.1."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT_ID,
        "redirect_uri": flow.redirect_uri,
        "scope": " ".join(settings.OIDC_SCOPES),
        "state": state,
        "nonce": flow.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if flow.kind == Kind.CONFIRM:  # the provider's own session is not enough
        asked |= {"prompt": "login", "max_age": "0"}
    return asked


def waiting(request: HttpRequest) -> dict[str, dict[str, Any]]:
    now = time.time()
    found = request.session.get(KEY) or {}
    return {state: flow for state, flow in found.items() if 0 <= now - flow["begun"] <= WAITS}


def take(request: HttpRequest, state: str) -> Flow | None:
    """The one that waits for an answer with this state; it waits no longer."""
    found = waiting(request)
    fields = found.pop(state, None)
    if fields is None:
        return None
    request.session[KEY] = found
    return Flow(**{**fields, "link": tuple(fields["link"])})
