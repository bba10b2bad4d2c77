from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from backups.borg_ui_import import applying, planning, reading
from backups.borg_ui_import.books import LeftOut
from backups.borg_ui_import.planned import Plan, Repository
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused

NEXT = """
What to do next:
- Test each repository in its settings, and make a first backup of it.
- Look at what runs around it on its page Scripts.
- Stop the schedules of Borg Web UI, then resume those here."""


class Command(BaseCommand):
    help = (
        "Bring in repositories, scripts, schedules and keys of a Borg Web UI. Its files are only read. "
        "Exit 1 if anything was left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", help="its data folder, or its borg.db")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--key-file", help="the file .secret_key, where it is not beside the database")
        parser.add_argument("--replace", metavar="THERE=HERE", help="how paths begin there and here: /local=/")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            secret = _secret(options["key_file"])
            if not options["dry_run"]:
                applying.undo_unfinished()
            moved = reading.Moved.said(*(options["replace"] or "=").partition("=")[::2])
            installation = reading.read(Path(options["path"]), secret, moved)
            plan = planning.of(installation) if options["dry_run"] else applying.run(installation)
        except (reading.CannotRead, applying.NotImported) as reason:
            raise Refused(str(reason)) from reason
        if options["json"]:
            self.print_json({**plan.to_dict(), "dry_run": options["dry_run"]})
        else:
            self._tell(plan, options["dry_run"])
        if plan.books.left_out:
            raise SystemExit(1)

    def _tell(self, plan: Plan, dry_run: bool) -> None:
        write = self.stdout.write
        for repository in plan.repositories:
            write(_repository(repository))
            self._list(repository.warnings)
        self._section("Scripts", [one.name for one in plan.new_scripts])
        self._section("Schedules, paused", [f"{one.name}: {one.in_words}" for one in plan.new_schedules])
        self._section("Keys of ssh", [one.name for one in plan.new_keys])
        self._section("Here already", plan.there_already)
        self._section("Passphrases that could not be read", [one.name for one in plan.asks_for])
        self._section(
            "Left out",
            [_left_out(one) for one in plan.books.left_out],
        )
        self._section(
            "Differences you will notice",
            [f"{one.about}: {one.text}" if one.about else one.text for one in plan.differences],
        )
        self._section("One window", plan.together)
        if dry_run:
            write("\nNothing was changed: this is what an import would do.")
        elif plan.adds_something:
            write(NEXT)
        else:
            write("\nNothing was added.")

    def _section(self, title: str, lines: list[str]) -> None:
        if lines:
            self.stdout.write(f"\n{title}:")
            self._list(lines)

    def _list(self, lines: list[str]) -> None:
        for line in lines:
            self.stdout.write(f"  - {line}")


def _repository(repository: Repository) -> str:
    count = f"{repository.scripts_before} + {repository.scripts_after} scripts"
    here = "here already" if repository.here is not None else count
    return f"{repository.name}  {repository.path}  ({here})"


def _left_out(one: LeftOut) -> str:
    count = f" ({one.count} rows)" if one.id is None else ""
    return f"{one.name}{count}: {one.reason}"


def _secret(path: str | None) -> str:
    """Raises Refused."""
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise Refused(f"The key file {path} cannot be read: {error}.") from error
