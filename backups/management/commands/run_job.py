import logging
import sys
from typing import Any

from django.core.management.base import CommandParser

from backups import exits, finishing, pipeline, tasks
from backups.models import BackupJob
from backups.watch import StopRequest
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from borgui.rundir import Busy

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Run or resume one job in this process. The worker starts this; by hand it does the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        stop = StopRequest().listen()
        try:
            claimed = pipeline.run(options["job"], stop) is not None
            job = BackupJob.objects.get(pk=options["job"])
        except (Busy, BackupJob.DoesNotExist) as reason:
            raise Refused(f"Job {options['job']} cannot be run here: {reason}") from None
        except finishing.NotFinished as reason:
            sys.exit(f"run_job: {reason}")
        if claimed or job.is_over:
            poke()
            sys.exit(exits.of(job))


def poke() -> None:
    """The next job may start. The worker that collects this process knows too; another one may have taken its place."""
    try:
        tasks.poke()
    except Exception as problem:
        log.warning("the queue was not poked (%s); the next minute finds what waits", problem)
