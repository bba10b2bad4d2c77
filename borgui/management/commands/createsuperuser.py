"""Django's `createsuperuser`, which leaves an entry in the audit log here: it makes an administrator."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from borgui.accounts import audit, setup
from borgui.accounts.models import User


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Asks at the terminal, so it is no transaction: nothing is locked meanwhile."""
        before = set(User.objects.values_list("pk", flat=True))
        super().handle(*args, **options)
        for user in User.objects.filter(is_superuser=True).exclude(pk__in=before):
            audit.record("account added", user, after=setup.ADMINISTRATOR)
