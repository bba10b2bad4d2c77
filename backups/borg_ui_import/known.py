"""What is here already: what an earlier import made, and the names and places that are taken."""

from dataclasses import dataclass, field
from typing import Any

from backups.models import ImportedRow, Repository, ScheduledJob
from scripts_library.models import RepositoryScript, Script

MODELS: dict[str, Any] = {
    ImportedRow.Kind.REPOSITORY: Repository.objects.kept,
    ImportedRow.Kind.SCRIPT: Script.objects.kept,
    ImportedRow.Kind.ASSIGNMENT: RepositoryScript.objects.all,
    ImportedRow.Kind.SCHEDULE: ScheduledJob.objects.all,
}


@dataclass
class Known:
    """`here`: from the origin of a row to the id of what it became, as long as that is here."""

    here: dict[str, int] = field(default_factory=dict)
    repositories: dict[int, str] = field(default_factory=dict)  # names by id
    scripts: dict[int, str] = field(default_factory=dict)
    schedules: dict[int, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)  # ids of repositories by path
    taken: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def now(cls) -> "Known":
        known = cls()
        for kind, rows in MODELS.items():
            ids = set(rows().values_list("pk", flat=True))
            found = ImportedRow.objects.filter(kind=kind).values_list("origin", "here_id")
            known.here.update((origin, pk) for origin, pk in found if pk is not None and pk in ids)
        known.repositories = dict(Repository.objects.kept().values_list("pk", "name"))
        known.places = dict(Repository.objects.kept().values_list("path", "pk"))
        known.scripts = dict(Script.objects.kept().values_list("pk", "name"))
        known.schedules = dict(ScheduledJob.objects.values_list("pk", "name"))
        known.taken = {
            "repository": set(known.repositories.values()),
            "script": set(known.scripts.values()),
            "schedule": set(known.schedules.values()),
        }
        return known

    def free(self, kind: str, wanted: str, longest: int) -> str:
        """The name, with a number where it is taken; from now on it is."""
        name, number = wanted[:longest].strip(), 1
        while name in self.taken[kind]:
            number += 1
            name = f"{wanted[: longest - 8].strip()} ({number})"
        self.taken[kind].add(name)
        return name


def plain(name: str) -> str:
    """A name in one line, as every kind of row here may have it."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in name).split()).replace("::", ":")
