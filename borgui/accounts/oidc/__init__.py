"""Signing in at an OpenID Connect provider: the authorization code flow with PKCE (RFC 7636), state and nonce.

`flows` keeps what waits for an answer, `provider` talks to the provider, `id_token` checks what it signed, `identities`
says whose account it is. References are to OpenID Connect Core 1.0 unless they name something else.
"""

from urllib.parse import urlsplit

from django.conf import settings


class Failed(Exception):
    """Nobody was signed in; the message is for the person, and says why and what helps."""


class Unreachable(Failed):
    """The provider does not answer as one does; nobody here is at fault."""


def is_on() -> bool:
    return bool(settings.OIDC_ISSUER)


def label() -> str:
    """What people know the provider by; '' where there is none."""
    return settings.OIDC_LABEL or urlsplit(settings.OIDC_ISSUER).hostname or ""
