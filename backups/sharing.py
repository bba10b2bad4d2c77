"""Repositories that stop the same things one after another: a maintenance window would interrupt once instead.

What is stopped is known from what scripts declare (`interrupts`, parameters filled in). A script that declares nothing is
taken to stop something where it runs before the backup and another one of the same two repositories, with `always` or
`failure`, after it: both with the same content and parameters.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count

from borgui.accounts import audit
from scripts_library import assignments, copying, links, owners, parameters
from scripts_library.manifest import Manifest
from scripts_library.models import Hook, RepositoryScript, RunOn

from .models import DismissedHint, MaintenanceWindow, Repository, ScheduledRepository

LOOKED_AT = 400  # assignments; a hint need not be complete
SHOWN = 2
PROMISES = (RunOn.ALWAYS, RunOn.FAILURE)
DECLARED, ALIKE = "declared", "alike"


@dataclass(frozen=True)
class Thing:
    """`kind` says whether a script declares it, or two of the same content are all that is known; `name` is shown."""

    kind: str
    mark: str
    name: str = field(compare=False)


@dataclass(frozen=True)
class Suggestion:
    """`window` holds some of the repositories already; `outside` are those that it does not."""

    things: tuple[str, ...]
    repositories: tuple[Repository, ...]
    window: MaintenanceWindow | None = None
    outside: tuple[Repository, ...] = ()

    @property
    def key(self) -> str:
        """The same as long as the same repositories stop the same things."""
        text = json.dumps([sorted(one.pk for one in self.repositories), sorted(self.things)])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def number(self) -> str:
        """Of interruptions without a window, in a word where there is one."""
        count = len(self.repositories)
        return {2: "two", 3: "three", 4: "four", 5: "five"}.get(count, str(count))

    @property
    def query(self) -> str:
        """For the form that makes the window."""
        ids = "&".join(f"repositories={one.pk}" for one in self.repositories)
        return f"{ids}&scripts_of={self.repositories[0].pk}"

    @property
    def query_to_add(self) -> str:
        return "&".join(f"add={one.pk}" for one in self.outside)


# --- what is stopped by whom ------------------------------------------------------------------------------------------
def things_of(entries: Iterable[RepositoryScript]) -> dict[int, dict[Thing, list[RepositoryScript]]]:
    """By repository, what its enabled scripts stop, each with those that stop and start it."""
    found: dict[int, dict[Thing, list[RepositoryScript]]] = defaultdict(lambda: defaultdict(list))
    alike: dict[int, dict[Thing, list[RepositoryScript]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        thing = thing_of(entry)
        known = found if thing.kind == DECLARED else alike
        known[entry.repository_id][thing].append(entry)
    for repository_id, others in alike.items():
        if any(is_promise(one) for some in others.values() for one in some):
            found[repository_id] |= others
    return {pk: dict(things) for pk, things in found.items()}


def is_promise(entry: RepositoryScript) -> bool:
    return entry.hook_type == Hook.POST and entry.run_on in PROMISES


def thing_of(entry: RepositoryScript) -> Thing:
    manifest = Manifest.from_dict(entry.script.manifest)
    resolved = parameters.resolve(manifest.parameters, entry.script.parameters, entry.parameters, source_paths=None)
    if text := links.interrupted(manifest, resolved.values, resolved.secret_names):
        return Thing(DECLARED, text, text)
    values = json.dumps(resolved.values, sort_keys=True)
    mark = hashlib.sha256(f"{entry.script.sha256} {values} {entry.hook_type}".encode()).hexdigest()
    return Thing(ALIKE, mark, f"'{entry.script.name}'")


# --- what is suggested ------------------------------------------------------------------------------------------------
def suggestions() -> list[Suggestion]:
    """Nothing that somebody does not want to hear again. The number of queries does not grow."""
    by_thing: dict[Thing, set[int]] = defaultdict(set)
    for repository_id, things in things_of(shared_entries()).items():
        for thing, entries in things.items():
            if any(one.hook_type == Hook.PRE for one in entries):
                by_thing[thing].add(repository_id)
    groups: dict[frozenset[int], list[str]] = defaultdict(list)
    for thing, ids in by_thing.items():
        if len(ids) > 1:
            groups[frozenset(ids)].append(thing.name)
    largest = [ids for ids in groups if not any(ids < other for other in groups)]
    return chosen(largest, groups) if largest else []


def shared_entries() -> list[RepositoryScript]:
    """The assignments of scripts whose text stands in more than one repository, both hooks."""
    entries = RepositoryScript.objects.filter(enabled=True, repository__deleted_at=None)
    shared = entries.order_by().values("script__sha256").annotate(users=Count("repository", distinct=True))
    texts = shared.filter(users__gt=1).values("script__sha256")
    return list(entries.filter(script__sha256__in=texts).select_related("script").order_by("id")[:LOOKED_AT])


def chosen(groups: Collection[frozenset[int]], things: dict[frozenset[int], list[str]]) -> list[Suggestion]:
    every = {pk for ids in groups for pk in ids}
    named = {one.pk: one for one in Repository.objects.filter(pk__in=every).only("name").order_by("name")}
    inside = windows_of(every)
    dismissed = set(DismissedHint.objects.values_list("key", flat=True))
    found = [suggestion([one for pk, one in named.items() if pk in ids], things[ids], inside) for ids in groups]
    wanted = [one for one in found if one and one.key not in dismissed]
    return sorted(wanted, key=lambda one: (-len(one.repositories), one.things))[:SHOWN]


def suggestion(
    repositories: Sequence[Repository], things: Sequence[str], inside: dict[int, dict[int, MaintenanceWindow]]
) -> Suggestion | None:
    """None where all of them are in one window already."""
    windows = {pk: window for one in repositories for pk, window in inside.get(one.pk, {}).items()}
    held = {pk: [one for one in repositories if pk in inside.get(one.pk, {})] for pk in windows}
    best = max(held, key=lambda pk: len(held[pk]), default=None)
    if best is None:
        return Suggestion(tuple(things), tuple(repositories))
    outside = tuple(one for one in repositories if one not in held[best])
    return Suggestion(tuple(things), tuple(repositories), windows[best], outside) if outside else None


def windows_of(repository_ids: Collection[int]) -> dict[int, dict[int, MaintenanceWindow]]:
    """By repository, the windows in which it is backed up."""
    rows = ScheduledRepository.objects.filter(
        repository__in=repository_ids, scheduled_job__maintenance_window__isnull=False
    )
    found: dict[int, dict[int, MaintenanceWindow]] = defaultdict(dict)
    for row in rows.select_related("scheduled_job__maintenance_window").order_by("id"):
        if window := row.scheduled_job.maintenance_window:
            found[row.repository_id][window.pk] = window
    return found


def dismiss(key: str) -> None:
    """It is not shown again as long as the same repositories stop the same things."""
    with transaction.atomic():
        hint, is_new = DismissedHint.objects.get_or_create(key=key[:64])
        if is_new:
            audit.record("suggestion dismissed", hint)


# --- the scripts that go along ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Moved:
    """The scripts of one repository that stop and start what it shares with others.

    `undeclared` do not say what they interrupt, so the window cannot hold them back: they are switched off there.
    """

    repository: Repository
    entries: tuple[RepositoryScript, ...]
    undeclared: tuple[RepositoryScript, ...]


def moved(repository: Repository) -> Moved | None:
    """None where it stops nothing."""
    own = RepositoryScript.objects.filter(repository=repository, enabled=True).select_related("script").in_order()
    shared = {entry.pk for entry in shared_entries() if entry.repository_id == repository.pk}
    things = things_of(own).get(repository.pk, {})
    going = {
        entry.pk: entry
        for thing, entries in things.items()
        for entry in entries
        if thing.kind == DECLARED or entry.pk in shared
    }
    undeclared = tuple(entry for pk, entry in going.items() if thing_of(entry).kind == ALIKE)
    return Moved(repository, tuple(one for one in own if one.pk in going), undeclared) if going else None


def copy_to(window: MaintenanceWindow, going: Moved, repositories: Collection[int]) -> None:
    """Attach them to the window as they are attached to the repository, with their values."""
    owner = owners.window(window.pk)
    for entry in going.entries:
        copying.copy_one(entry, owner, with_secrets=True)
    marks = {thing_of(entry) for entry in going.undeclared}
    if marks:
        others = RepositoryScript.objects.filter(repository__in=repositories, enabled=True).select_related("script")
        for entry in others:
            if thing_of(entry) in marks:
                assignments.change(entry, switched_off())


def switched_off() -> dict[str, Any]:
    return {"enabled": False}
