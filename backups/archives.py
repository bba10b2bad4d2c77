"""The archives of a repository, asked of borg; and its lock, taken away when a person says so."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from backups import borg
from borgui.accounts import audit
from scripts_library.errors import Conflict

from . import target
from .models import Repository


@dataclass(frozen=True)
class Archive:
    name: str
    id: str
    time: datetime  # when it was finished


def newest_first(repository: Repository) -> list[Archive]:
    """What borg lists now. Raises Conflict with borg's reason, BorgUnavailable, PassphraseSealed."""
    answer = _agreed(borg.list_archives(borg.find(settings.BORG), target.of(repository)))
    listed = (answer.data or {}).get("archives", [])
    found = [_archive(entry) for entry in reversed(listed)]  # borg's order decides between two of the same second
    return sorted(found, key=lambda entry: entry.time, reverse=True)


def _archive(entry: dict[str, Any]) -> Archive:
    """borg runs with TZ=UTC and tells times without an offset."""
    moment = datetime.fromisoformat(entry["time"])
    return Archive(name=entry["name"], id=entry["id"], time=moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def break_lock(repository: Repository) -> None:
    """Remove the lock of another borg. Raises Conflict, also while a backup of ours runs: that lock is not foreign."""
    if repository.jobs.running().exists():
        raise Conflict(f"A backup of '{repository.name}' is running here and holds the lock: cancel it instead.")
    _agreed(borg.break_lock(borg.find(settings.BORG), target.of(repository)))
    audit.record("lock broken", repository)


def _agreed(answer: borg.Answer) -> borg.Answer:
    if not answer.ok:
        raise Conflict(answer.sentence or answer.error or answer.reason or "borg refused, without saying why.")
    return answer
