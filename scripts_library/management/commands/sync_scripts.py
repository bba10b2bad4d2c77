from argparse import ArgumentParser
from typing import Any

from borgui.ansi import visible
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused
from scripts_library import folder
from scripts_library.store import StoreError

WORDS = {
    "new": "new",
    "changed": "changed outside",
    "renamed": "renamed",
    "missing": "missing",
    "unreadable": "cannot be read",
}


class Command(BaseCommand):
    help = (
        "Compare the library folder with the library: new, changed, renamed, missing files. Exit 1 if any is missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = folder.sync(dry_run=options["dry_run"])
        except StoreError as error:
            raise Refused(str(error)) from error
        if options["json"]:
            self.print_json(report.to_dict())
        else:
            self._tell(report)
        if report.missing:
            raise SystemExit(1)

    def _tell(self, report: folder.Report) -> None:
        found = report.to_dict()
        lines = [f"{WORDS[kind]}: {_line(entry)}" for kind in WORDS for entry in found[kind]]
        self.stdout.write("\n".join(lines or ["The folder and the library agree."]))
        if report.registered:
            self.stdout.write(f"{len(report.registered)} registered.")


def _line(entry: dict[str, Any]) -> str:
    name = f" ({entry['name']})" if "name" in entry else ""
    was = f", was {entry['was']}" if "was" in entry else ""
    problem = f": {entry['problem']}" if "problem" in entry else ""
    return visible(f"{entry['file_path']}{name}{was}{problem}")
