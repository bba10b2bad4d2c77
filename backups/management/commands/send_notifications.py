"""manage.py send_notifications: send what waits to be sent (the worker starts it)."""

from typing import Any

from django.core.management.base import BaseCommand

from backups.notifications import sending


class Command(BaseCommand):
    help = "Send the notifications and pings that are due, and end."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if not sending.run():
            self.stdout.write("Another sender is at work.")
