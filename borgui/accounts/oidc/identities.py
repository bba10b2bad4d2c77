"""Whose account it is that the provider vouches for, and which role its claims give. Each deed is in the audit log.

An account is found by issuer and subject alone. One that was here before is connected by its owner, who is signed in, or by
the link that an administrator made for it; never because a name or a mail address is the same.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from borgui.accounts import audit, people
from borgui.accounts.models import Identity, User
from borgui.accounts.roles import Role, highest

from . import Failed, label

Claims = Mapping[str, Any]
CLOCKS_DIFFER = 60  # seconds
LAST_WAY = (
    "It is your only way to sign in, so it stays connected. Ask an administrator for a link to set a password first."
)
AT_ONCE = "The same was done at the same moment in another browser. Try again."


@dataclass(frozen=True)
class Found:
    """`notice`: what the person should know besides."""

    user: User
    notice: str = ""


def issuer() -> str:
    return str(settings.OIDC_ISSUER).rstrip("/")


def of(user: User) -> Identity | None:
    """Whom the provider knows this account by; None where it is not connected."""
    return Identity.objects.filter(user=user, issuer=issuer()).first()


def find(claims: Claims) -> Identity | None:
    return Identity.objects.select_related("user").filter(issuer=issuer(), subject=claims["sub"]).first()


# --- sign in ----------------------------------------------------------------------------------------------------------
def sign_in(claims: Claims) -> Found:
    """The account, with the role that the claims give. Raises Failed."""
    known, role = find(claims), role_by(claims)
    if known is None:
        return Found(new_person(claims, role))
    if not known.user.is_active:
        raise Failed(
            f"The account of {known.user.get_username()} is switched off here. An administrator can switch it on."
        )
    notice = take_role(known.user, role) if role is not None else ""
    Identity.objects.filter(pk=known.pk).update(name=shown(claims), last_used_at=timezone.now())
    return Found(User.objects.get(pk=known.user.pk), notice)


def take_role(user: User, role: str) -> str:
    """What to tell the person. Raises Failed where the claims give no role: then the account has none any more."""
    try:
        people.set_role(user, role, by=acting())
    except people.LastAdministrator:
        given = f"the role {role}" if role else "no role"
        return f"{label()} gives you {given}. You stay administrator, for there is no other one."
    if not role:
        raise Failed(no_role(user.get_username()))
    return ""


def new_person(claims: Claims, role: str | None) -> User:
    """An account of its own for somebody who comes for the first time. Raises Failed."""
    if not settings.OIDC_NEW_PEOPLE:
        raise Failed(
            f"No account here is connected with yours at {label()}. Sign in with your password, and connect it on the "
            "page of your account; or ask an administrator for an account."
        )
    given, name = default_role() if role is None else role, free_name(claims)
    if not given:
        raise Failed(no_role(name))
    try:
        with transaction.atomic():
            user = people.add(name, given, by=acting())
            write(user, claims)
    except IntegrityError:
        raise Failed(AT_ONCE) from None
    return user


def no_role(name: str) -> str:
    return f"{label()} gives {name} no role here, so there is nothing to see. Ask whoever runs {label()} for one."


def free_name(claims: Claims) -> str:
    """The name of a new account. One that somebody has is not taken, nor made another. Raises Failed."""
    offered = (claims.get(claim) for claim in ("preferred_username", "email", "nickname", "sub"))
    name = next((found for one in offered if (found := usable(one))), "")
    if not name:
        raise Failed(f"{label()} gives no name that an account here can have. Ask an administrator for an account.")
    if User.objects.filter(username__iexact=name).exists():
        raise Failed(
            f"Somebody here is called {name} already. If that is you, sign in with your password and connect your account "
            "on its page; otherwise ask an administrator."
        )
    return name


def usable(name: object) -> str:
    """As a name here; '' if it cannot be one."""
    if not isinstance(name, str) or not 0 < len(name) <= 150:
        return ""
    found: str = User.normalize_username(name)
    try:
        User.username_validator(found)
    except ValidationError:
        return ""
    return found if len(found) <= 150 else ""


# --- roles ------------------------------------------------------------------------------------------------------------
def role_by(claims: Claims) -> str | None:
    """The highest role of the groups in the claim, else the default one; '' is none. None: roles are given here alone."""
    if not settings.OIDC_ROLES_CLAIM:
        return None
    groups = named(claims, settings.OIDC_ROLES_CLAIM)
    return highest(settings.OIDC_ROLES[one] for one in groups if one in settings.OIDC_ROLES) or default_role()


def default_role() -> str:
    return Role.VIEWER if settings.OIDC_DEFAULT_ROLE == "viewer" else ""


def named(claims: Claims, path: str) -> list[str]:
    """The texts of a claim; dots lead into it, as in realm_access.roles, where no claim has the whole name."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return [found]
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


# --- connect ----------------------------------------------------------------------------------------------------------
def connect(user: User, claims: Claims) -> None:
    """From now on the provider signs this account in. Raises Failed."""
    known, before = find(claims), of(user)
    if known is not None and known.user != user:
        raise Failed(f"This person of {label()} is connected with another account here. Disconnect that one first.")
    if known is None and before is not None:
        raise Failed(f"Your account is connected with another person of {label()}. Disconnect it first.")
    if known is not None:
        return
    try:
        with transaction.atomic():
            write(user, claims)
            audit.record("sign-in connected", user, after=about(claims), user=user)
    except IntegrityError:
        raise Failed(AT_ONCE) from None


def write(user: User, claims: Claims) -> None:
    now = timezone.now()
    Identity.objects.create(
        user=user, issuer=issuer(), subject=claims["sub"], name=shown(claims), connected_at=now, last_used_at=now
    )


@transaction.atomic
def disconnect(user: User) -> bool:
    """Whether it was connected. Its sessions go on."""
    found = of(user)
    if found is None:
        return False
    audit.record("sign-in disconnected", user, before={"at": label(), "name": found.name})
    found.delete()
    return True


def about(claims: Claims) -> dict[str, str]:
    """For the audit log."""
    return {"at": label(), "name": shown(claims), "subject": claims["sub"]}


def shown(claims: Claims) -> str:
    names = (claims.get(claim) for claim in ("preferred_username", "email", "name"))
    found = next((one for one in names if isinstance(one, str) and one.strip()), "")
    return "".join(letter for letter in found if letter.isprintable())[:250]


def acting() -> str:
    """Who changes roles by claims, in the audit log."""
    return f"({label()})"


# --- how long ago -----------------------------------------------------------------------------------------------------
def confirm(user: User, claims: Claims, asked_at: float) -> None:
    """That this very person has just signed in at the provider, not only come back. Raises Failed."""
    known = find(claims)
    if known is None or known.user != user:
        raise Failed(
            f"You signed in at {label()} as somebody else than the owner of this account, so nothing was confirmed."
        )
    if given_at(claims) < asked_at - CLOCKS_DIFFER:
        raise Failed(
            f"{label()} did not say that you have just signed in there, so nothing was confirmed. Where you have a password "
            "here, confirm it with that."
        )


def given_at(claims: Claims) -> float:
    """Seconds since the epoch when the person last proved at the provider who they are; 0 where it does not say."""
    said, now = claims.get("auth_time"), time.time()
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return 0
    return min(float(said), now) if said <= now + CLOCKS_DIFFER else 0
