"""What django-axes' commands that forget wrong passwords have in common here: each leaves an entry in the audit log."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from borgui.accounts import audit


class Told(BaseCommand):
    """Before the command of axes among the bases. `names`: the options that say whose are forgotten."""

    names: tuple[str, ...] = ()

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        audit.record("wrong passwords forgotten", after={name: options[name] for name in self.names})
