import sys
from typing import Any

from django.core.management.base import CommandParser

from backups import exits, pipeline
from backups.models import BackupJob
from backups.watch import StopRequest
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from borgui.rundir import Busy


class Command(BaseCommand):
    help = "Run or resume one job in this process. The worker starts this; by hand it does the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        stop = StopRequest().listen()
        try:
            job = pipeline.run(options["job"], stop)
        except (Busy, BackupJob.DoesNotExist) as reason:
            raise Refused(f"Job {options['job']} cannot be run here: {reason}") from None
        if job is not None:
            job.refresh_from_db()
            sys.exit(exits.of(job))
