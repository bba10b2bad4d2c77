"""The second factor: a code from an app on the phone (TOTP) or a passkey, and recovery codes for the day they are gone.

The rows and the arithmetic are django-allauth's (`allauth.mfa`); the pages, the way in and the throttling are ours. The
secrets are encrypted as every other one is. A code opens once: the row remembers the newest that did, for every process
and machine (allauth alone remembers it in the memory of one process).
"""

from collections.abc import Callable
from urllib.parse import quote, urlencode

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from borgui.encryption import CannotDecrypt, KeyProblem
from borgui.vault import vault, vault_for_writing

from . import audit
from .models import Passkey, User
from .roles import Role

WHO_MUST = {
    "none": frozenset[str](),
    "administrators": frozenset({Role.ADMINISTRATOR}),
    "authors": frozenset({Role.AUTHOR, Role.ADMINISTRATOR}),
    "everybody": frozenset(Role),
}
SECRETS = ("secret", "seed")  # the encrypted values in a row's data
NEWEST = "newest_counter"  # in a row's data: of the last code that was taken
FIRST_MUST = (
    "Here everybody with your role signs in with a second factor, and your account has none yet. Set it up first; it takes "
    "a minute and an app on your phone, or a passkey."
)
LAST_ONE = "Your role has to have a second factor here, and this is your only one, so it stays."


class WrongCode(ValueError):
    """The code is not that of the secret at this moment."""


class LastOne(ValueError):
    """Who must have a second factor cannot be without one."""

    def __init__(self) -> None:
        super().__init__(LAST_ONE)


class Encrypting(DefaultMFAAdapter):
    """How allauth stores secrets (MFA_ADAPTER)."""

    def encrypt(self, text: str) -> str:
        return vault_for_writing().encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return vault().decrypt(encrypted_text)


# --- who has one, and who must ----------------------------------------------------------------------------------------
def has(user: User) -> bool:
    return has_app(user) or has_passkey(user)


def has_app(user: User) -> bool:
    return row(user, Authenticator.Type.TOTP) is not None


def has_passkey(user: User) -> bool:
    return user.passkeys.exists()


def must_have(user: User) -> bool:
    """By BORGUI_REQUIRE_SECOND_FACTOR."""
    return user.role in WHO_MUST[settings.REQUIRE_SECOND_FACTOR]


def is_missing(user: User) -> bool:
    """Whether this person may do nothing before it is set up."""
    return must_have(user) and not has(user)


def row(user: User, kind: str) -> Authenticator | None:
    return Authenticator.objects.filter(user=user, type=kind).first()


# --- set it up, and take it away --------------------------------------------------------------------------------------
def fresh_secret() -> str:
    return str(generate_totp_secret())


def address(user: User, secret: str, where: str) -> str:
    """What the app reads from the picture; `where` is this installation's name in the app."""
    issuer = f"borgui {where}"
    return f"otpauth://totp/{quote(issuer)}:{quote(user.get_username())}?" + urlencode(
        {"secret": secret, "issuer": issuer}, quote_via=quote
    )


@transaction.atomic
def switch_on(user: User, secret: str, code: str) -> list[str]:
    """From now on signing in asks for a code; the recovery codes. Raises WrongCode. One that is there is replaced."""
    counter = counter_of(secret, code)
    if counter is None:
        raise WrongCode
    User.objects.select_for_update().get(pk=user.pk)
    Authenticator.objects.filter(user=user).delete()
    made = TOTP.activate(user, secret).instance
    made.data[NEWEST] = counter
    made.save(update_fields=["data"])
    audit.record("second factor switched on", user)
    return list(RecoveryCodes.activate(user).generate_codes())


@transaction.atomic
def first_recovery_codes(user: User) -> list[str]:
    """For who has none yet, once a passkey is the second factor; else nothing."""
    User.objects.select_for_update().get(pk=user.pk)
    if row(user, Authenticator.Type.RECOVERY_CODES) is not None:
        return []
    return list(RecoveryCodes.activate(user).generate_codes())


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """New ones; those before open nothing any more."""
    User.objects.select_for_update().get(pk=user.pk)
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    audit.record("recovery codes renewed", user)
    return list(RecoveryCodes.activate(user).generate_codes())


