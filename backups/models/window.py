"""A maintenance window: scripts once before and once after a group of backups (behaviour.md, section 13)."""

from django.db import models
from django.utils.timezone import now as the_time

HOUR = 3600


class MaintenanceWindow(models.Model):
    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True, default="")
    cron_expression = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64)
    enabled = models.BooleanField(default=True)
    max_parallel = models.PositiveIntegerField(default=1, help_text="jobs at a time")
    max_duration = models.PositiveIntegerField(default=8 * HOUR, help_text="seconds, for the starting of jobs")
    catch_up = models.PositiveIntegerField(default=HOUR, help_text="seconds")
    last_run = models.DateTimeField(null=True, blank=True, editable=False)
    next_run = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=the_time, editable=False)

    class Meta:
        db_table = "maintenance_windows"

    def __str__(self) -> str:
        return self.name
