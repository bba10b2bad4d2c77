"""What runs around the backups of one repository, as its page shows it: two lanes, seen under one outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import inline
from .facts import InlineText, RepositoryFacts
from .models import Hook, Outcome, RepositoryScript, Script
from .preview import Entry, preview

OFFERED = 100  # scripts to choose from on one page
LANES = {Hook.PRE: ("pre_backup", "Before the backup"), Hook.POST: ("post_backup", "After the backup")}
OUTCOMES = {
    Outcome.SUCCESS: "good",
    Outcome.WARNING: "good, with warnings",
    Outcome.FAILURE: "failed",
    Outcome.SKIPPED: "skipped",
    Outcome.CANCELLED: "cancelled",
}
NOTHING_AFTER = {
    Outcome.FAILURE: "After a failed backup no post-backup script runs.",
    Outcome.CANCELLED: "After a cancelled backup no post-backup script runs.",
}


@dataclass(frozen=True)
class Card:
    """One link of the chain. An inline text has no assignment."""

    entry: Entry
    assignment: RepositoryScript | None
    is_first: bool
    is_last: bool

    @property
    def is_undeclared(self) -> bool:
        """A post-backup script that nobody has told when to run."""
        one = self.assignment
        return bool(one and one.hook_type == Hook.POST and not one.custom_run_on and not one.script.run_on_declared)


@dataclass(frozen=True)
class Lane:
    hook: str
    title: str
    cards: list[Card]
    inline: InlineText | None  # an old text of this hook, in force or dormant
    is_dormant: bool
    remark: str


def of(facts: RepositoryFacts, outcome: str) -> list[Lane]:
    """Both lanes. Looks at the files of the scripts, as a plan does."""
    found = preview(facts)[outcome]
    assigned = {one.pk: one for one in assignments_of(facts)}
    return [lane(facts, hook, found[key], assigned, outcome) for hook, (key, _) in LANES.items()]


def assignments_of(facts: RepositoryFacts) -> Sequence[RepositoryScript]:
    return list(RepositoryScript.objects.filter(repository_id=facts.id or 0).select_related("script"))


def lane(
    facts: RepositoryFacts, hook: str, entries: list[Entry], assigned: Mapping[int, RepositoryScript], outcome: str
) -> Lane:
    old = facts.inline(hook)
    movable = [entry.assignment_id for entry in entries if entry.assignment_id]
    cards = [
        Card(
            entry=entry,
            assignment=assigned.get(entry.assignment_id or 0),
            is_first=entry.assignment_id == (movable[0] if movable else None),
            is_last=entry.assignment_id == (movable[-1] if movable else None),
        )
        for entry in entries
    ]
    nothing = hook == Hook.POST and cards and not any(card.entry.runs for card in cards)
    return Lane(
        hook=hook,
        title=LANES[Hook(hook)][1],
        cards=cards,
        inline=old if old.text.strip() else None,
        is_dormant=inline.is_dormant(facts, hook),
        remark=NOTHING_AFTER.get(Outcome(outcome), "") if nothing else "",
    )


def moved(ids: Sequence[int], pk: int, step: int) -> list[int]:
    """The order with one moved by a step up (-1) or down (+1); at the end nothing moves."""
    order = list(ids)
    at = order.index(pk)
    to = min(max(at + step, 0), len(order) - 1)
    order.insert(to, order.pop(at))
    return order


def assignable(repository_id: int, hook: str, search: str = "") -> tuple[list[Script], int]:
    """The scripts that may be added to a hook, by name, and how many more there are: made for it, and not there yet."""
    there = RepositoryScript.objects.filter(repository_id=repository_id, hook_type=hook).values("script_id")
    rows = Script.objects.kept().exclude(pk__in=there).order_by("name")
    if search:
        rows = rows.filter(name__icontains=search)
    found = [script for script in rows.defer("parameters") if not script.hooks or hook in script.hooks]
    return found[:OFFERED], len(found[OFFERED:])
