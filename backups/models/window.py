"""A maintenance window: scripts once before and once after a group of backups (behaviour.md, section 13)."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.timezone import now as the_time

from .work import Work, WorkQuerySet

HOUR = 3600


class MaintenanceWindowQuerySet(models.QuerySet["MaintenanceWindow"]):
    def due(self, now: datetime) -> "MaintenanceWindowQuerySet":
        """Those that are to open by now, the longest waiting first; pauses are not looked at."""
        return self.filter(enabled=True, next_run__lte=now).order_by("next_run", "id")


class MaintenanceWindow(models.Model):
    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True, default="")
    cron_expression = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64)
    enabled = models.BooleanField(default=True)
    max_parallel = models.PositiveIntegerField(default=1, help_text="jobs at a time")
    max_duration = models.PositiveIntegerField(default=8 * HOUR, help_text="seconds, for the starting of jobs")
    catch_up = models.PositiveIntegerField(
        default=HOUR, help_text="seconds: an opening that is later than this is missed"
    )
    last_run = models.DateTimeField(null=True, blank=True, editable=False, help_text="the due time that opened it last")
    next_run = models.DateTimeField(null=True, blank=True, editable=False, help_text="the next due time")
    created_at = models.DateTimeField(default=the_time, editable=False)
    updated_at = models.DateTimeField(default=the_time, editable=False)

    jitter = 0  # it opens at its time
    paused_until: datetime | None = None  # what is not to open is switched off

    objects = MaintenanceWindowQuerySet.as_manager()

    class Meta:
        db_table = "maintenance_windows"
        indexes = [
            models.Index(fields=["next_run"], condition=Q(enabled=True), name="windows_due"),
        ]

    def __str__(self) -> str:
        return self.name

    def run_of(self, due_at: datetime, status: str, message: str = "") -> "WindowRun":
        """What becomes of a due time (unsaved); one of a pause was missed."""
        is_queued = status == WindowStatus.QUEUED
        return WindowRun(
            window=self,
            window_name=self.name,
            due_at=due_at,
            status=WindowStatus.QUEUED if is_queued else WindowStatus.MISSED,
            message=message,
            triggered_by="schedule",
        )


class WindowStatus(models.TextChoices):
    QUEUED = "queued"  # due, or opened by hand, and not claimed yet; the message says what it waits for
    RUNNING = "running"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"  # a script before it said: not now
    CANCELLED = "cancelled"
    MISSED = "missed"  # too late to be made up for, overtaken, due while it was open or while all was paused


class WindowRun(Work):
    """One opening of a window, from due to closed. The unique pair keeps several workers from opening it twice."""

    word, noun, column, runner, folder = "window run", "window", "window_run", "run_window", "windows"

    window = models.ForeignKey(MaintenanceWindow, models.SET_NULL, null=True, related_name="runs")
    window_name = models.CharField(max_length=100, help_text="as it was called then; the window may be gone")
    status = models.CharField(max_length=20, choices=WindowStatus.choices, default=WindowStatus.QUEUED)
    due_at = models.DateTimeField(null=True, help_text="null: opened by hand")
    is_catch_up = models.BooleanField(default=False)

    # pinned when it was claimed
    reserved = models.JSONField(default=list, help_text="what its backups interrupt by scripts of their own")
    max_parallel = models.PositiveIntegerField(default=1, help_text="jobs at a time")
    max_duration = models.PositiveIntegerField(default=8 * HOUR, help_text="seconds, for the starting of jobs")

    objects = WorkQuerySet["WindowRun"].as_manager()

    class Meta:
        db_table = "window_runs"
        constraints = [
            models.UniqueConstraint(fields=["window", "due_at"], name="one_opening_per_due_time"),
            models.UniqueConstraint(
                fields=["window"], condition=Q(status__in=("queued", "running")), name="one_opening_at_a_time"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="window_runs_by_status"),
            models.Index(fields=["window", "-id"], name="window_runs_of_window"),
            models.Index(fields=["created_at"], name="window_runs_by_time"),
            models.Index(
                fields=["id"],
                condition=Q(lost_at__isnull=False, seen_at__isnull=True),
                name="window_runs_lost_and_unseen",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.window_name}#{self.pk} ({self.status})"

    @property
    def told_about(self) -> dict[str, Any]:
        """Columns of a notification about it."""
        return {"window_run_id": self.pk}
