from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from backups import four_eyes
from borgui.accounts import audit
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from scripts_library import approving
from scripts_library.models import Script


class Command(BaseCommand):
    help = (
        "Approve scripts as they are now, whoever wrote them: for who may type commands on this machine, while there is "
        "no second author. The audit log keeps it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="*", help="of a script")
        parser.add_argument("--all", action="store_true", help="every script, and the old texts in repositories")
        parser.add_argument("--dry-run", action="store_true", help="only say which ones wait")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.FOUR_EYES:
            raise Refused(approving.OFF)
        if bool(options["name"]) == options["all"]:
            raise Refused("Name the scripts, or say --all.")
        names = self._waiting(options["name"]) if options["dry_run"] else self._approve(options["name"])
        if options["json"]:
            self.print_json({"scripts": names, "dry_run": options["dry_run"]})
        else:
            word = "waits" if options["dry_run"] else "approved"
            self.stdout.write("\n".join([f"{word}: {name}" for name in names] or ["Nothing waits."]))

    def _approve(self, names: list[str]) -> list[str]:
        how = f"approved on the machine by {audit.command_user()}"
        if not names:
            return four_eyes.count_all_as_approved(how)[0]
        return approving.count_as_approved(named(names), how)

    def _waiting(self, names: list[str]) -> list[str]:
        chosen = named(names) if names else Script.objects.kept().order_by("name")
        return [script.name for script in approving.not_approved(chosen)]


def named(names: list[str]) -> list[Script]:
    """Raises Refused for a name that no script has."""
    found = {script.name: script for script in Script.objects.kept().filter(name__in=names)}
    if unknown := [name for name in names if name not in found]:
        raise Refused(f"There is no script named {unknown[0]!r}.")
    return [found[name] for name in dict.fromkeys(names)]
