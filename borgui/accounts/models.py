"""Who may come in: people, the tokens of their programs, the link that makes the first of them; and the installation."""

import hashlib
import secrets
from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


def digest(token: str) -> str:
    """What is stored of a token. It is random and long, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


class User(AbstractUser):
    class Meta:
        db_table = "users"


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

    @classmethod
    def make(cls, user: User, name: str, scope: str = Scope.WRITE) -> tuple["ApiToken", str]:
        """A new row and the token itself, which is shown once and kept nowhere."""
        token = f"borgui_{secrets.token_urlsafe(32)}"
        return cls.objects.create(user=user, name=name, scope=scope, token_hash=digest(token)), token


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

    class Meta:
        db_table = "installation"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return "this installation"

    def schedules_are_paused(self, now: datetime) -> bool:
        if self.schedules_paused_at is None:
            return False
        return self.schedules_paused_until is None or self.schedules_paused_until > now
