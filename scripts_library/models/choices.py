"""The words of scripts and their runs (behaviour.md, sections 1 to 5)."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

SECONDS = [MinValueValidator(1), MaxValueValidator(24 * 3600)]


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
