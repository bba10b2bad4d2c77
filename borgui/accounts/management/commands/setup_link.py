"""Print a fresh one-time link for the first administrator."""

import sys
from argparse import ArgumentParser
from typing import Any

from borgui.accounts import setup
from borgui.commands import Command as BaseCommand


class Command(BaseCommand):
    help = "Print a fresh one-time link with which the first administrator makes an account. Exit 1 if there is one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_json(parser)

    def handle(self, *, json: bool, **options: Any) -> None:
        owner = setup.administrators().order_by("pk").first()
        if owner is not None:
            self.stderr.write(
                f"There is an administrator already: {owner.get_username()}. "
                f"`manage.py changepassword {owner.get_username()}` sets a new password."
            )
            sys.exit(1)
        link = setup.fresh_link()
        self.print_json({"link": link}) if json else self.stdout.write(link)
