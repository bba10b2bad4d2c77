"""What people are to be told, as rows; and broken promises, which stay until they are mended or closed."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .job import BackupJob
from .repository import Repository
from .window import WindowRun


class Event(models.TextChoices):
    FAILURE = "failure"
    BROKEN_PROMISE = "broken_promise"
    RECOVERED = "recovered"
    WARNING = "warning"
    SUCCESS = "success"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    WORKS_AGAIN = "works_again"
    OVERDUE = "overdue"
    MISSED = "missed"
    WINDOW_NOT_OPENED = "window_not_opened"
    WINDOW_MISSED = "window_missed"
    WORKER_SILENT = "worker_silent"
    OUTSIDE_EDIT = "outside_edit"
    APPROVAL = "approval"
    MESSAGE = "message"


class BrokenPromiseQuerySet(models.QuerySet["BrokenPromise"]):
    def open(self) -> "BrokenPromiseQuerySet":
        return self.filter(closed_at=None)


class BrokenPromise(models.Model):
    """A post-backup script that had to run to a good end and did not (section 1): one of a job, or of a window's run."""

    job = models.ForeignKey(BackupJob, models.CASCADE, null=True, related_name="broken_promises")
    window_run = models.ForeignKey(WindowRun, models.CASCADE, null=True, related_name="broken_promises")
    repository = models.ForeignKey(
        Repository, models.CASCADE, null=True, related_name="broken_promises", help_text="null for that of a window"
    )
    execution_id = models.BigIntegerField(help_text="the attempt that decided")
    script_id = models.BigIntegerField(null=True)
    position = models.PositiveIntegerField()
    script_name = models.CharField(max_length=200)
    interrupts = models.CharField(max_length=500, blank=True, default="")
    since = models.DateTimeField(default=timezone.now)
    message = models.TextField()
    closed_at = models.DateTimeField(null=True)
    closed_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    closed_by_execution_id = models.BigIntegerField(null=True, help_text="the later good run")
    note = models.TextField(blank=True, default="")

    objects = BrokenPromiseQuerySet.as_manager()

    class Meta:
        db_table = "broken_promises"
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], condition=Q(closed_at=None), name="one_open_promise"),
            models.UniqueConstraint(
                fields=["window_run", "position"], condition=Q(closed_at=None), name="one_open_promise_of_a_window"
            ),
            models.CheckConstraint(
                condition=Q(job=None, window_run__isnull=False) | Q(job__isnull=False, window_run=None),
                name="promise_of_a_job_or_of_a_window",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.script_name} of {f'job {self.job_id}' if self.job_id else f'window run {self.window_run_id}'}"

    @property
    def work(self) -> BackupJob | WindowRun:
        """The job or the window's run whose promise it is."""
        found = self.job or self.window_run
        assert found is not None  # the constraint above
        return found

    @property
    def about(self) -> str:
        """Name of its repository or of its window."""
        return self.repository.name if self.repository else self.window_run.window_name if self.window_run else ""


class Notification(models.Model):
    """Something to be told, written in the transaction of what it tells, sent afterwards by others."""

    event = models.CharField(max_length=30, choices=Event.choices)
    repository = models.ForeignKey(Repository, models.CASCADE, null=True, related_name="notifications")
    job = models.ForeignKey(BackupJob, models.CASCADE, null=True, related_name="notifications")
    window_run = models.ForeignKey(WindowRun, models.CASCADE, null=True, related_name="notifications")
    title = models.CharField(max_length=250)
    text = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    signature = models.CharField(
        max_length=200, blank=True, default="", help_text="the same for what would say the same again"
    )
    repeats = models.PositiveIntegerField(default=0, help_text="later ones that were counted instead of told")
    counted_in = models.ForeignKey("self", models.SET_NULL, null=True, related_name="counted")
    routed_at = models.DateTimeField(null=True, help_text="when its deliveries were made, or it was counted")

    class Meta:
        db_table = "notifications"
        indexes = [
            models.Index(fields=["id"], condition=Q(routed_at=None), name="notifications_to_route"),
            models.Index(fields=["signature", "-created_at"], name="notifications_alike"),
        ]

    def __str__(self) -> str:
        return self.title
