"""What our management commands share: refused work and bad usage exit 64, `--json` prints one thing on standard output."""

import json
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

USAGE = 64


class Refused(CommandError):
    """Bad usage, an unknown name, refused work: one line on standard error, exit code 64, nothing changed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=USAGE)


class Parser(CommandParser):
    """argparse would exit 2, which means 'the backup failed' here."""

    def error(self, message: str) -> NoReturn:
        if self.called_from_command_line:
            self.print_usage(sys.stderr)
            self.exit(USAGE, f"{self.prog}: {message}\n")
        raise Refused(message)


class Command(BaseCommand):
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Django names its parser class in `create_parser`; ours keeps everything but the exit code of an error."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.__class__ = Parser
        return parser

    def add_json(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON value on standard output")

    def print_json(self, value: object) -> None:
        self.stdout.write(json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False))
