import sys
import time
from typing import Any

from django.core.management.base import CommandParser
from django.db import DatabaseError

from backups import quick
from backups.exits import Exit
from backups.ledger import commit_to_disk
from backups.watch import LOOK, StopRequest
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from borgui.rundir import Busy
from scripts_library import testruns
from scripts_library.models import ExecutionStatus, ScriptExecution
from scripts_library.running import Stop


class Watch:
    """A test run stops for a planned stop (its post part when time is out), or for a person."""

    def __init__(self, stop: StopRequest) -> None:
        self.stop, self.looked = stop, 0.0

    def __call__(self, row: ScriptExecution) -> str:
        over = self.stop.is_out_of_time() if row.position else bool(self.stop)
        if over:
            return Stop.SHUTDOWN
        if time.monotonic() - self.looked < LOOK:
            return ""
        self.looked = time.monotonic()
        try:
            with quick.database():
                return Stop.STOPPED if testruns.is_asked_to_stop(row) else ""
        except DatabaseError:
            return ""


class Command(BaseCommand):
    help = "Run one test run in this process. The worker starts this."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("execution", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        commit_to_disk()
        try:
            row = testruns.run(options["execution"], Watch(StopRequest().listen()))
        except (Busy, ScriptExecution.DoesNotExist) as reason:
            raise Refused(f"Test run {options['execution']} cannot be run here: {reason}") from None
        sys.exit(Exit.SUCCESS if row.status == ExecutionStatus.SUCCEEDED else Exit.FAILURE)
