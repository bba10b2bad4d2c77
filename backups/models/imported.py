"""Where rows came from that an import made: importing the same again adds nothing."""

from django.db import models
from django.utils import timezone


class ImportedRow(models.Model):
    """One row of another program's database, and what became of it here."""

    class Kind(models.TextChoices):
        REPOSITORY = "repository"
        SCRIPT = "script"
        ASSIGNMENT = "assignment"
        SCHEDULE = "schedule"
        KEY = "key"

    origin = models.CharField(
        max_length=64, unique=True, help_text="names the row over there, whatever was moved since"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    here_id = models.BigIntegerField(null=True, help_text="id of the row here; null for a key, which is a file")
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "imported_rows"

    def __str__(self) -> str:
        return f"{self.kind} {self.here_id}"
