"""A package that a program brings: nobody picks, so what is new is taken and what clashes is left (or renamed)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import lint, package, sharing
from .errors import Invalid
from .models import Script
from .sharing import Offer


@dataclass(frozen=True)
class Wanted:
    """`only`: the names that are asked for; None: all. `dry_run`: nothing is stored, but the texts are checked."""

    only: Sequence[str] | None = None
    rename: bool = False
    dry_run: bool = False


def arrive(raw: bytes, wanted: Wanted, *, user: Any = None) -> dict[str, Any]:
    """What became of every script of the package. Raises Invalid, Refused; then nothing was stored.

    `state`: "imported" (in a dry run "new"), "same" (the text is here) or "clash" (its name is taken); `as`: the name
    it has or would have here, "" where it is left out.
    """
    offers = _asked_for(sharing.review(package.read(raw)), wanted.only)
    taken = {offer.packed.name: offer for offer in offers if _is_taken(offer, wanted)}
    made: dict[str, Script] = {}
    if taken and not wanted.dry_run:
        scripts = sharing.take([(offer.free_name, offer.packed) for offer in taken.values()], user=user)
        made = dict(zip(taken, scripts, strict=True))
    entries = [_entry(offer, offer.packed.name in taken, made.get(offer.packed.name)) for offer in offers]
    if wanted.dry_run:
        for entry, offer in zip(entries, offers, strict=True):
            entry["findings"] = len(lint.check(offer.packed.content).findings)
    return {"scripts": entries}


def _asked_for(offers: list[Offer], only: Sequence[str] | None) -> list[Offer]:
    if only is None:
        return offers
    there = {offer.packed.name for offer in offers}
    if missing := [name for name in only if name not in there]:
        raise Invalid({"only": f"the package holds no script named {missing[0]!r}"})
    return [offer for offer in offers if offer.packed.name in only]


def _is_taken(offer: Offer, wanted: Wanted) -> bool:
    return offer.is_new or (wanted.rename and offer.clash is not None)


def _entry(offer: Offer, is_taken: bool, made: Script | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": offer.packed.name, "state": "clash", "as": "", "id": None}
    if made is not None:
        return {**entry, "state": "imported", "as": made.name, "id": made.pk}
    if is_taken:
        return {**entry, "state": "new", "as": offer.free_name}
    if offer.same is not None:
        return {**entry, "state": "same", "as": offer.same.name, "id": offer.same.pk}
    return entry
