"""Make a token for the REST API and print it, once."""

from argparse import ArgumentParser
from datetime import datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_date

from borgui.accounts import setup, tokens
from borgui.accounts.models import Scope, User
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
        parser.add_argument(
            "--expires", metavar="WHEN", help="a number of days, or a date such as 2027-12-31; default: never"
        )
        self.add_json(parser)

    def handle(self, *, user: str, name: str, scope: str, expires: str | None, json: bool, **options: Any) -> None:
        now = timezone.now()
        try:
            with transaction.atomic():
                _, token = tokens.make(self._owner(user), name, scope, moment_of(expires, now), now)
        except tokens.Refused as problem:
            raise Refused(str(problem)) from None
        self.print_json({"token": token}) if json else self.stdout.write(token)

    def _owner(self, username: str) -> User:
        try:
            return setup.user_for_token(username)
        except User.DoesNotExist:
            raise Refused(f"There is no user {username!r}.") from None
        except ValidationError as error:
            raise Refused(f"{username!r} cannot be a user name: {' '.join(error.messages)}") from None


def moment_of(expires: str | None, now: datetime) -> datetime | None:
    """The end of the day named, or so many days from now. Raises Refused."""
    if expires is None:
        return None
    if expires.isascii() and expires.isdigit() and len(expires) <= 5:
        return now + timedelta(days=int(expires))
    try:
        day = parse_date(expires)
    except ValueError:
        day = None
    if day is None:
        raise Refused(f"--expires is {expires!r}: give a number of days, or a date such as 2027-12-31.")
    return timezone.make_aware(datetime.combine(day, time.max))
