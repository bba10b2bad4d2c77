"""Work that one process claims and brings to its end: a backup job, or a maintenance window's run (behaviour.md, section 2)."""

from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class JobStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Phase(models.TextChoices):
    """In a window's run `backup` is that of its jobs."""

    PRE = "pre-backup"
    BACKUP = "backup"
    POST = "post-backup"
    MAINTENANCE = "maintenance"


class Services(models.TextChoices):
    """Is everything that was stopped running again?"""

    UP = "up"
    INTERRUPTED = "interrupted"
    BROKEN_PROMISE = "broken_promise"
    UNTOUCHED = "untouched"


UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)
W = TypeVar("W", bound="Work")


class WorkQuerySet(models.QuerySet[W]):
    def queued(self) -> Self:
        """In the order in which they wait."""
        return self.filter(status=JobStatus.QUEUED).order_by("id")

    def running(self) -> Self:
        return self.filter(status=JobStatus.RUNNING)

    def active(self) -> Self:
        """Running, or over with their post-backup scripts being run again: only these have a phase."""
        return self.exclude(phase="")

    def unfinished_again(self) -> Self:
        """Finished ones whose post-backup scripts are being run again: only these keep a phase."""
        return self.exclude(status__in=UNFINISHED).exclude(phase="")

    def recovered_unseen(self) -> Self:
        """Lost, brought to their end all the same, and nobody has said yet to have seen that."""
        return self.filter(lost_at__isnull=False, seen_at__isnull=True, phase="").exclude(status__in=UNFINISHED)

    def unfinished(self) -> Self:
        return self.filter(status__in=UNFINISHED)


class Work(models.Model):
    outcome = models.CharField(max_length=20, blank=True, default="")
    phase = models.CharField(max_length=20, choices=Phase.choices, blank=True, default="")
    phases = models.JSONField(default=list, help_text="[{phase, started_at, ended_at}]")
    message = models.TextField(blank=True, default="")
    triggered_by = models.CharField(max_length=20)
    triggered_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    # the verdict of all work, written with the final status (`verdicts`)
    services = models.CharField(max_length=20, choices=Services.choices, default=Services.UNTOUCHED)

    # who runs it: every write carries the claim number (section 2)
    host_id = models.CharField(max_length=100, blank=True, default="")
    owner = models.CharField(max_length=120, blank=True, default="", help_text="pid, start time and boot id")
    claim = models.PositiveIntegerField(default=0)
    interrupts = models.JSONField(default=list, help_text="what is down while it runs, from the plan")

    # a process that was lost, and the person who has said to have seen it (section 6)
    losses = models.PositiveIntegerField(default=0, help_text="how often its process was lost before its end")
    lost_at = models.DateTimeField(null=True, help_text="when the first loss was noticed")
    restarted = models.BooleanField(default=False, help_text="the machine was started anew meanwhile")
    seen_at = models.DateTimeField(null=True)
    seen_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    status: str  # a column of each: their choices differ

    word: ClassVar[str]  # in logs and in notes
    noun: ClassVar[str]  # in what people read
    column: ClassVar[str]  # of an execution, and names it
    runner: ClassVar[str]  # what runs one, and resumes it
    folder: ClassVar[str]  # below RUN_DIR

    class Meta:
        abstract = True

    @property
    def told_about(self) -> dict[str, Any]:
        """Columns of a notification about it."""
        raise NotImplementedError  # abstract: BackupJob and WindowRun each have their own

    @property
    def is_over(self) -> bool:
        return self.status not in UNFINISHED

    def phases_with(self, phase: str, now: datetime) -> list[dict[str, Any]]:
        """`phases` with the running one ended now and `phase` begun (none: an empty text).

        None ends before it began, also where the clock was set back meanwhile.
        """
        stamp = now.isoformat()
        phases = [
            entry if entry["ended_at"] else {**entry, "ended_at": max(stamp, entry["started_at"])}
            for entry in self.phases
        ]
        return [*phases, {"phase": phase, "started_at": stamp, "ended_at": None}] if phase else phases
