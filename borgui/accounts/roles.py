"""Who may do what: four roles, each with the rights of the one before it.

Roles are Django groups, made by a migration. An administrator is also what Django calls a superuser; nobody else is.
Whoever may edit a script may run anything on this machine, so the step from operator to author is the one that counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import models


class Right(models.TextChoices):
    """One thing that is asked for by a page or an endpoint (`rights`), in words that complete 'the right to ...'."""

    SEE = "see", "see repositories, backups, schedules and their results"
    OUTPUT = "output", "read what scripts and borg printed"
    RUN = "run", "start and cancel backups and assigned scripts"
    AUTHOR = "author", "write and try scripts, and decide which script runs where"
    ADMINISTER = "administer", "set up repositories, schedules, notifications and people"


class Role(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    AUTHOR = "author", "Author"
    ADMINISTRATOR = "administrator", "Administrator"


RIGHTS: dict[str, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SEE, Right.OUTPUT}),
    Role.OPERATOR: frozenset({Right.SEE, Right.OUTPUT, Right.RUN}),
    Role.AUTHOR: frozenset({Right.SEE, Right.OUTPUT, Right.RUN, Right.AUTHOR}),
    Role.ADMINISTRATOR: frozenset(Right),
}


@dataclass(frozen=True)
class InWords:
    """A role as the page about people says it."""

    role: str
    name: str
    may: str
    may_not: str


IN_WORDS = [
    InWords(
        Role.VIEWER,
        "Viewer",
        "sees every repository, backup and result, and gets no button that changes anything",
        "start or stop anything",
    ),
    InWords(
        Role.OPERATOR,
        "Operator",
        "also starts and cancels backups, runs scripts that are assigned already with the values they have, and puts "
        "services right after a failure",
        "change a script, a schedule or a repository",
    ),
    InWords(
        Role.AUTHOR,
        "Author",
        "also writes and tries scripts and decides which runs around which backup: that is, may run any command on "
        "this machine",
        "see passphrases, change repositories, schedules, notifications or people",
    ),
    InWords(Role.ADMINISTRATOR, "Administrator", "does everything, also passphrases, keys, people and their roles", ""),
]


def rights_of(role: str, *, hides_output: bool = False) -> frozenset[Right]:
    """What somebody with this role may do; '' is nobody. `hides_output`: BORGUI_HIDE_OUTPUT, for viewers."""
    rights = RIGHTS.get(role, frozenset())
    return rights - {Right.OUTPUT} if hides_output and role == Role.VIEWER else rights


def highest(names: Iterable[str]) -> str:
    """The role that counts for somebody who is in these groups; '' where none is a role."""
    known = set(names)
    return next((role for role in reversed(Role) if role in known), "")


def roles_with(right: Right) -> list[Role]:
    """Those that have the right, the least first."""
    return [role for role in Role if right in RIGHTS[role]]
