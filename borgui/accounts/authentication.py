"""Who calls the API: a signed-in person (with CSRF) or a program with a token; and what that token may do."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from . import signing_in
from .models import ApiToken, Scope, User, digest
from .rights import Missing, refuse_endpoint


class TooManyTries(Exception):
    """Too many wrong tokens or passwords came from the caller's address; the text says until when, `wait` in seconds."""

    def __init__(self, text: str, wait: int) -> None:
        super().__init__(text)
        self.wait = wait


SEEN_EVERY = timedelta(minutes=1)


class Bearer(AuthBase):
    """`Authorization: Bearer TOKEN`. `scope` is what the endpoint asks for; None: by the method of the request."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, scope: Scope | None = None) -> None:
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> User | None:
        """The token's user; None without a token. Raises AuthenticationError, AuthorizationError."""
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        if signing_in.is_locked_out(request):
            raise TooManyTries(signing_in.sentence(request), signing_in.wait_for(request))
        token = find_token(secret.strip(), timezone.now())
        if token is None:
            signing_in.token_failed(request)
            raise AuthenticationError(message="This token is not known, or it has expired.")
        signing_in.token_passed(request)
        needed = self.scope or needed_for(request.method or "")
        if not Scope(token.scope).includes(needed):
            raise AuthorizationError(message=f"This token may only {token.scope}; this needs the scope '{needed}'.")
        request.user = token.user
        return permitted(request, token.user)


class Session(AuthBase):
    """A person who signed in on the pages; what changes something needs the CSRF token."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = "sessionid"
    csrf = True

    def __call__(self, request: HttpRequest) -> User | None:
        """The person; None where nobody is signed in. Raises AuthorizationError."""
        if not isinstance(request.user, User):
            return None
        if check_csrf(request):
            raise AuthorizationError(message="The CSRF token is missing or wrong: send it as X-CSRFToken.")
        return permitted(request, request.user)


def permitted(request: HttpRequest, user: User) -> User:
    """The caller, where their role has the right this endpoint asks for. Raises AuthorizationError."""
    try:
        refuse_endpoint(request, user)
    except Missing as missing:
        raise AuthorizationError(message=str(missing)) from None
    return user


def needed_for(method: str) -> Scope:
    return Scope.READ if method in ("GET", "HEAD", "OPTIONS") else Scope.WRITE


def find_token(secret: str, now: datetime) -> ApiToken | None:
    """The usable token with this secret. That it was used is written down at most once a minute."""
    token = ApiToken.objects.usable(now).select_related("user").filter(token_hash=digest(secret)).first()
    if token is not None:
        unseen = Q(last_used_at=None) | Q(last_used_at__lte=now - SEEN_EVERY)
        if token.last_used_at is None or token.last_used_at <= now - SEEN_EVERY:
            ApiToken.objects.filter(unseen, pk=token.pk).update(last_used_at=now)
    return token


def caller(request: HttpRequest) -> User:
    """Who called an endpoint that lets only known callers in."""
    assert isinstance(request.user, User)
    return request.user


def asking_for(scope: Scope | None) -> list[AuthBase]:
    """The ways into an endpoint that asks for `scope` (None: reading by GET, else writing)."""
    return [Bearer(scope), Session()]


BY_METHOD, RUN = asking_for(None), asking_for(Scope.RUN)
