from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from backups import inline_migration, inline_undo
from backups.models import Repository
from borgui.commands import Command as BaseCommand
from borgui.commands import Refused as RefusedCommand
from scripts_library.errors import Refused

WHERE = {"pre-backup": "before", "post-backup": "after"}


class Command(BaseCommand):
    help = (
        "Make scripts of the library of the old inline texts of repositories; what runs stays the same, and the old "
        "texts stay to go back to. Exit 1 if any could not be moved."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument("--undo", action="store_true", help="go back to the old texts")
        parser.add_argument("--repository", metavar="NAME", help="this one alone: name or id")
        self.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        act = undo if options["undo"] else migrate
        try:
            report = act(chosen(options["repository"]), options["dry_run"])
        except Refused as error:
            raise RefusedCommand(error.message) from error
        if options["json"]:
            self.print_json(report)
        else:
            self.stdout.write("\n".join(lines(report, options["dry_run"])))
        if report["left"]:
            raise SystemExit(1)


def chosen(name: str | None) -> Iterable[Repository]:
    rows = Repository.objects.kept().order_by("name", "pk")
    if name is None:
        return rows
    try:
        return [rows.named(name)]
    except Repository.DoesNotExist:
        raise RefusedCommand(f"There is no repository '{name}'.") from None


def migrate(repositories: Iterable[Repository], dry_run: bool) -> dict[str, Any]:
    if dry_run:
        plan = inline_migration.plan(repositories)
        entries, left = [inline_migration.told(move) for move in plan.moves], list(plan.left)
    else:
        moved, left = inline_migration.carry_out(repositories)
        entries = [inline_migration.told(one.move, one.entry.script, one.entry.enabled) for one in moved]
    return {"migrated": entries, "left": inline_migration.left_behind(left)}


def undo(repositories: Iterable[Repository], dry_run: bool) -> dict[str, Any]:
    if dry_run:
        back, left = inline_undo.plan(repositories)
        gone: list[str] = []
    else:
        back, left, gone = inline_undo.carry_out(repositories)
    entries = [{**inline_migration.place(one.repository, one.hook), "script": one.entry.script.name} for one in back]
    return {"undone": entries, "removed_scripts": gone, "left": inline_migration.left_behind(left)}


def lines(report: dict[str, Any], dry_run: bool) -> Iterable[str]:
    would = "would be " if dry_run else ""
    for one in report.get("migrated", ()):
        off = "" if one["enabled"] else " (switched off, as it did not run)"
        yield f"{one['repository']}, {WHERE[one['hook']]} the backup: {would}moved to '{one['script']}'{off}"
    for one in report.get("undone", ()):
        yield f"{one['repository']}, {WHERE[one['hook']]} the backup: {would}the old text again, not '{one['script']}'"
    for name in report.get("removed_scripts", ()):
        yield f"removed from the library: '{name}'"
    for one in report["left"]:
        yield f"{one['repository']}, {WHERE[one['hook']]} the backup: stays as it is. {one['reason']}"
    if not any(report.values()):
        yield "There is nothing to do."
