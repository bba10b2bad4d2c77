"""A host on which a worker runs, and when it last reported."""

from datetime import datetime, timedelta

from django.db import models

SILENT_AFTER = timedelta(minutes=3)


class Worker(models.Model):
    host_id = models.CharField(max_length=100, unique=True)
    hostname = models.CharField(max_length=255)
    owner = models.CharField(max_length=120, help_text="pid, start time and boot id")
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        db_table = "workers"

    def __str__(self) -> str:
        return self.hostname

    def is_silent(self, now: datetime) -> bool:
        """A report from the future is none either: the clock was set back, and a worker that lives reports anew."""
        return abs(now - self.last_seen) > SILENT_AFTER
