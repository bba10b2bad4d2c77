"""Every run of a script, with the plan that was pinned for it (behaviour.md, section 2)."""

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from borgui.fields import EncryptedJSONField

from .choices import ExecutionStatus, Hook, OnFailure, RunOn, TriggeredBy
from .script import Script, ScriptRevision


def make_token() -> str:
    """A random mark by which the processes of one run are found again."""
    return secrets.token_hex(16)


class ScriptExecutionQuerySet(models.QuerySet["ScriptExecution"]):
    def in_order(self) -> "ScriptExecutionQuerySet":
        """Chain order: pre-backup first, then position, then attempt."""
        return self.order_by("-hook_type", "position", "attempt", "id")

    def unfinished(self) -> "ScriptExecutionQuerySet":
        return self.filter(status__in=(ExecutionStatus.PLANNED, ExecutionStatus.RUNNING))


class ScriptExecution(models.Model):
    """One attempt to run one script, tied to the revision that ran; with it the pinned plan (section 2)."""

    script = models.ForeignKey(Script, models.SET_NULL, null=True, related_name="executions")
    repository = models.ForeignKey("backups.Repository", models.SET_NULL, null=True, related_name="executions")
    backup_job = models.ForeignKey("backups.BackupJob", models.CASCADE, null=True, related_name="executions")
    window_run = models.ForeignKey("backups.WindowRun", models.CASCADE, null=True, related_name="executions")
    hook_type = models.CharField(max_length=20, choices=Hook.choices)
    status = models.CharField(max_length=20, choices=ExecutionStatus.choices, default=ExecutionStatus.PLANNED)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    execution_time = models.FloatField(null=True, help_text="seconds")
    exit_code = models.IntegerField(null=True, help_text="null when ended by a signal or not started")
    signal = models.PositiveSmallIntegerField(null=True)
    stdout = models.TextField(blank=True, default="", help_text="at most 64 KiB, head and tail")
    stderr = models.TextField(blank=True, default="", help_text="at most 64 KiB, head and tail")
    error_message = models.TextField(blank=True, default="", help_text="why it failed, or why it did not run")
    hints = models.JSONField(default=list, help_text="what was repaired in the copy that ran")
    left_behind = models.PositiveIntegerField(default=0, help_text="processes that went on after its end")
    log_bytes = models.PositiveIntegerField(default=0)
    pid = models.PositiveIntegerField(null=True)
    token = models.CharField(max_length=64, default=make_token, help_text="what its processes carry")
    claim = models.PositiveIntegerField(default=0, help_text="the claim of the job under which it ran; 1: undisturbed")
    triggered_by = models.CharField(max_length=20, choices=TriggeredBy.choices)
    triggered_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    cancel_requested_at = models.DateTimeField(null=True)

    # the pinned plan
    assignment_id = models.BigIntegerField(null=True, help_text="the assignment it came from, which may be gone")
    position = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=1)
    script_name = models.CharField(max_length=200)
    revision = models.ForeignKey(ScriptRevision, models.SET_NULL, null=True)
    timeout = models.PositiveIntegerField(help_text="seconds")
    run_on = models.CharField(max_length=20, choices=RunOn.choices, default=RunOn.SUCCESS)
    on_failure = models.CharField(max_length=20, choices=OnFailure.choices, default=OnFailure.ABORT)
    parameters = EncryptedJSONField(default=dict, help_text="values by name, as pinned")
    secret_names = models.JSONField(default=list, help_text="which of the parameters are secret")
    interrupts = models.CharField(max_length=500, blank=True, default="", help_text="what is down meanwhile")
    rerun = models.BooleanField(default=True, help_text="may run again after a crash")
    problem = models.TextField(blank=True, default="", help_text="why it cannot run, found when it was planned")
    not_before = models.DateTimeField(null=True, help_text="a further attempt waits until then")
    test_run_id = models.BigIntegerField(null=True, help_text="the first execution of the test run it belongs to")
    circumstances = models.JSONField(default=dict, help_text="what a test run was told about the job")

    stop_reason = ""  # why the run that just ended was stopped; lives only in the process that runs it

    objects = ScriptExecutionQuerySet.as_manager()

    class Meta:
        db_table = "script_executions"
        indexes = [
            models.Index(fields=["backup_job", "hook_type"], name="executions_of_job"),
            models.Index(
                fields=["window_run", "hook_type"],
                condition=Q(window_run__isnull=False),
                name="executions_of_window_run",
            ),
            models.Index(fields=["test_run_id"], condition=Q(test_run_id__isnull=False), name="executions_of_test_run"),
            models.Index(fields=["script", "-id"], name="executions_of_script"),
            models.Index(fields=["repository", "-id"], name="executions_of_repository"),
            models.Index(fields=["status", "-id"], name="executions_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.script_name} ({self.hook_type}, {self.status})"

    @property
    def is_promise(self) -> bool:
        """A post-backup script with `failure` or `always` (section 1)."""
        return self.hook_type == Hook.POST and self.run_on in (RunOn.FAILURE, RunOn.ALWAYS)

    @property
    def is_over(self) -> bool:
        return self.status not in (ExecutionStatus.PLANNED, ExecutionStatus.RUNNING)
