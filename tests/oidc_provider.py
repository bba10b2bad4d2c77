"""A small OpenID Connect provider on loopback: description, keys, authorization, token and claims, with real signatures.

It checks what a provider has to check (redirect address, client, PKCE, each code once), and lies where a test asks it to.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache

CLIENT, SECRET = "borgui at home", "s3cret+/ with:signs"
PAGE = """<!doctype html><html lang="en"><title>Home</title><link rel="icon" href="data:,">
<form method="post" action="/signed-in">{}<button>It is me</button></form>"""
Claims = dict[str, Any]


@lru_cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(name: str) -> dict[str, Any]:
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key(name).public_key()))
    return {**shown, "kid": name, "use": "sig", "alg": "RS256"}


def signed(claims: Claims) -> str:
    return jwt.encode(claims, key("first"), algorithm="RS256", headers={"kid": "first"})


@dataclass
class World:
    """Who is signed in at the provider, and how it lies. `signed_in_at`: seconds since the epoch, None: does not say."""

    person: Claims = field(default_factory=lambda: {"sub": "u-1", "preferred_username": "anna"})
    signed_in_at: float | None = field(default_factory=time.time)
    changed: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[Claims], str] = signed
    told: Callable[[Claims], Any] = lambda claims: claims
    described: Claims = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public("first")])
    refuses: str = ""
    is_broken: bool = False
    asked: list[Claims] = field(default_factory=list)
    codes: dict[str, Claims] = field(default_factory=dict)


class Provider(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.world = World()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def id_token(self, asked: Claims) -> str:
        world, now = self.world, int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **world.person,
        }
        if world.signed_in_at is not None:
            claims["auth_time"] = int(world.signed_in_at)
        return world.sign(world.changed(claims))


class Handler(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *words: Any) -> None:
        pass

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        world = self.server.world
        if world.is_broken:
            self.answer(503, "out of order")
        elif at.path == "/.well-known/openid-configuration":
            self.answer(200, self.description())
        elif at.path == "/keys":
            self.answer(200, {"keys": world.keys})
        elif at.path == "/authorize":
            self.authorize(dict(parse_qsl(at.query)))
        elif at.path == "/claims":
            is_known = self.headers["Authorization"] == "Bearer for claims"
            self.answer(200 if is_known else 401, world.told(dict(world.person)))
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if urlsplit(self.path).path == "/signed-in":
            self.server.world.signed_in_at = time.time()
            self.back(form)
        else:
            self.token(form)

    def description(self) -> Claims:
        at = self.server.issuer
        known = {"issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token"}
        return {**known, "jwks_uri": f"{at}/keys", "userinfo_endpoint": f"{at}/claims", **self.server.world.described}

    def authorize(self, asked: Claims) -> None:
        self.server.world.asked.append(asked)
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert urlsplit(asked["redirect_uri"]).path == "/sign-in/oidc/back/"
        if asked.get("prompt") == "login":
            fields = "".join(f'<input type="hidden" name="{name}" value="{asked[name]}">' for name in asked)
            self.answer(200, PAGE.format(fields))
        else:
            self.back(asked)

    def back(self, asked: Claims) -> None:
        world, code = self.server.world, secrets.token_urlsafe(8)
        world.codes[code] = asked
        said = {"error": world.refuses} if world.refuses else {"code": code}
        self.send_response(303)
        self.send_header("Location", f"{asked['redirect_uri']}?{urlencode({**said, 'state': asked['state']})}")
        self.end_headers()

    def token(self, form: Claims) -> None:
        asked = self.server.world.codes.pop(form.get("code", ""), None)
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        name, _, secret = given.partition(":")
        if (unquote_plus(name or form.get("client_id", "")), unquote_plus(secret) or form.get("client_secret")) != (
            CLIENT,
            SECRET,
        ):
            self.answer(401, {"error": "invalid_client"})
        elif asked is None or asked["redirect_uri"] != form["redirect_uri"] or not is_proven(asked, form):
            self.answer(400, {"error": "invalid_grant"})
        else:
            self.answer(
                200, {"access_token": "for claims", "token_type": "Bearer", "id_token": self.server.id_token(asked)}
            )

    def answer(self, status: int, said: Any) -> None:
        is_page = isinstance(said, str)
        body = (said if is_page else json.dumps(said)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def is_proven(asked: Claims, form: Claims) -> bool:
    """PKCE: the code is redeemed by who asked for it."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
    return bool(asked["code_challenge"] == challenge.decode().rstrip("="))


@contextmanager
def running() -> Iterator[Provider]:
    server = Provider()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use(provider: Provider, settings: Any) -> World:
    """The provider of the settings, at its beginning. Whoever comes from there gets an account, and sees."""
    settings.OIDC_ISSUER, settings.OIDC_LABEL = provider.issuer, "Home"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, SECRET
    settings.OIDC_NEW_PEOPLE, settings.OIDC_DEFAULT_ROLE = True, "viewer"
    cache.clear()
    provider.world = World()
    return provider.world
