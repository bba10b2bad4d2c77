"""Take a token for the REST API back."""

from argparse import ArgumentParser
from typing import Any

from borgui.accounts import tokens
from borgui.accounts.models import ApiToken
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused


class Command(BaseCommand):
    help = "Take a token back: it opens nothing from now on. TOKEN is its id or its name, as api_tokens lists them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("token", metavar="TOKEN")
        self.add_json(parser)

    def handle(self, *, token: str, json: bool, **options: Any) -> None:
        row = self._find(token)
        told = {"id": row.pk, "name": row.name, "user": row.user.get_username(), "revoked": True}
        tokens.revoke(row)
        self.print_json(told) if json else self.stdout.write(
            f"'{row.name}' of {told['user']} opens nothing from now on."
        )

    def _find(self, token: str) -> ApiToken:
        rows = ApiToken.objects.select_related("user")
        if token.isascii() and token.isdigit() and len(token) < 19 and (row := rows.filter(pk=int(token)).first()):
            return row
        named = list(rows.filter(name=token).order_by("id"))
        if len(named) > 1:
            ids = ", ".join(str(row.pk) for row in named)
            raise Refused(f"There are several tokens named {token!r}: give the id of one ({ids}).")
        if not named:
            raise Refused(f"There is no token {token!r}; `manage.py api_tokens` lists them.")
        return named[0]
