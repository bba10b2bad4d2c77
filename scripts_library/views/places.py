"""Around what a page shows scripts: who owns them, what that is called, and where the pages about them are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from backups import access as backups_access
from backups import facts, window_story
from backups.models import MaintenanceWindow, Repository
from scripts_library import lanes, owners
from scripts_library.facts import RepositoryFacts
from scripts_library.lanes import Board
from scripts_library.models import Assignment
from scripts_library.owners import Owner

AROUND_ONE = (
    "What runs around a backup of this repository, in this order. A script after the backup always gets its chance, "
    "whatever failed before."
)


AROUND_ALL = (
    "What runs once before and once after all backups of this window, in this order. A script after them always gets its "
    "chance, whatever became of the backups. After a good backup means here: after backups that were all good."
)


@dataclass(frozen=True)
class Place:
    """`base` is the template of its pages, `between` that of the lane in the middle; `urls`: names of addresses."""

    owner: Owner
    row: Repository | MaintenanceWindow
    board: Callable[[str], Board]  # under an outcome
    facts: RepositoryFacts | None  # what a script that is run alone is told; None: sample values
    base: str
    between: str
    urls: Mapping[str, str]
    sentence: str
    repositories: Sequence[Repository] = ()  # of a window

    @property
    def word(self) -> str:
        return self.owner.kind.word

    @property
    def pk(self) -> int:
        return self.row.pk

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def backup(self) -> str:
        return self.owner.kind.backup

    @property
    def which(self) -> str:
        return self.owner.kind.which

    def context(self, **others: Any) -> dict[str, Any]:
        """What every template about it needs; its base knows it as a `repository`."""
        return {"place": self, self.word: self.row, **others}


def addresses(board: str, picker: str, one: str) -> dict[str, str]:
    """By what templates call them."""
    of_one = ("move", "switch", "remove", "run", "new", "order", "drop")
    return {"board": board, "picker": picker, "one": one, **{word: f"{one}-{word}" for word in of_one}}


URLS = {
    "repository": addresses("repository-scripts", "script-picker", "assignment"),
    "window": addresses("window-scripts", "window-script-picker", "window-script"),
}


def of_repository(pk: int) -> Place:
    row = backups_access.repository(pk)
    around = facts.of(row)
    return Place(
        owner=owners.repository(pk),
        row=row,
        board=partial(lanes.of, around),
        facts=around,
        base="repositories/base.html",
        between="repositories/_borg_lane.html",
        urls=URLS["repository"],
        sentence=AROUND_ONE,
    )


def of_window(pk: int) -> Place:
    row = backups_access.window(pk)
    return Place(
        owner=owners.window(pk),
        row=row,
        board=partial(lanes.of_window, row.pk, row.name),
        facts=None,
        base="windows/base.html",
        between="windows/_backups_lane.html",
        urls=URLS["window"],
        sentence=AROUND_ALL,
        repositories=window_story.members_of([pk])[pk],
    )


FINDERS: dict[str, Callable[[int], Place]] = {"repository": of_repository, "window": of_window}


def find(kind: str, pk: int) -> Place:
    """Raises Http404."""
    return FINDERS[kind](pk)


def of(entry: Assignment) -> Place:
    owner = owners.of(entry)
    return find(owner.kind.word, owner.pk)
