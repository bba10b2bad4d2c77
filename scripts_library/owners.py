"""Around what scripts are attached: the backups of one repository, or all those of a maintenance window."""

from dataclasses import dataclass
from typing import Any, cast

from .models import Assignment, AssignmentQuerySet, RepositoryScript, WindowScript


@dataclass(frozen=True)
class Kind:
    """`model` holds the assignments, `column` names their owner; the others are its words in sentences."""

    model: type[Assignment]
    column: str
    word: str
    backup: str  # what runs between the two hooks
    every: str  # what `always` means here
    which: str  # stands before an outcome: after a backup that was ...


REPOSITORY = Kind(
    RepositoryScript, "repository_id", "repository", "the backup", "every backup", which="a backup that was"
)
WINDOW = Kind(
    WindowScript,
    "window_id",
    "window",
    "the backups",
    "the backups, whatever became of them",
    which="backups of which the worst was",
)


@dataclass(frozen=True)
class Owner:
    kind: Kind
    pk: int

    @property
    def entries(self) -> AssignmentQuerySet[Any]:
        """The assignments of both hooks."""
        return cast("AssignmentQuerySet[Any]", self.kind.model._default_manager.filter(**{self.kind.column: self.pk}))

    def of_hook(self, hook: str) -> AssignmentQuerySet[Any]:
        """The assignments of one hook in order, enabled or not."""
        return self.entries.filter(hook_type=hook).in_order()

    def new(self, **columns: Any) -> Any:
        """An assignment, not saved yet."""
        return self.kind.model(**{self.kind.column: self.pk}, **columns)


def repository(pk: int) -> Owner:
    return Owner(REPOSITORY, pk)


def window(pk: int) -> Owner:
    return Owner(WINDOW, pk)


def of(entry: Assignment) -> Owner:
    kind = WINDOW if isinstance(entry, WindowScript) else REPOSITORY
    return Owner(kind, getattr(entry, kind.column))


def named(owner: Owner | int) -> Owner:
    """A number is that of a repository."""
    return repository(owner) if isinstance(owner, int) else owner
