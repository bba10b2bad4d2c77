"""Between the password and the second factor: nobody is signed in yet, and the session knows for whom it waits.

It waits ten minutes, for the password as it is now. Wrong codes are counted twice: by address, as wrong passwords are,
and by account, so that somebody with the password and many addresses cannot try all codes.
"""

import time
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from borgui.encryption import CannotDecrypt, KeyProblem

from . import audit, passkeys, second_factor, signing_in
from .models import AuditEntry, Passkey, User
from .signing_in import Vouched

KEY = "waits_for_code"
WAITS = 10 * 60  # seconds
WRONG = "wrong code"  # in the audit log
TRIES, WITHIN = 10, timedelta(minutes=15)

NOT_RIGHT = (
    "This code is not right, or it was used already. Wait for the next one; the clock of the phone has to be right."
)
TOO_MANY = "Too many wrong codes were tried for this account. Try again in 15 minutes."
NOT_BY_ITSELF = "People sign in at the provider here; a passkey is only the second factor after that."
SEALED = (
    "The second factor of this account was stored under another encryption key. On the machine it runs on, "
    "`manage.py reset_second_factor NAME` takes it away."
)


def come_in(request: HttpRequest, user: User, vouched: Vouched | None = None) -> bool:
    """The password was right, or a provider vouches for the person. Whether the session has begun; if not, it waits for
    the code of the second factor."""
    if not second_factor.has(user) or (vouched and settings.OIDC_SECOND_FACTOR == "provider"):
        signing_in.begin(request, user, vouched)
        return True
    request.session.flush()
    waiting = {"user": user.pk, "since": time.time(), "password": user.get_session_auth_hash()}
    request.session[KEY] = {**waiting, "vouched": [vouched.by, vouched.at] if vouched else None}
    return False


def waits_for(request: HttpRequest) -> User | None:
    """Whose code it waits for."""
    waiting = request.session.get(KEY)
    if not waiting or not 0 <= time.time() - waiting["since"] <= WAITS:
        return None
    user = User.objects.filter(pk=waiting["user"], is_active=True).first()
    if user is None or not constant_time_compare(waiting["password"], user.get_session_auth_hash()):
        return None
    return user


def knows_from(request: HttpRequest) -> str:
    """The provider that vouched for who it waits for; '' after a password."""
    vouched = (request.session.get(KEY) or {}).get("vouched")
    return str(vouched[0]) if vouched else ""


def fault_of(request: HttpRequest, user: User, code: str) -> str:
    """'' where the code opens; else what to say. A wrong one is counted."""
    if tried_too_often(user):
        return TOO_MANY
    try:
        if second_factor.is_right(user, code):
            return ""
    except (CannotDecrypt, KeyProblem):
        return SEALED
    user_login_failed.send(__name__, credentials={"username": user.get_username()}, request=request)
    audit.record(WRONG, user=user)
    return NOT_RIGHT


def tried_too_often(user: User) -> bool:
    since = timezone.now() - WITHIN
    return AuditEntry.objects.filter(user=user, action=WRONG, at__gt=since).count() >= TRIES


def go_in(request: HttpRequest, user: User, passkey: str = "") -> None:
    """The code was right too, or the passkey of this name."""
    waited = request.session.pop(KEY, None) or {}
    vouched = waited.get("vouched")
    signing_in.begin(request, user, Vouched(*vouched) if vouched else None, passkey)


def come_in_by_passkey(request: HttpRequest, answer: str, *, alone: bool = False) -> None:
    """As a second factor for whom it waits; else by itself, for it is two factors at once. `alone`: by itself in any case,
    for whom it waited has begun again. Raises NotAccepted, which is counted."""
    waiting = None if alone else waits_for(request)
    if waiting is None and not signing_in.is_by_passkey_alone():
        raise passkeys.NotAccepted(NOT_BY_ITSELF)
    opened = opened_by(request, waiting, answer)
    if waiting is None:
        request.session.pop(KEY, None)  # who was vouched for may have been somebody else
    go_in(request, opened.user, opened.name)


def confirm_by_passkey(request: HttpRequest, user: User, answer: str) -> None:
    """Who is signed in, once more. Raises NotAccepted, which is counted."""
    signing_in.confirmed(request, opened_by(request, user, answer).name)


def opened_by(request: HttpRequest, user: User | None, answer: str) -> Passkey:
    """Nothing is looked at from an address with too many wrong answers."""
    if signing_in.is_locked_out(request):
        raise passkeys.NotAccepted(signing_in.sentence(request))
    try:
        return passkeys.opened_by(request, answer, user)
    except passkeys.NotAccepted as problem:
        signing_in.passkey_failed(request, problem.why, user)
        raise
