"""What runs around the backups of one owner, as its page shows it: two lanes, seen under one outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import QuerySet

from . import foreseen, inline, owners
from .facts import InlineText, RepositoryFacts
from .foreseen import Foreseen
from .models import Assignment, Hook, Outcome, Script
from .owners import Kind, Owner
from .preview import Entry, preview, preview_of_window

OFFERED = 100  # scripts to choose from on one page
AT_HAND = 12  # of them beside the lanes, to be dragged
LANES = {Hook.PRE: ("pre_backup", "before"), Hook.POST: ("post_backup", "after")}
OUTCOMES = {
    Outcome.SUCCESS: "good",
    Outcome.WARNING: "good, with warnings",
    Outcome.FAILURE: "failed",
    Outcome.SKIPPED: "skipped",
    Outcome.CANCELLED: "cancelled",
}
NOTHING_AFTER = {
    Outcome.FAILURE: foreseen.NOTHING_AFTER_FAILURE,
    Outcome.CANCELLED: "After a cancelled backup no post-backup script runs.",
}


@dataclass(frozen=True)
class Card:
    """One link of the chain. An inline text has no assignment."""

    entry: Entry
    assignment: Assignment | None
    is_first: bool
    is_last: bool

    @property
    def is_undeclared(self) -> bool:
        """A post-backup script that nobody has told when to run."""
        return bool(self.assignment and foreseen.is_undeclared(self.assignment))

    @property
    def stops(self) -> str:
        """What a run of it alone really interrupts, with nothing to start it again where it is a pre-backup script."""
        return self.entry.interrupts


@dataclass(frozen=True)
class Lane:
    hook: str
    title: str
    cards: list[Card]
    inline: InlineText | None  # an old text of this hook, in force or dormant
    is_dormant: bool
    remark: str

    @property
    def known(self) -> str:
        """The order that is shown, as the forms send it back."""
        return ",".join(str(card.assignment.pk) for card in self.cards if card.assignment)


@dataclass(frozen=True)
class Board:
    """All that stands around the backups of one owner."""

    lanes: list[Lane]
    problems: list[Foreseen]


def of(facts: RepositoryFacts, outcome: str) -> Board:
    """Looks at the files of the scripts, as a plan does."""
    return board(owners.repository(facts.id or 0), preview(facts), outcome, facts)


def of_window(window_id: int, name: str, outcome: str) -> Board:
    """The same of a maintenance window; the outcome is the worst of its backups."""
    return board(owners.window(window_id), preview_of_window(window_id, name), outcome)


def board(
    owner: Owner, found: Mapping[str, Mapping[str, list[Entry]]], outcome: str, facts: RepositoryFacts | None = None
) -> Board:
    """`found`: what would run under each outcome. `facts`: of a repository, for its old inline texts."""
    assigned = {one.pk: one for one in owner.entries.select_related("script")}
    shown = found[outcome]
    return Board(
        lanes=[lane(owner.kind, hook, shown[key], assigned, outcome, facts) for hook, (key, _) in LANES.items()],
        problems=foreseen.of(
            [entry for entries in shown.values() for entry in entries],
            found[Outcome.FAILURE]["post_backup"],
            assigned.values(),
        ),
    )


def lane(
    kind: Kind,
    hook: str,
    entries: list[Entry],
    assigned: Mapping[int, Assignment],
    outcome: str,
    facts: RepositoryFacts | None,
) -> Lane:
    old = facts.inline(hook) if facts else InlineText()
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
        title=f"{LANES[Hook(hook)][1].capitalize()} {kind.backup}",
        cards=cards,
        inline=old if old.text.strip() else None,
        is_dormant=facts is not None and inline.is_dormant(facts, hook),
        remark=NOTHING_AFTER.get(Outcome(outcome), "") if nothing else "",
    )


def moved(ids: Sequence[int], pk: int, step: int) -> list[int]:
    """The order with one moved by a step up (-1) or down (+1); at the end nothing moves."""
    order = list(ids)
    at = order.index(pk)
    to = min(max(at + step, 0), len(order) - 1)
    order.insert(to, order.pop(at))
    return order


def place_of(entry: Assignment) -> str:
    """Where it stands now, in words."""
    owner = owners.of(entry)
    ids = list(owner.of_hook(entry.hook_type).values_list("pk", flat=True))
    return f"{ids.index(entry.pk) + 1} of {len(ids)} {LANES[Hook(entry.hook_type)][1]} {owner.kind.backup}"


# --- scripts that may be added ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Offer:
    """A script of the library and the hooks of this owner where it may be added."""

    script: Script
    hooks: list[str]


def assignable(owner: Owner, hook: str, search: str = "") -> tuple[list[Script], int]:
    """The scripts that may be added to a hook, by name, and how many more there are: made for it, and not there yet."""
    there = owner.entries.filter(hook_type=hook).values("script_id")
    found = [one for one in named(search).exclude(pk__in=there) if fits(one, hook)]
    return found[:OFFERED], len(found[OFFERED:])


def at_hand(owner: Owner, search: str = "") -> tuple[list[Offer], bool]:
    """The first scripts to be dragged into a lane, and whether there are more. Reads no more of the library than that."""
    taken = set(owner.entries.values_list("script_id", "hook_type"))
    offers = (
        Offer(one, [hook for hook in Hook.values if fits(one, hook) and (one.pk, hook) not in taken])
        for one in named(search).defer("parameters", "description").iterator(chunk_size=AT_HAND * 2)
    )
    found = list(islice((offer for offer in offers if offer.hooks), AT_HAND + 1))
    return found[:AT_HAND], len(found) > AT_HAND


def named(search: str) -> QuerySet[Script]:
    rows = Script.objects.kept().defer("parameters").order_by("name")
    return rows.filter(name__icontains=search) if search else rows


def fits(script: Script, hook: str) -> bool:
    return not script.hooks or hook in script.hooks
