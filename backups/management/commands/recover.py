import time
from typing import Any

from django.core.management.base import CommandParser

from backups import housekeeping
from backups.launcher import Launcher
from backups.models import BackupJob, WindowRun
from borgui.commands import Command as BaseCommand
from scripts_library.models import ScriptExecution


class Command(BaseCommand):
    help = "One pass of recovery, now: find what lost its process, bring it to its end, and tell what was done."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        launcher = Launcher()
        started = launcher.recover()
        while launcher.children:
            launcher.reap()
            time.sleep(0.05)
        housekeeping.sweep_run_directories()
        done = [result(command, pk) for command, pk in started]
        if options["json"]:
            self.print_json({"recovered": done})
            return
        for entry in done:
            self.stdout.write(f"{entry['command']} {entry['id']}: {entry['status']}. {entry['message']}".strip())
        if not done:
            self.stdout.write("Nothing was lost.")


def result(command: str, pk: int) -> dict[str, Any]:
    for model in (BackupJob, WindowRun):
        if command == model.runner:
            work = model.objects.get(pk=pk)
            return {"command": command, "id": pk, "status": work.status, "message": work.message}
    row = ScriptExecution.objects.get(pk=pk)
    return {"command": command, "id": pk, "status": row.status, "message": row.error_message}
