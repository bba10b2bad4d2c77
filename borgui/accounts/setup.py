"""How an installation gets its first owner: by a one-time link, or by the command that makes a token."""

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from . import audit
from .models import Installation, SetupLink, User, digest
from .roles import Role

ADMINISTRATOR = {"role": Role.ADMINISTRATOR}
NO_OWNER = (
    "This installation has no owner yet. On the machine it runs on, type `docker compose logs borgui` (or look at "
    "`bin/run`) and open the link printed there. Link gone? `manage.py setup_link` prints a new one."
)


class LinkVoid(Exception):
    """The link was used already, replaced by a newer one, or never made."""


def has_owner() -> bool:
    return administrators().exists()


def administrators() -> QuerySet[User]:
    return User.objects.filter(is_superuser=True, is_active=True)


def fresh_link() -> str:
    """The address of a fresh one-time link; older ones are void from now on."""
    host = "localhost" if settings.HOST in ("0.0.0.0", "::") else settings.HOST
    address = f"[{host}]" if ":" in host else host
    with transaction.atomic():
        token = SetupLink.make()
        audit.record("set-up link made")
    return f"http://{address}:{settings.PORT}{reverse('setup', args=[token])}"


def is_open(token: str) -> bool:
    return SetupLink.objects.filter(token_hash=digest(token)).exists() and not has_owner()


def make_owner(token: str, *, username: str, password: str, time_zone: str = "") -> User:
    """The first administrator. Of two people with the same link one gets in. Raises LinkVoid."""
    with transaction.atomic():
        used, _ = SetupLink.objects.filter(token_hash=digest(token)).delete()
        if not used or has_owner():
            raise LinkVoid
        user = User.objects.create_superuser(username=username, password=password)
        Installation.objects.update_or_create(pk=1, defaults={"time_zone": time_zone})
        SetupLink.objects.all().delete()
        audit.record("account added", user, after=ADMINISTRATOR | {"time zone": time_zone}, user=user)
    return user


def user_for_token(username: str) -> User:
    """The user of this name; where nobody has an account yet, a new administrator without a password.

    Raises User.DoesNotExist.
    """
    with transaction.atomic():
        if User.objects.exists():
            return User.objects.get(username=username, is_active=True)
        user = User(username=username, is_staff=True, is_superuser=True)
        user.set_unusable_password()
        user.full_clean(exclude=["password"])
        user.save()
        audit.record("account added", user, after=ADMINISTRATOR)
    return user
