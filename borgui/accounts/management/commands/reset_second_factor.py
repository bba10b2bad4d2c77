"""Take the second factor of somebody away who has lost it."""

from argparse import ArgumentParser
from typing import Any

from borgui.accounts import second_factor
from borgui.accounts.models import User
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused


class Command(BaseCommand):
    help = (
        "Take the second factor of USER away, with its recovery codes: the password alone signs in, until there is a new "
        "one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")
        self.add_json(parser)

    def handle(self, *, user: str, json: bool, **options: Any) -> None:
        found = User.objects.filter(username=user).first()
        if found is None:
            raise Refused(f"There is no account {user!r}.")
        if not second_factor.take_away(found, "second factor reset"):
            raise Refused(f"{user} has no second factor.")
        told = f"{user} signs in with the password alone, until there is a new second factor."
        self.print_json({"user": user, "reset": True}) if json else self.stdout.write(told)
