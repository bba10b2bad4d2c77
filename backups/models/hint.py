"""Suggestions of the overview that somebody does not want to see again."""

from django.db import models
from django.utils import timezone


class DismissedHint(models.Model):
    key = models.CharField(max_length=64, unique=True)
    dismissed_at = models.DateTimeField(default=timezone.now)

    objects = models.Manager["DismissedHint"]()

    class Meta:
        db_table = "dismissed_hints"

    def __str__(self) -> str:
        return self.key
