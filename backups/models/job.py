"""A backup job: one backup of one repository, from queued to its final status (behaviour.md, section 2)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .repository import Repository


class JobStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Phase(models.TextChoices):
    PRE = "pre-backup"
    BACKUP = "backup"
    POST = "post-backup"
    MAINTENANCE = "maintenance"


class Data(models.TextChoices):
    """Is there a good archive?"""

    GOOD = "good"
    GOOD_WITH_WARNINGS = "good_with_warnings"
    NONE = "none"


class Services(models.TextChoices):
    """Is everything that was stopped running again?"""

    UP = "up"
    INTERRUPTED = "interrupted"
    BROKEN_PROMISE = "broken_promise"
    UNTOUCHED = "untouched"


UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class BackupJobQuerySet(models.QuerySet["BackupJob"]):
    def queued(self) -> "BackupJobQuerySet":
        """In the order in which they wait."""
        return self.filter(status=JobStatus.QUEUED).order_by("id")

    def running(self) -> "BackupJobQuerySet":
        return self.filter(status=JobStatus.RUNNING)

    def active(self) -> "BackupJobQuerySet":
        """Running, or over with their post-backup scripts being run again: only these have a phase."""
        return self.exclude(phase="")

    def unfinished_again(self) -> "BackupJobQuerySet":
        """Finished jobs whose post-backup scripts are being run again: only these keep a phase."""
        return self.exclude(status__in=UNFINISHED).exclude(phase="")

    def recovered_unseen(self) -> "BackupJobQuerySet":
        """Lost, brought to their end all the same, and nobody has said yet to have seen that."""
        return self.filter(lost_at__isnull=False, seen_at__isnull=True, phase="").exclude(status__in=UNFINISHED)

    def unfinished(self) -> "BackupJobQuerySet":
        return self.filter(status__in=UNFINISHED)


class BackupJob(models.Model):
    repository = models.ForeignKey(Repository, models.PROTECT, related_name="jobs")
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.QUEUED)
    outcome = models.CharField(max_length=20, blank=True, default="")
    phase = models.CharField(max_length=20, choices=Phase.choices, blank=True, default="")
    phases = models.JSONField(default=list, help_text="[{phase, started_at, ended_at}]")
    message = models.TextField(blank=True, default="")
    triggered_by = models.CharField(max_length=20)
    triggered_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    schedule_run = models.ForeignKey("ScheduleRun", models.SET_NULL, null=True, related_name="jobs")
    asked_maintenance = models.JSONField(
        default=dict,
        help_text="{prune, compact, check_every_days}: what its schedule asks for, pinned when it was queued",
    )
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    # the two verdicts, written with the final status (`verdicts`)
    data = models.CharField(max_length=20, choices=Data.choices, null=True)
    services = models.CharField(max_length=20, choices=Services.choices, default=Services.UNTOUCHED)

    # what borg did
    archive_name = models.CharField(max_length=250, blank=True, default="")
    archive_files = models.PositiveBigIntegerField(null=True)
    borg_exit_code = models.IntegerField(null=True)
    borg_messages = models.JSONField(default=list, help_text="[{level, msgid, text, path}], the first hundred")
    unread = models.JSONField(default=list, help_text="sources and files that were not backed up, the first hundred")
    stats = models.JSONField(default=dict, help_text="sizes of the archive, as borg told them")
    progress = models.JSONField(default=dict)
    command = models.JSONField(default=list, help_text="the borg command without secrets")
    maintenance_message = models.TextField(blank=True, default="")
    maintenance = models.JSONField(
        default=dict, help_text="{pruned, freed, checked, remark}: archives, bytes; why pruning was left out"
    )

    # who runs it: every write carries the claim number (section 2)
    host_id = models.CharField(max_length=100, blank=True, default="")
    owner = models.CharField(max_length=120, blank=True, default="", help_text="pid, start time and boot id")
    claim = models.PositiveIntegerField(default=0)
    token = models.CharField(max_length=64, blank=True, default="", help_text="what borg's processes carry")
    interrupts = models.JSONField(default=list, help_text="what is down while it runs, from the plan")

    # a job whose process was lost, and the person who has said to have seen it (section 6)
    losses = models.PositiveIntegerField(default=0, help_text="how often its process was lost before its end")
    lost_at = models.DateTimeField(null=True, help_text="when the first loss was noticed")
    restarted = models.BooleanField(default=False, help_text="the machine was started anew meanwhile")
    seen_at = models.DateTimeField(null=True)
    seen_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    objects = BackupJobQuerySet.as_manager()

    class Meta:
        db_table = "backup_jobs"
        constraints = [
            models.UniqueConstraint(
                fields=["repository"], condition=Q(status=JobStatus.RUNNING), name="one_running_job_per_repository"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="jobs_by_status"),
            models.Index(fields=["repository", "-id"], name="jobs_of_repository"),
            models.Index(fields=["status", "created_at"], name="jobs_by_day"),
            models.Index(fields=["created_at"], name="jobs_by_time"),
            models.Index(fields=["triggered_by", "created_at"], name="jobs_by_trigger"),
            models.Index(fields=["repository", "created_at", "status"], name="jobs_of_repository_by_day"),
            models.Index(
                fields=["id"], condition=Q(lost_at__isnull=False, seen_at__isnull=True), name="jobs_lost_and_unseen"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id}#{self.pk} ({self.status})"

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
