import sys
from typing import Any

from django.core.management.base import CommandParser

from backups import exits, finishing
from backups.management.commands.run_job import poke
from backups.models import WindowRun
from backups.watch import StopRequest
from backups.windows import opening
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from borgui.rundir import Busy


class Command(BaseCommand):
    help = "Run or resume one run of a window in this process. The worker starts this; by hand it does the same."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        stop = StopRequest().listen()
        try:
            claimed = opening.run(options["run"], stop) is not None
            run = WindowRun.objects.get(pk=options["run"])
        except (Busy, WindowRun.DoesNotExist) as reason:
            raise Refused(f"Window run {options['run']} cannot be run here: {reason}") from None
        except finishing.NotFinished as reason:
            sys.exit(f"run_window: {reason}")
        if claimed or run.is_over:
            poke()
            sys.exit(exits.of(run))
