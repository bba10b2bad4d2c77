"""The list of repositories: which of them needs somebody comes first. The number of queries does not grow with it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from scripts_library.models import Hook, RepositoryScript

from . import next_due, status, strips
from .models import BrokenPromise, Data, Repository, Services
from .next_due import Due

PAGE = 50
SHOWN = ("name", "path", "encryption", "kit_saved_at", "last_good_at", "stats")
_SERVICES: dict[str, int] = {Services.BROKEN_PROMISE: 0, Services.INTERRUPTED: 1}
_DATA: dict[str | None, int] = {Data.NONE: 2, None: 3, Data.GOOD_WITH_WARNINGS: 4}
FINE = 5


@dataclass(frozen=True)
class Entry:
    """A repository with both verdicts of its last backup."""

    repository: Repository
    data: str | None
    services: str

    @property
    def rank(self) -> int:
        """The lower the worse."""
        return min(_SERVICES.get(self.services, FINE), _DATA.get(self.data, FINE))

    @property
    def needs_attention(self) -> bool:
        return self.rank < _DATA[Data.GOOD_WITH_WARNINGS]

    def matches(self, words: str) -> bool:
        return words.casefold() in f"{self.repository.name}\n{self.repository.path}".casefold()


@dataclass(frozen=True)
class Row:
    """An entry with what is shown of it."""

    entry: Entry
    strip: strips.Strip
    scripts: str  # 2 + 3
    due: Due

    @property
    def octets(self) -> int | None:
        """What the repository takes on its disk, as borg told it last."""
        return (self.entry.repository.stats.get("repository") or {}).get("unique_csize")


def entries() -> list[Entry]:
    """All of them, the worst first."""
    broken = set(BrokenPromise.objects.open().values_list("repository_id", flat=True))
    found = [_entry(repository, broken) for repository in status.with_last_job().only(*SHOWN)]
    return sorted(found, key=lambda entry: (entry.rank, entry.repository.name.casefold()))


def _entry(repository: Repository, broken: Collection[int]) -> Entry:
    last: str = repository.last_services or Services.UNTOUCHED  # type: ignore[attr-defined]  # of with_last_job
    services = Services.BROKEN_PROMISE if repository.pk in broken else last
    return Entry(repository, repository.last_data, services)  # type: ignore[attr-defined]  # of with_last_job


def rows(shown: Collection[Entry], now: datetime) -> list[Row]:
    """What one page of the list shows."""
    ids = [entry.repository.pk for entry in shown]
    drawn, counted, due = strips.of_repositories(ids, now), _scripts(ids), next_due.of_repositories(ids, now)
    numbers = ((entry, entry.repository.pk) for entry in shown)
    return [Row(entry, drawn[pk], counted[pk], due[pk]) for entry, pk in numbers]


def _scripts(ids: Collection[int]) -> dict[int, str]:
    """How many scripts run before and after each backup."""
    enabled = RepositoryScript.objects.filter(repository__in=ids, enabled=True)
    counts = Counter(enabled.values_list("repository_id", "hook_type"))
    return {pk: f"{counts[pk, Hook.PRE]} + {counts[pk, Hook.POST]}" for pk in ids}
