from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from backups import queue
from backups.models import BackupJob
from backups.schemas import JobOut
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused


class Command(BaseCommand):
    help = "Cancel a backup. What it stopped is started again; its post-backup scripts run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=int)
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            job = BackupJob.objects.select_related("repository").get(pk=options["job"])
            job = queue.request_cancel(job)
        except BackupJob.DoesNotExist:
            raise Refused(f"There is no job {options['job']}.") from None
        except queue.TooLate as reason:
            raise Refused(str(reason)) from None
        if options["json"]:
            self.print_json(JobOut.of(job, timezone.now()).model_dump(mode="json"))
        else:
            self.stdout.write("Cancelled." if job.is_over else "Asked to stop; the scripts after the backup still run.")
