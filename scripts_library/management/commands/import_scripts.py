import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from borgui.commands import Command as BaseCommand
from borgui.commands import Refused as RefusedCommand
from scripts_library import arrival
from scripts_library.errors import Invalid, Refused
from scripts_library.tarball import LARGEST_FILE

WORDS = {"new": "new", "same": "here already", "clash": "name taken", "imported": "imported"}


class Command(BaseCommand):
    help = (
        "Take the scripts of a package into the library. None is replaced, and none runs before it is added to a "
        "repository. Exit 1 if any was left out because its name is taken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="the package, or - for standard input")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done, and what is found")
        parser.add_argument("--only", action="append", metavar="NAME", help="only the script of this name; repeatable")
        parser.add_argument("--rename", action="store_true", help="take what clashes too, with a number in its name")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = arrival.Wanted(only=options["only"], rename=options["rename"], dry_run=options["dry_run"])
        try:
            report = arrival.arrive(content_of(options["path"]), wanted)
        except Invalid as error:
            raise RefusedCommand(str(error)) from error
        except Refused as error:
            raise RefusedCommand(error.message) from error
        if options["json"]:
            self.print_json(report)
        else:
            self.stdout.write("\n".join(line(entry) for entry in report["scripts"]))
        if any(entry["state"] == "clash" for entry in report["scripts"]):
            raise SystemExit(1)


def content_of(path: str) -> bytes:
    """Not more of it than a package may have, and a byte. Raises RefusedCommand."""
    if path == "-":
        return sys.stdin.buffer.read(LARGEST_FILE + 1)
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise RefusedCommand(f"{path} cannot be read: {error.strerror or error}.") from error


def line(entry: dict[str, Any]) -> str:
    where = f" (as {entry['as']})" if entry["as"] not in ("", entry["name"]) else ""
    found = f"; {entry['findings']} found in its text" if entry.get("findings") else ""
    return f"{WORDS[entry['state']]}: {entry['name']}{where}{found}"
