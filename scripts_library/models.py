"""Scripts, their revisions, where they are assigned, and every run of one (behaviour.md, section 1)."""

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from borgui.fields import EncryptedJSONField

SECONDS = [MinValueValidator(1), MaxValueValidator(24 * 3600)]


def make_token() -> str:
    """A random mark by which the processes of one run are found again."""
    return secrets.token_hex(16)


class Hook(models.TextChoices):
    PRE = "pre-backup", "pre-backup"
    POST = "post-backup", "post-backup"


class RunOn(models.TextChoices):
    SUCCESS = "success", "good backups"
    WARNING = "warning", "only backups with warnings"
    COMPLETED = "completed", "good ones and ones with warnings"
    FAILURE = "failure", "failed or cancelled ones"
    ALWAYS = "always", "every backup, also failed or cancelled ones (choose this for anything that starts a service)"


class Outcome(models.TextChoices):
    """How the backup itself ended."""

    SUCCESS = "success", "success"
    WARNING = "warning", "warning"
    FAILURE = "failure", "failure"
    SKIPPED = "skipped", "skipped"
    CANCELLED = "cancelled", "cancelled"


class OnFailure(models.TextChoices):
    ABORT = "abort", "do not back up, and tell me (recommended)"
    CONTINUE = "continue", "back up anyway, with a warning"
    SKIP = "skip", "skip today, quietly"


class ExecutionStatus(models.TextChoices):
    PLANNED = "planned", "planned"
    RUNNING = "running", "running"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    TIMED_OUT = "timed_out", "took too long"
    CANCELLED = "cancelled", "cancelled"
    INTERRUPTED = "interrupted", "cut off"
    NOT_RUN = "not_run", "did not run"


class TriggeredBy(models.TextChoices):
    MANUAL = "manual", "a person"
    API = "api", "the API"
    COMMAND = "command", "a command"
    SCHEDULE = "schedule", "a schedule"
    WINDOW = "window", "a window"
    TEST = "test", "a test run"
    RERUN = "rerun", "a person, again"


class ScriptQuerySet(models.QuerySet["Script"]):
    def kept(self) -> "ScriptQuerySet":
        """Those not deleted."""
        return self.filter(deleted_at=None)


class Script(models.Model):
    """The row of a script file. The file is the truth for content, this row for everything else (section 11)."""

    class Category(models.TextChoices):
        CUSTOM = "custom", "custom"
        TEMPLATE = "template", "from a template"

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    file_path = models.CharField(max_length=255, help_text="below the scripts folder: library/docker-stop_1a2b3c.sh")
    category = models.CharField(max_length=20, choices=Category.choices, default=Category.CUSTOM)
    timeout = models.PositiveIntegerField(default=300, validators=SECONDS, help_text="seconds")
    run_on = models.CharField(max_length=20, choices=RunOn.choices, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    is_template = models.BooleanField(default=False)
    template_version = models.CharField(max_length=20, null=True, blank=True)
    usage_count = models.PositiveIntegerField(default=0, editable=False, help_text="runs in jobs")
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    sha256 = models.CharField(max_length=64, editable=False, help_text="of the newest revision")
    manifest = models.JSONField(default=dict, editable=False, help_text="the block of the newest revision, as read")
    parameters = EncryptedJSONField(default=dict, blank=True, help_text="default values by name")
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    seen_stat = models.CharField(
        max_length=80, blank=True, editable=False, help_text="inode, size and times of the file"
    )
    unseen_edit = models.BooleanField(
        default=False, editable=False, help_text="changed outside, not yet kept or reverted"
    )

    objects = ScriptQuerySet.as_manager()

    class Meta:
        db_table = "scripts"
        constraints = [
            models.UniqueConstraint(fields=["name"], condition=Q(deleted_at=None), name="unique_script_name"),
            models.UniqueConstraint(fields=["file_path"], name="unique_script_file"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def run_on_declared(self) -> bool:
        return self.run_on is not None

    @property
    def effective_run_on(self) -> str:
        return self.run_on or RunOn.SUCCESS

    @property
    def hooks(self) -> list[str]:
        """The hooks that the block declares; empty: any."""
        return list(self.manifest.get("hooks", []))


class ScriptContent(models.Model):
    """One exact text, kept once per hash."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    content = models.TextField()

    class Meta:
        db_table = "script_contents"

    def __str__(self) -> str:
        return self.sha256


class ScriptRevision(models.Model):
    """One saved or seen content of a script. `script` is null for an inline text (section 12)."""

    class Source(models.TextChoices):
        EDITOR = "editor", "the editor"
        DISK = "disk", "a change of the file"
        API = "api", "the API"
        TEMPLATE = "template", "a template"
        MIGRATION = "migration", "a migration"
        INLINE = "inline", "an inline text"
        RESTORE = "restore", "an older revision"

    script = models.ForeignKey(Script, models.CASCADE, null=True, related_name="revisions")
    content = models.ForeignKey(ScriptContent, models.PROTECT, db_column="sha256")
    source = models.CharField(max_length=20, choices=Source.choices)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    remark = models.CharField(max_length=200, blank=True, help_text="commit and author where the folder is in git")

    class Meta:
        db_table = "script_revisions"
        ordering = ["-id"]
        indexes = [models.Index(fields=["script", "-id"], name="revisions_of_script")]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def sha256(self) -> str:
        return self.content_id

    @property
    def text(self) -> str:
        return self.content.content


class RepositoryScriptQuerySet(models.QuerySet["RepositoryScript"]):
    def chain(self, repository_id: int, hook: str) -> "RepositoryScriptQuerySet":
        """The assignments of one hook in order, enabled or not."""
        return self.filter(repository_id=repository_id, hook_type=hook).select_related("script").in_order()

    def in_order(self) -> "RepositoryScriptQuerySet":
        """Pre-backup first ('pre-backup' sorts after 'post-backup')."""
        return self.order_by("-hook_type", "execution_order", "id")


class RepositoryScript(models.Model):
    """An assignment: a script attached to one repository at one hook, with order and overrides."""

    repository = models.ForeignKey("backups.Repository", models.CASCADE, related_name="repository_scripts")
    script = models.ForeignKey(Script, models.PROTECT, related_name="assignments")
    hook_type = models.CharField(max_length=20, choices=Hook.choices)
    execution_order = models.PositiveIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    custom_timeout = models.PositiveIntegerField(null=True, blank=True, validators=SECONDS, help_text="seconds")
    custom_run_on = models.CharField(max_length=20, choices=RunOn.choices, null=True, blank=True)
    on_failure = models.CharField(max_length=20, choices=OnFailure.choices, default=OnFailure.ABORT)
    parameters = EncryptedJSONField(default=dict, blank=True, help_text="values by name")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RepositoryScriptQuerySet.as_manager()

    class Meta:
        db_table = "repository_scripts"
        constraints = [
            models.UniqueConstraint(fields=["repository", "script", "hook_type"], name="unique_assignment"),
        ]

    def __str__(self) -> str:
        return f"{self.script} ({self.hook_type})"

    @property
    def timeout(self) -> int:
        return self.custom_timeout or self.script.timeout

    @property
    def run_on(self) -> str:
        return self.custom_run_on or self.script.effective_run_on


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
