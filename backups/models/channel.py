"""Where notifications go, and what became of each of them there."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from borgui.fields import EncryptedTextField

from .notification import Notification
from .repository import Repository
from .schedule import ScheduleRun


class Channel(models.Model):
    """An address of apprise's, with what is told there. The address holds secrets and is write-only."""

    name = models.CharField(max_length=100, unique=True)
    url = EncryptedTextField()
    kind = models.CharField(max_length=50, help_text="the scheme in people's words, e.g. E-mail")
    enabled = models.BooleanField(default=True)
    events = models.JSONField(default=list, help_text="names of events")
    all_repositories = models.BooleanField(default=True)
    repositories = models.ManyToManyField(
        Repository, blank=True, related_name="channels", db_table="channel_repositories"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "notification_channels"

    def __str__(self) -> str:
        return self.name


class SendingStatus(models.TextChoices):
    WAITING = "waiting"
    SENDING = "sending"  # a process has taken it; one that is lost gives it back after a while (`taken_at`)
    SENT = "sent"
    GIVEN_UP = "given_up"


class Outgoing(models.Model):
    """Something that has to leave the machine: taken by a conditional UPDATE, tried again until it is too old."""

    status = models.CharField(max_length=20, choices=SendingStatus.choices, default=SendingStatus.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    taken_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def is_due(self, now: datetime) -> bool:
        return self.status == SendingStatus.WAITING and self.next_try_at <= now


class Delivery(Outgoing):
    """One notification to one channel."""

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="deliveries")

    class Meta:
        db_table = "notification_deliveries"
        constraints = [
            models.UniqueConstraint(fields=["notification", "channel"], name="once_per_channel"),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="waiting"), name="deliveries_waiting"),
        ]

    def __str__(self) -> str:
        return f"notification {self.notification_id} to channel {self.channel_id} ({self.status})"


class PingKind(models.TextChoices):
    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"


class Ping(Outgoing):
    """A dead-man ping of a schedule's run: a service outside raises the alarm when it does not come."""

    schedule_run = models.ForeignKey(ScheduleRun, models.CASCADE, related_name="pings")
    kind = models.CharField(max_length=20, choices=PingKind.choices)
    text = models.TextField(blank=True, default="")

    class Meta:
        db_table = "schedule_pings"
        constraints = [
            models.UniqueConstraint(fields=["schedule_run", "kind"], name="one_ping_of_a_kind"),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="waiting"), name="pings_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of run {self.schedule_run_id} ({self.status})"
