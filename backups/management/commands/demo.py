import shutil
import sys
from typing import Any

from django.core.management.base import CommandParser

from backups import demo, exits, following, queue, tasks
from backups.management.commands.backup import OwnProcess
from backups.models import BackupJob
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from scripts_library.errors import Invalid
from scripts_library.errors import Refused as LibraryRefused


class Command(BaseCommand):
    help = "Back up a demonstration tree between scripts that stop and start services. --fail makes borg fail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fail", action="store_true", help="take the repository away, so that borg fails")

    def handle(self, *args: Any, **options: Any) -> None:
        name = "Demo that fails" if options["fail"] else "Demo"
        self.say("Making a source tree, services and an encrypted borg repository ...")
        try:
            place, repository = demo.prepare(name)
        except (Invalid, LibraryRefused) as problem:
            raise Refused(f"The demonstration could not be prepared: {problem}") from None
        if options["fail"]:
            shutil.rmtree(place.folder, ignore_errors=True)
            self.say(f"The repository {place.folder} was taken away: borg is going to fail.")
        self.tell_services("before", place)
        job = queue.enqueue(repository, triggered_by="command")
        tasks.poke()
        job = following.Follower(job.pk, self.say).follow(OwnProcess().see_to)
        for line in following.summary(job):
            self.say(line)
        self.tell_services("now", place)
        self.tell_next(job)
        sys.exit(exits.of(job))

    def tell_services(self, when: str, place: demo.Demo) -> None:
        states = ", ".join(f"{name} {state}" for name, state in place.states().items())
        self.say(f"Services {when}: {states}")

    def tell_next(self, job: BackupJob) -> None:
        self.say("")
        self.say("What was stopped is running again." if job.services == "up" else "Look at the services.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
