"""Where scripts are attached: around the backups of a repository, or around those of a maintenance window."""

from typing import Self, TypeVar

from django.db import models
from django.utils import timezone

from borgui.fields import EncryptedJSONField

from .choices import SECONDS, Hook, OnFailure, RunOn
from .script import Script

A = TypeVar("A", bound="Assignment")


class AssignmentQuerySet(models.QuerySet[A]):
    def in_order(self) -> Self:
        """Pre-backup first ('pre-backup' sorts after 'post-backup')."""
        return self.order_by("-hook_type", "execution_order", "id")


class RepositoryScriptQuerySet(AssignmentQuerySet["RepositoryScript"]):
    def chain(self, repository_id: int, hook: str) -> Self:
        """The assignments of one hook in order, enabled or not."""
        return self.filter(repository_id=repository_id, hook_type=hook).select_related("script").in_order()


class WindowScriptQuerySet(AssignmentQuerySet["WindowScript"]):
    def chain(self, window_id: int, hook: str) -> Self:
        """The assignments of one hook in order, enabled or not."""
        return self.filter(window_id=window_id, hook_type=hook).select_related("script").in_order()


class Assignment(models.Model):
    """A script attached to something at a hook, with order and overrides."""

    hook_type = models.CharField(max_length=20, choices=Hook.choices)
    execution_order = models.PositiveIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    custom_timeout = models.PositiveIntegerField(null=True, blank=True, validators=SECONDS, help_text="seconds")
    custom_run_on = models.CharField(max_length=20, choices=RunOn.choices, null=True, blank=True)
    on_failure = models.CharField(max_length=20, choices=OnFailure.choices, default=OnFailure.ABORT)
    parameters = EncryptedJSONField(default=dict, blank=True, help_text="values by name")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    script: models.ForeignKey[Script, Script]  # each has its own, so that a script tells them apart

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.script} ({self.hook_type})"

    @property
    def timeout(self) -> int:
        return self.custom_timeout or self.script.timeout

    @property
    def run_on(self) -> str:
        return self.custom_run_on or self.script.effective_run_on


class RepositoryScript(Assignment):
    """Around the backups of one repository."""

    repository = models.ForeignKey("backups.Repository", models.CASCADE, related_name="repository_scripts")
    script = models.ForeignKey(Script, models.PROTECT, related_name="assignments")

    objects = RepositoryScriptQuerySet.as_manager()

    class Meta:
        db_table = "repository_scripts"
        constraints = [
            models.UniqueConstraint(fields=["repository", "script", "hook_type"], name="unique_assignment"),
        ]


class WindowScript(Assignment):
    """Around all backups of a maintenance window (behaviour.md, section 13)."""

    window = models.ForeignKey("backups.MaintenanceWindow", models.CASCADE, related_name="window_scripts")
    script = models.ForeignKey(Script, models.PROTECT, related_name="window_assignments")

    objects = WindowScriptQuerySet.as_manager()

    class Meta:
        db_table = "window_scripts"
        constraints = [
            models.UniqueConstraint(fields=["window", "script", "hook_type"], name="unique_window_assignment"),
        ]
