"""Make a token for the REST API and print it, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError

from borgui.accounts import setup
from borgui.accounts.models import ApiToken, Scope, User
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused


class Command(BaseCommand):
    help = (
        "Print a new token for the REST API; it is kept nowhere. Where nobody has an account yet, USER becomes an "
        "administrator without a password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER")
        parser.add_argument("--name", required=True, help="what the token is for")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.WRITE, help="default: write, which is all")
        self.add_json(parser)

    def handle(self, *, user: str, name: str, scope: str, json: bool, **options: Any) -> None:
        name = name.strip()
        if not 0 < len(name) <= 100:
            raise Refused("--name needs 1 to 100 characters.")
        _, token = ApiToken.make(self._owner(user), name, scope)
        self.print_json({"token": token}) if json else self.stdout.write(token)

    def _owner(self, username: str) -> User:
        try:
            return setup.user_for_token(username)
        except User.DoesNotExist:
            raise Refused(f"There is no user {username!r}.") from None
        except ValidationError as error:
            raise Refused(f"{username!r} cannot be a user name: {' '.join(error.messages)}") from None
