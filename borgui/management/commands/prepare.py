"""`prepare`: what stands between an installed borgui and a started one, in one process, for one start-up of Django."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from backups import four_eyes
from borgui import checks, vault
from borgui.accounts import append_only


class Command(BaseCommand):
    help = "Brings tables and shipped templates up to this version; prints a set-up link while nobody has an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-link", action="store_true", help="print no set-up link")

    def handle(self, *, no_link: bool, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        append_only.seal(connection)
        if found := checks.problems():
            raise CommandError("borgui cannot start: " + "\n".join(found))
        vault.seal_canary()
        four_eyes.settle()
        call_command("install_templates", verbosity=0)
        if not no_link and not get_user_model().objects.exists():
            self.stdout.write("borgui: nobody has an account yet. This link makes the first one, once:")
            call_command("setup_link", stdout=self.stdout)
