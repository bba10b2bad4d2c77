from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from borgui.commands import Command as BaseCommand
from scripts_library import catalogue

WORDS = {
    "new": "new",
    "upgraded": "written anew",
    "removed": "no longer shipped, removed",
    "kept": "no longer shipped, but changed here: left as it is",
}


class Command(BaseCommand):
    help = (
        "Write the shipped templates to scripts/templates, or bring them up to this version. Scripts stay as they are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = catalogue.install(settings.CATALOGUE_DIR, settings.TEMPLATES_DIR)
        except (catalogue.NotInstalled, catalogue.BrokenTemplate) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.print_json(done.to_dict())
        elif options["verbosity"]:
            lines = [f"{words}: {name}" for kind, words in WORDS.items() for name in getattr(done, kind)]
            self.stdout.write("\n".join(lines or [f"{len(done.same)} files are as they should be."]))
