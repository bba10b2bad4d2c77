"""What retention keeps of a repository's archives, and the confirmation that pruning needs where others were before us.

borg itself is asked, with the very command that prunes: what the preview says is what happens. Only archives that carry
the repository's own names are ever looked at (`archive_names`), and borg's reading of that is held against ours.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from django.conf import settings
from django.utils import timezone

from backups import borg
from backups.borg.calling import Running
from borgui.accounts import audit
from scripts_library.errors import Conflict, Invalid

from . import archive_names, target
from .archives import Archive
from .models import Repository
from .models.repository import DECIDES_WHAT_GOES, KEEPS
from .words import retention as words

LOOK = 120.0  # seconds that a look may take, besides waiting for the lock
KEEPS_NOTHING = "It would delete everything: say what to keep first."
UNCONFIRMED = (
    "This repository was there before. Look at the preview of what would be deleted, and confirm it; "
    "only then can old archives be deleted here."
)
CHANGED = "Meanwhile something else would be deleted than was shown: look again."


class Strange(Exception):
    """borg would look at other archives than those that are this repository's own: nothing may be pruned."""


@dataclass(frozen=True)
class Kept:
    archive: Archive
    fate: borg.Fate
    reason: str


@dataclass(frozen=True)
class Preview:
    """What pruning would do now; archives newest first. `others` carry other names and are never touched."""

    kept: tuple[Kept, ...]
    pruned: tuple[Archive, ...]
    others: tuple[Archive, ...]
    fingerprint: str

    @property
    def count(self) -> int:
        return len(self.kept) + len(self.pruned) + len(self.others)

    @property
    def sentence(self) -> str:
        return words.would_delete(len(self.pruned), self.count, self.pruned[-1].time if self.pruned else None)


def problem(repository: Repository) -> str:
    """Why this repository cannot prune as it stands, or ''."""
    if not repository.keeps_something:
        return KEEPS_NOTHING
    return "" if repository.may_prune else UNCONFIRMED


def keep_of(repository: Repository) -> borg.Keep:
    """Days and weeks are those of the zone in which times are said here."""
    counts = {name.removeprefix("keep_"): getattr(repository, name) for name in KEEPS}
    return borg.Keep(**counts, zone=timezone.get_current_timezone_name())


# --- looking ----------------------------------------------------------------------------------------------------------
def preview(repository: Repository) -> Preview:
    """Ask borg; nothing is changed. The repository need not be saved: numbers can be tried out.

    Raises Invalid where no rule keeps anything, Conflict with borg's reason, BorgUnavailable, PassphraseSealed.
    """
    if not repository.keeps_something:
        raise Invalid({"keep_daily": KEEPS_NOTHING})
    where = target.of(repository)
    try:
        return look(repository, timeout=LOOK + (where.lock_wait or 0))
    except Strange as reason:
        raise Conflict(str(reason)) from None


def look(repository: Repository, **running: Unpack[Running]) -> Preview:
    """The same, watched as the caller wants. Raises Conflict, Strange, BorgUnavailable, PassphraseSealed."""
    program, where = borg.find(settings.BORG), target.of(repository)
    pattern = archive_names.glob(repository)
    tried = _agreed(borg.prune(program, where, keep_of(repository), pattern, dry_run=True, **running))
    quiet: Running = {**running, "on_output": None}
    listed = _agreed(borg.list_archives(program, where, checkpoints=True, **quiet))
    return _preview(repository, tried.data, _archives(listed))


def would_go(repository: Repository, **running: Unpack[Running]) -> list[borg.Fate]:
    """What a job prunes: one call of borg instead of the two of `look`, for the list of what stays is not needed.

    Raises Conflict, Strange, BorgUnavailable, PassphraseSealed.
    """
    program, pattern = borg.find(settings.BORG), archive_names.glob(repository)
    tried = _agreed(borg.prune(program, target.of(repository), keep_of(repository), pattern, dry_run=True, **running))
    foreign = [fate.name for fate in tried.data if not archive_names.is_own(repository, fate.name)]
    if foreign:
        raise Strange(f"borg would look at '{foreign[0]}', which is no archive of this repository's own.")
    return [fate for fate in tried.data if not fate.stays]


def _agreed(answer: borg.Answer) -> borg.Answer:
    """Raises Conflict with the reason."""
    if answer.reason == "timed_out":
        raise Conflict(
            "borg is still reading this repository into its cache, which may take long the first time. "
            "It goes on from here: try again, or make the first backup."
        )
    if not answer.ok:
        raise Conflict(answer.sentence or answer.error or "borg refused, without saying why.")
    return answer


def _archives(answer: borg.Answer) -> list[Archive]:
    """The newest first."""
    entries = reversed((answer.data or {}).get("archives", []))
    found = [Archive(entry["name"], entry["id"], datetime.fromisoformat(entry["time"])) for entry in entries]
    return sorted(found, key=lambda archive: archive.time, reverse=True)


def _preview(repository: Repository, fates: Sequence[borg.Fate], listed: Sequence[Archive]) -> Preview:
    own = {archive.id for archive in listed if archive_names.is_own(repository, archive.name)}
    looked_at = {fate.id: fate for fate in fates}
    if own != looked_at.keys():
        raise Strange(
            f"borg would look at {len(looked_at)} archives, and {len(own)} are this repository's own. "
            "Nothing is deleted as long as that differs; if a backup has just ended, look again."
        )
    pruned = tuple(archive for archive in listed if archive.id in own and not looked_at[archive.id].stays)
    kept = [(archive, looked_at[archive.id]) for archive in listed if archive.id in own]
    return Preview(
        kept=tuple(Kept(one, fate, words.why_kept(fate, repository)) for one, fate in kept if fate.stays),
        pruned=pruned,
        others=tuple(archive for archive in listed if archive.id not in own),
        fingerprint=_fingerprint(repository, pruned),
    )


def _fingerprint(repository: Repository, pruned: Sequence[Archive]) -> str:
    """Of what would go, and by which rules."""
    facts = [_rules(repository), sorted(archive.id for archive in pruned)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _rules(repository: Repository) -> dict[str, Any]:
    return {name: getattr(repository, name) for name in sorted(DECIDES_WHAT_GOES)}


# --- confirming -------------------------------------------------------------------------------------------------------
def confirm(repository: Repository, fingerprint: str, now: datetime) -> None:
    """A person has seen the preview with this fingerprint, and agrees to it.

    Raises Conflict where it is another one by now, and what `preview` raises.
    """
    if preview(repository).fingerprint != fingerprint:
        raise Conflict(CHANGED, field="fingerprint")
    same = Repository.objects.kept().filter(pk=repository.pk, **_rules(repository))
    if not same.update(prune_confirmed_at=now):
        raise Conflict(CHANGED, field="fingerprint")
    repository.prune_confirmed_at = now
    audit.record("pruning confirmed", repository)
