"""What is done with accounts: add one, give it a role, switch it off, end its sessions. Each deed is in the audit log."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from . import audit
from .models import User
from .roles import Role

LINK_WORKS = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


class LastAdministrator(Exception):
    """Nobody could undo it: it would leave the installation without an administrator."""

    def __init__(self) -> None:
        super().__init__("This is the last administrator. Make somebody else an administrator first.")


@transaction.atomic
def add(username: str, role: str, by: str = "") -> User:
    """An account without a password; its link (`link_for`) sets one. The name was checked by the caller's form.

    `by`: what the audit log calls who acts, where that is not the person of the request."""
    user = User(username=username)
    user.set_unusable_password()
    user.save()
    put_into(user, role)
    audit.record("account added", user, after={"role": role}, username=by)
    return user


@transaction.atomic
def set_role(user: User, role: str, by: str = "") -> None:
    """'' takes every role away. `by` as for `add`. Raises LastAdministrator."""
    user = locked(user)
    before = user.role
    if role == before:
        return
    if before == Role.ADMINISTRATOR:
        refuse_last(user)
    put_into(user, role)
    audit.record("role changed", user, before={"role": before}, after={"role": role}, username=by)


def put_into(user: User, role: str) -> None:
    """The group, and what Django asks of an administrator."""
    user.groups.remove(*user.groups.filter(name__in=Role.values))
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    user.is_superuser = user.is_staff = role == Role.ADMINISTRATOR
    user.save(update_fields=["is_superuser", "is_staff"])


@transaction.atomic
def set_active(user: User, active: bool) -> None:
    """Switched off, an account cannot sign in, and its tokens do not work. Raises LastAdministrator."""
    user = locked(user)
    if user.is_active == active:
        return
    if not active and user.role == Role.ADMINISTRATOR:
        refuse_last(user)
    user.is_active = active
    user.save(update_fields=["is_active"])
    audit.record("account switched on" if active else "account switched off", user)


@transaction.atomic
def sign_out_everywhere(user: User) -> User:
    """End every session of this account; tokens go on. Returns the row as it is now."""
    user = locked(user)
    user.session_generation += 1
    user.save(update_fields=["session_generation"])
    audit.record("signed out everywhere", user)
    return user


def locked(user: User) -> User:
    """With all administrators, in one order: of two who take each other's role away at the same moment the second sees
    what the first has done."""
    rows = User.objects.select_for_update().filter(Q(pk=user.pk) | Q(is_superuser=True)).order_by("pk")
    return {row.pk: row for row in rows}[user.pk]


def refuse_last(user: User) -> None:
    if not User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists():
        raise LastAdministrator


# --- the link with which somebody sets a password ------------------------------------------------------------------------
@transaction.atomic
def fresh_link(user: User) -> str:
    """The path of a link that sets a password once; signing in or a new password makes it void, and so does time."""
    audit.record("password link made", user)
    return path_of(user)


def path_of(user: User) -> str:
    number = urlsafe_base64_encode(str(user.pk).encode())
    return reverse("welcome", args=[number, default_token_generator.make_token(user)])


def behind_link(number: str, token: str) -> User | None:
    """Whose link it is; None where it is not valid any more."""
    try:
        pk = int(urlsafe_base64_decode(number).decode())
        user = User.objects.filter(pk=pk, is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return user if user is not None and default_token_generator.check_token(user, token) else None
