"""A backup job: one backup of one repository, from queued to its final status (behaviour.md, section 2)."""

from typing import Any

from django.db import models
from django.db.models import Q

from .repository import Repository
from .work import JobStatus, Phase, Work, WorkQuerySet


class Data(models.TextChoices):
    """Is there a good archive?"""

    GOOD = "good"
    GOOD_WITH_WARNINGS = "good_with_warnings"
    NONE = "none"


class BackupJob(Work):
    word, noun, column, runner, folder = "job", "job", "backup_job", "run_job", "jobs"

    repository = models.ForeignKey(Repository, models.PROTECT, related_name="jobs")
    status = models.CharField(max_length=20, choices=JobStatus.choices, default=JobStatus.QUEUED)
    schedule_run = models.ForeignKey("ScheduleRun", models.SET_NULL, null=True, related_name="jobs")
    asked_maintenance = models.JSONField(
        default=dict,
        help_text="{prune, compact, check_every_days}: what its schedule asks for, pinned when it was queued",
    )

    # a job inside a maintenance window: its window's process starts it (section 13)
    window_run = models.ForeignKey("WindowRun", models.SET_NULL, null=True, related_name="jobs")
    window_position = models.PositiveIntegerField(null=True, help_text="its place among the jobs of the window's run")

    data = models.CharField(max_length=20, choices=Data.choices, null=True)

    # what borg did
    archive_name = models.CharField(max_length=250, blank=True, default="")
    archive_files = models.PositiveBigIntegerField(null=True)
    borg_exit_code = models.IntegerField(null=True)
    borg_messages = models.JSONField(default=list, help_text="[{level, msgid, text, path}], the first hundred")
    unread = models.JSONField(default=list, help_text="sources and files that were not backed up, the first hundred")
    stats = models.JSONField(default=dict, help_text="sizes of the archive, as borg told them")
    progress = models.JSONField(default=dict)
    command = models.JSONField(default=list, help_text="the borg command without secrets")
    token = models.CharField(max_length=64, blank=True, default="", help_text="what borg's processes carry")
    maintenance_message = models.TextField(blank=True, default="")
    maintenance = models.JSONField(
        default=dict, help_text="{pruned, freed, checked, remark}: archives, bytes; why pruning was left out"
    )

    objects = WorkQuerySet["BackupJob"].as_manager()

    class Meta:
        db_table = "backup_jobs"
        constraints = [
            models.UniqueConstraint(
                fields=["repository"], condition=Q(status=JobStatus.RUNNING), name="one_running_job_per_repository"
            ),
            models.UniqueConstraint(fields=["window_run", "repository"], name="one_job_of_a_window_per_repository"),
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
    def waits_with_maintenance(self) -> bool:
        """Until its window has closed; what it has stopped by itself is back (`backups.afterwards`)."""
        return self.phase == Phase.MAINTENANCE and self.phases[-1]["phase"] != Phase.MAINTENANCE

    @property
    def told_about(self) -> dict[str, Any]:
        """Columns of a notification about it."""
        return {"repository_id": self.repository_id, "job_id": self.pk}
