import os
import re
import sys
from argparse import REMAINDER
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import DatabaseError

from backups import borg, target
from backups.models import Repository
from borgui.accounts import audit
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused


class Command(BaseCommand):
    help = (
        "Run borg by hand with this repository's passphrase, keys, base directory and ssh. "
        "Write the repository as '::', for example: manage.py borg photos -- list ::"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repository", help="name or id")
        parser.add_argument("args", nargs=REMAINDER, metavar="-- ARGS")

    def handle(self, *args: str, **options: Any) -> None:
        try:
            where = target.of(Repository.objects.kept().named(options["repository"]))
            program = borg.find(settings.BORG)
        except Repository.DoesNotExist:
            raise Refused(f"There is no repository '{options['repository']}'.") from None
        except (borg.BorgUnavailable, target.PassphraseSealed) as problem:
            raise Refused(str(problem)) from None
        words = list(args[1:] if args[:1] == ("--",) else args)
        note(options["repository"], words)
        become(program, where, words)


def note(repository: str, words: list[str]) -> None:
    """Of the arguments borg's own command alone. A database that cannot be written is no reason to restore nothing."""
    command = next((word for word in words if re.fullmatch("[a-z][a-z-]{1,20}", word)), "")
    try:
        audit.record("borg called by hand", kind="repository", name=repository, after={"command": command})
    except DatabaseError as problem:
        sys.stderr.write(f"The audit log could not be written: {problem}\n")


def become(program: borg.Borg, where: borg.Target, words: list[str]) -> None:
    """Replace this process by borg, so that its exit code, terminal and signals are borg's own."""
    environment = {**borg.environment(program, where), "BORG_REPO": where.path}
    if term := os.environ.get("TERM"):
        environment["TERM"] = term
    if where.passphrase:
        reading, writing = os.pipe()
        os.write(writing, where.passphrase.encode() + b"\n")
        os.close(writing)
        os.set_inheritable(reading, True)
        environment["BORG_PASSPHRASE_FD"] = str(reading)
    sys.stdout.flush()
    os.execve(program.path, [program.path, *words], environment)
