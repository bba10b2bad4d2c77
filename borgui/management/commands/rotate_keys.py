"""A new encryption key; every stored secret is encrypted again under it, and the old key goes when nothing uses it."""

import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings

from borgui import rotation
from borgui.accounts import audit
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused

BY_HAND = (
    "The keys come from BORGUI_ENCRYPTION_KEYS, which this command cannot change. Put a new key in front of the others "
    "there (`manage.py rotate_keys --new-key` prints one), start borgui again, and call rotate_keys again."
)
REST = "Nothing is under the keys behind the first in BORGUI_ENCRYPTION_KEYS any more: take them out."


class Command(BaseCommand):
    help = (
        "Replace the encryption key and encrypt every stored secret again. Backups may run meanwhile. It may be stopped "
        "and called again at any time. Exit 1 where values were found that no key opens."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="only print a key, for BORGUI_ENCRYPTION_KEYS")
        parser.add_argument(
            "--settle", type=float, default=rotation.SETTLE, metavar="SECONDS",
            help="wait so long for writes that have begun, before the old key is removed (default: %(default)g)",
        )  # fmt: skip
        self.add_json(parser)

    def handle(self, *, new_key: bool, settle: float, json: bool, **options: Any) -> None:
        if new_key:
            key = Fernet.generate_key().decode()
            self.print_json({"key": key}) if json else self.stdout.write(key)
            return
        if not 0 <= settle <= 3600:
            raise Refused("--settle takes 0 to 3600 seconds.")
        report = self._rotate(settle)
        told = {"new key": report.new_key, "old key removed": report.removed, "encrypted again": report.changed}
        audit.record("encryption key rotated", after=told | {"cannot be opened": report.unreadable})
        self.print_json(asdict(report)) if json else self._tell(report)
        if report.unreadable:
            sys.exit(1)

    def _rotate(self, settle: float) -> rotation.Report:
        try:
            report = rotation.rotate(settle)
        except (rotation.KeyProblem, rotation.AtWork) as problem:
            raise Refused(str(problem)) from None
        if len(settings.ENCRYPTION_KEYS) == 1 and not report.changed:
            raise Refused(BY_HAND)
        return report

    def _tell(self, report: rotation.Report) -> None:
        if report.new_key:
            self.stdout.write(
                "There is a new key. Store it where the old one is stored: the emergency kits hold none of it."
            )
        self.stdout.write(f"{report.changed} stored values were encrypted again.")
        if report.removed:
            self.stdout.write("The old key is removed; older copies of the database still need it.")
        elif settings.ENCRYPTION_KEYS:
            self.stdout.write(REST)
        for entry in report.unreadable:
            self.stderr.write(f"No key here opens {entry}: enter that secret again.")
