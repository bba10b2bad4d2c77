"""List the tokens for the REST API: whose, for what, until when, and when used last. Never the tokens themselves."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from borgui.accounts import tokens
from borgui.accounts.models import ApiToken
from borgui.commands import Command as BaseCommand

COLUMNS = ("id", "user", "name", "scope", "last_used_at", "expires_at")


class Command(BaseCommand):
    help = "List the tokens for the REST API with their last use; revoke_api_token takes one back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_json(parser)

    def handle(self, *, json: bool, **options: Any) -> None:
        now, rows = timezone.now(), ApiToken.objects.select_related("user").order_by("id")
        found = [tokens.as_json(row, now) for row in rows]
        if json:
            self.print_json({"count": len(found), "items": found})
            return
        for one in found:
            self.stdout.write("  ".join(in_words(one, column) for column in COLUMNS))
        if not found:
            self.stdout.write("There are no tokens.")


def in_words(one: dict[str, Any], column: str) -> str:
    value = one[column]
    if column == "last_used_at":
        return f"used {value:%Y-%m-%d %H:%M}Z" if value else "never used"
    if column == "expires_at":
        return f"{'expired' if one['expired'] else 'expires'} {value:%Y-%m-%d}" if value else "does not expire"
    return str(value)