@transaction.atomic
def drop_app(user: User) -> bool:
    """No code of the app is asked for any more; whether there was one. Raises LastOne."""
    User.objects.select_for_update().get(pk=user.pk)
    if not has_app(user):
        return False
    if must_have(user) and not has_passkey(user):
        raise LastOne
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    forget_useless_codes(user)
    audit.record("second factor switched off", user)
    return True


@transaction.atomic
def drop_passkey(user: User, passkey: Passkey) -> None:
    """It opens nothing any more. Raises LastOne."""
    User.objects.select_for_update().get(pk=user.pk)
    others = user.passkeys.exclude(pk=passkey.pk)
    if must_have(user) and not others.exists() and not has_app(user):
        raise LastOne
    audit.record("passkey removed", passkey, before={"for": passkey.rp_id})
    passkey.delete()
    forget_useless_codes(user)


def forget_useless_codes(user: User) -> None:
    """Recovery codes stand in for a second factor; without one they would be a second password."""
    if not has(user):
        Authenticator.objects.filter(user=user).delete()


@transaction.atomic
def take_away(user: User, deed: str) -> bool:
    """The password alone is enough from now on; whether there was a second factor. `deed`: what the audit log says."""
    passkeys = list(user.passkeys.values_list("name", flat=True))
    gone = Authenticator.objects.filter(user=user).delete()[0] + user.passkeys.all().delete()[0]
    if gone:
        audit.record(deed, user, before={"passkeys": passkeys} if passkeys else None)
    return bool(gone)


# --- codes ------------------------------------------------------------------------------------------------------------
def is_right(user: User, code: str) -> bool:
    """Whether this code, of the app or for recovery, opens; if so it never does again. Raises CannotDecrypt, KeyProblem."""
    return is_newer(user, code) or is_recovery(user, code)


@transaction.atomic
def is_newer(user: User, code: str) -> bool:
    found = Authenticator.objects.select_for_update().filter(user=user, type=Authenticator.Type.TOTP).first()
    if found is None:
        return False
    counter = counter_of(vault().decrypt(found.data["secret"]), code)
    if counter is None or counter <= found.data.get(NEWEST, 0):
        return False
    found.data[NEWEST], found.last_used_at = counter, timezone.now()
    found.save(update_fields=["data", "last_used_at"])
    return True


@transaction.atomic
def is_recovery(user: User, code: str) -> bool:
    rows = Authenticator.objects.select_for_update()
    found = rows.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    if found is None or not RecoveryCodes(found).validate_code(code):
        return False
    audit.record("recovery code used", user, user=user, after={"codes left": recovery_codes_left(user)})
    return True


def counter_of(secret: str, code: str) -> int | None:
    """The moment, in periods since the epoch, whose code it is; None outside of what MFA_TOTP_TOLERANCE allows."""
    for counter in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            return int(counter)
    return None


def recovery_codes(user: User) -> list[str]:
    """Those that still open."""
    found = row(user, Authenticator.Type.RECOVERY_CODES)
    return list(RecoveryCodes(found).get_unused_codes()) if found is not None else []


def recovery_codes_left(user: User) -> int:
    try:
        return len(recovery_codes(user))
    except (CannotDecrypt, KeyProblem):
        return 0


# --- another encryption key -------------------------------------------------------------------------------------------
def encrypt_again(renewed: Callable[[int, str], str]) -> int:
    """For `borgui.rotation`: each secret of each row becomes `renewed(row, secret)`, where that is not empty."""
    changed = 0
    for pk in list(Authenticator.objects.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            found = Authenticator.objects.select_for_update().filter(pk=pk).first()
            data = found.data if found is not None else {}
            again = {name: token for name in SECRETS if name in data and (token := renewed(pk, data[name]))}
            if found is not None and again:
                found.data = {**data, **again}
                found.save(update_fields=["data"])
                changed += len(again)
    return changed
