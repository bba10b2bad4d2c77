"""How a job process writes its rows: every write is fenced by the claim number (behaviour.md, sections 2 and 6).

A write that changes no row means that another process has taken the job over: `Superseded`, and this one stops.
"""

from typing import Any

from django.db import connection, models, transaction

from scripts_library.models import ScriptExecution
from scripts_library.running import Superseded

from .models import BackupJob


class Ledger:
    def __init__(self, job: BackupJob) -> None:
        self.job_id, self.claim = job.pk, job.claim

    @property
    def own_job(self) -> models.QuerySet[BackupJob]:
        return BackupJob.objects.filter(pk=self.job_id, claim=self.claim)

    def job(self, job: BackupJob, **fields: Any) -> None:
        """Set the fields on the job and make them durable. Raises Superseded."""
        for name, value in fields.items():
            setattr(job, name, value)
        if not self.own_job.update(**fields):
            raise Superseded(f"job {self.job_id} has another owner")

    def execution(self, row: ScriptExecution, fields: dict[str, Any]) -> None:
        """Make fields of an execution durable. Raises Superseded."""
        rows = ScriptExecution.objects.filter(pk=row.pk, backup_job__in=self.own_job)
        if not rows.update(**fields):
            raise Superseded(f"job {self.job_id} has another owner")

    def add(self, rows: list[ScriptExecution]) -> None:
        """Make new rows durable, if the job is still this process's. Raises Superseded."""
        with transaction.atomic():
            if not self.own_job.update(claim=self.claim):
                raise Superseded(f"job {self.job_id} has another owner")
            ScriptExecution.objects.bulk_create(rows)


def commit_to_disk() -> None:
    """From here on a commit of this process survives a power cut (SQLite; other databases do it anyway)."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
