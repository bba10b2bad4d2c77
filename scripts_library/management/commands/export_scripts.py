import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from borgui.commands import Command as BaseCommand
from borgui.commands import Refused as RefusedCommand
from scripts_library import sharing
from scripts_library.errors import Refused
from scripts_library.models import Script


class Command(BaseCommand):
    help = "Write scripts with their settings into a package (.tar.gz), without secrets. Without names: all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="the file to write, or - for standard output; one that is there is replaced")
        parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="name or id")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["path"] == "-" and options["json"]:
            raise RefusedCommand("The package and --json cannot both go to standard output.")
        scripts = [named(name) for name in options["scripts"]] or list(Script.objects.kept())
        try:
            packed = sharing.export(dict.fromkeys(scripts))
        except Refused as error:
            raise RefusedCommand(error.message) from error
        if options["path"] == "-":
            sys.stdout.buffer.write(packed)
            return
        write(Path(options["path"]), packed)
        names = sorted({script.name for script in scripts})
        if options["json"]:
            self.print_json({"path": options["path"], "bytes": len(packed), "scripts": names})
        else:
            self.stdout.write(f"{len(names)} in {options['path']}: {', '.join(names)}")


def named(name: str) -> Script:
    """By name, else by id. Raises RefusedCommand."""
    rows = Script.objects.kept()
    found = rows.filter(name=name).first()
    if found is None and name.isdecimal() and len(name) < 19:
        found = rows.filter(pk=int(name)).first()
    if found is None:
        raise RefusedCommand(f"There is no script '{name}'.")
    return found


def write(path: Path, packed: bytes) -> None:
    """Whole or not at all. Raises RefusedCommand."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.write_bytes(packed)
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise RefusedCommand(f"{path} cannot be written: {error.strerror or error}.") from error
