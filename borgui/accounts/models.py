"""Who may come in: people, the tokens of their programs, the link that makes the first of them; and the installation."""

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property

from .roles import Right, Role, highest, rights_of


def digest(token: str) -> str:
    """What is stored of a token. It is random and long, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


class User(AbstractUser):
    session_generation = models.PositiveIntegerField(
        default=0, editable=False, help_text="part of every session: counting it up ends them all"
    )

    class Meta:
        db_table = "users"

    @cached_property
    def role(self) -> str:
        """What this person is here (`roles.Role`); '' may do nothing. Read once per object."""
        if self.is_superuser:
            return Role.ADMINISTRATOR
        return highest(group.name for group in self.groups.all()) if self.pk else ""

    @property
    def rights(self) -> frozenset[Right]:
        return rights_of(self.role, hides_output=settings.HIDE_OUTPUT) if self.is_active else frozenset()

    def may(self, right: Right) -> bool:
        return right in self.rights

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Also counts how often this person has signed out everywhere (django.contrib.auth.base_user)."""
        salt = f"borgui.accounts.models.User.{self.session_generation}"
        return salted_hmac(salt, self.password, secret=secret, algorithm="sha256").hexdigest()


class BrowserSession(models.Model):
    """A browser in which somebody is signed in (`browsers`)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="browser_sessions")
    session_key = models.CharField(max_length=40, unique=True, help_text="of Django's session")
    valid_for = models.CharField(max_length=64, help_text="SHA-256 of what ends the session when it changes")
    begun_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="written every few minutes")
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=100, help_text="in words")

    class Meta:
        db_table = "browser_sessions"

    def __str__(self) -> str:
        return self.browser


class Identity(models.Model):
    """Whom an OpenID Connect provider knows an account by (`oidc.identities`).

    The subject is the provider's own name for a person, which never changes and is never given to another; names and mail
    addresses do and are, so they open nothing.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255, help_text="address of the provider")
    subject = models.CharField(max_length=255)
    name = models.CharField(max_length=250, blank=True, help_text="at the provider, to be shown only")
    connected_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "identities"
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_per_subject"),
            models.UniqueConstraint(fields=["user", "issuer"], name="one_subject_per_account"),
        ]

    def __str__(self) -> str:
        return self.name or self.subject


class Passkey(models.Model):
    """A device, or a password manager, that can prove who somebody is (`passkeys`). It holds the secret; here is its
    public key."""

    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=100, help_text="as its person calls it")
    rp_id = models.CharField(max_length=253, help_text="host name at which it opens")
    credential_id = models.CharField(max_length=1400, unique=True, editable=False, help_text="base64url")
    credential = models.BinaryField(editable=False, help_text="WebAuthn's attested credential data: id and public key")
    sign_count = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="of its last answer; 0 where it does not count"
    )
    is_synced = models.BooleanField(default=False, editable=False, help_text="can be copied by a password manager")
    transports = models.JSONField(default=list, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "passkeys"

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """What a token may do; each scope includes those before it."""

    READ = "read", "read"
    RUN = "run", "run"
    WRITE = "write", "write"

    def includes(self, other: "Scope") -> bool:
        order = list(Scope)
        return order.index(self) >= order.index(other)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime) -> "ApiTokenQuerySet":
        return self.filter(user__is_active=True).exclude(expires_at__lte=now)


class ApiToken(models.Model):
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.WRITE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"

    def __str__(self) -> str:
        return self.name

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    @classmethod
    def make(
        cls, user: User, name: str, scope: str = Scope.WRITE, expires_at: datetime | None = None
    ) -> tuple["ApiToken", str]:
        """A new row and the token itself, which is shown once and kept nowhere."""
        token = f"borgui_{secrets.token_urlsafe(32)}"
        row = cls.objects.create(user=user, name=name, scope=scope, token_hash=digest(token), expires_at=expires_at)
        return row, token


class StartedCall(models.Model):
    """A call to the API with an `Idempotency-Key`, and what it was answered; kept for a day (`once`)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64, help_text="SHA-256 of the key")
    call = models.CharField(max_length=64, help_text="SHA-256 of method, address and body")
    status = models.PositiveSmallIntegerField(default=0, help_text="of the answer")
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "started_calls"
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_call_per_key")]

    def __str__(self) -> str:
        return f"{self.status} at {self.created_at:%Y-%m-%d %H:%M}"


class SetupLink(models.Model):
    """A one-time link with which the first administrator makes an account. A new one makes the older ones void."""

    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "setup_links"

    def __str__(self) -> str:
        return f"made {self.created_at:%Y-%m-%d %H:%M}"

    @classmethod
    def make(cls) -> str:
        """The secret part of a fresh link."""
        token = secrets.token_urlsafe(24)
        cls.objects.all().delete()
        cls.objects.create(token_hash=digest(token))
        return token


class Via(models.TextChoices):
    """By which door somebody came."""

    PAGE = "page", "page"
    API = "api", "API"
    ADMIN = "admin", "admin page"
    COMMAND = "command", "command"
    ITSELF = "itself", "by itself"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    """Entries are read and added, never changed."""

    def update(self, **fields: Any) -> int:
        raise AppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnly


class AppendOnly(Exception):
    """The audit log is only ever added to."""


class AuditEntry(models.Model):
    """Who did what, when, and from where; what was before and after it, without secrets (`audit`)."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="audit_entries")
    username = models.CharField(max_length=150, blank=True, help_text="as it was typed or was known then")
    via = models.CharField(max_length=10, choices=Via.choices)
    address = models.GenericIPAddressField(null=True, help_text="where the request came from")
    action = models.CharField(max_length=40)
    kind = models.CharField(max_length=30, blank=True, help_text="what it was done to")
    object_id = models.BigIntegerField(null=True)
    name = models.CharField(max_length=250, blank=True, help_text="of the object, as it was then")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        db_table = "audit_entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["username", "-id"], name="audit_by_person"),
            models.Index(fields=["kind", "object_id", "-id"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.username} {self.action} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly


class Installation(models.Model):
    """The one row about this installation: its time zone, and a known text under the encryption key.

    `key_canary` is written when the first key is made; a start with another key cannot open it and is refused
    (`borgui.checks`), instead of failing in the first backup at night.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    time_zone = models.CharField(max_length=64, blank=True)
    key_canary = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    schedules_paused_at = models.DateTimeField(null=True, blank=True, help_text="nothing runs by itself since then")
    schedules_paused_until = models.DateTimeField(null=True, blank=True, help_text="none: until a person says so")
    four_eyes = models.BooleanField(default=False, editable=False, help_text="BORGUI_FOUR_EYES at the last start")
    four_eyes_began_at = models.DateTimeField(
        null=True, editable=False, help_text="what was there then counts as approved"
    )

    class Meta:
        db_table = "installation"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return "this installation"

    def schedules_are_paused(self, now: datetime) -> bool:
        if self.schedules_paused_at is None:
            return False
        return self.schedules_paused_until is None or self.schedules_paused_until > now
