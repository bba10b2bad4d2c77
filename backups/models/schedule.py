"""Schedules: which repositories are backed up when, and what became of each due time (behaviour.md, section 2)."""

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now as the_time

from borgui.fields import EncryptedTextField

from .repository import Repository
from .window import MaintenanceWindow

HOUR = 3600
DAY = 24 * HOUR


class ScheduledJobQuerySet(models.QuerySet["ScheduledJob"]):
    def by_themselves(self) -> "ScheduledJobQuerySet":
        """Those that start at times of their own: the others are started by their maintenance window."""
        return self.filter(maintenance_window=None)

    def due(self, now: datetime) -> "ScheduledJobQuerySet":
        """Those that are to start by now, the longest waiting first; pauses are not looked at."""
        return self.by_themselves().filter(enabled=True, starts_at__lte=now).order_by("starts_at", "id")


class ScheduledJob(models.Model):
    name = models.CharField(max_length=100, unique=True)
    repositories = models.ManyToManyField(Repository, through="ScheduledRepository", related_name="scheduled_jobs")
    cron_expression = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, help_text="name of a zone, e.g. Europe/Berlin")
    maintenance_window = models.ForeignKey(
        MaintenanceWindow, models.PROTECT, null=True, blank=True, related_name="scheduled_jobs"
    )
    enabled = models.BooleanField(default=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    jitter = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(DAY)], help_text="seconds, at most")
    catch_up = models.PositiveIntegerField(
        default=12 * HOUR,
        validators=[MaxValueValidator(30 * DAY)],
        help_text="seconds: what is later than this is not made up for",
    )

    # what follows the backup, besides what each repository itself asks for
    prune_after = models.BooleanField(default=False)
    compact_after = models.BooleanField(default=False)
    check_every_days = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )

    ping_url = EncryptedTextField(blank=True, default="")  # told of start, good end and failure (healthchecks style)

    last_run = models.DateTimeField(null=True, blank=True, editable=False, help_text="the due time that started last")
    next_run = models.DateTimeField(null=True, blank=True, editable=False, help_text="the next due time")
    starts_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="`next_run` plus its jitter")
    created_at = models.DateTimeField(default=the_time, editable=False)
    updated_at = models.DateTimeField(default=the_time, editable=False)

    objects = ScheduledJobQuerySet.as_manager()

    class Meta:
        db_table = "scheduled_jobs"
        indexes = [
            models.Index(fields=["starts_at"], condition=Q(enabled=True), name="scheduled_jobs_due"),
        ]

    def __str__(self) -> str:
        return self.name

    def is_paused(self, now: datetime) -> bool:
        return self.paused_until is not None and self.paused_until > now

    def run_of(self, due_at: datetime, status: str, message: str = "") -> "ScheduleRun":
        """What becomes of a due time (unsaved)."""
        return ScheduleRun(scheduled_job=self, due_at=due_at, status=status, message=message)


class ScheduledRepository(models.Model):
    scheduled_job = models.ForeignKey(ScheduledJob, models.CASCADE, related_name="members")
    repository = models.ForeignKey(Repository, models.CASCADE, related_name="schedule_members")
    position = models.PositiveIntegerField()

    class Meta:
        db_table = "scheduled_repositories"
        ordering = [F("position").asc()]
        constraints = [
            models.UniqueConstraint(fields=["scheduled_job", "repository"], name="once_per_schedule"),
        ]

    def __str__(self) -> str:
        return f"{self.scheduled_job_id}.{self.position}: {self.repository_id}"


class RunStatus(models.TextChoices):
    QUEUED = "queued"  # its backups were queued; the jobs themselves say what became of them
    MISSED = "missed"  # too late to be made up for, or overtaken by a later due time
    PAUSED = "paused"  # it was due while backups were paused


class ScheduleRun(models.Model):
    """One due time of one schedule. The unique pair is what keeps several workers from starting it twice."""

    scheduled_job = models.ForeignKey(ScheduledJob, models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    status = models.CharField(max_length=20, choices=RunStatus.choices)
    is_catch_up = models.BooleanField(default=False)
    message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=the_time)
    ended_at = models.DateTimeField(null=True, help_text="when the last of its backups was over, and that was pinged")

    class Meta:
        db_table = "schedule_runs"
        constraints = [
            models.UniqueConstraint(fields=["scheduled_job", "due_at"], name="one_run_per_due_time"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(ended_at=None, status="queued"), name="schedule_runs_open"),
            models.Index(
                fields=["created_at"], condition=Q(status__in=("missed", "paused")), name="schedule_runs_missed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scheduled_job_id} at {self.due_at:%Y-%m-%d %H:%M} ({self.status})"
