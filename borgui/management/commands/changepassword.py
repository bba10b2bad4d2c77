"""Django's `changepassword`, which leaves an entry in the audit log here."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from borgui.accounts import audit
from borgui.accounts.models import User


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        """Asks at the terminal, so it is no transaction: nothing is locked meanwhile."""
        told: str | None = super().handle(*args, **options)
        user = User.objects.get(username=options["username"] or getpass.getuser())
        audit.record("password changed", user)
        return told
