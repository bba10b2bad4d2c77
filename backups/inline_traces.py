"""Which scripts were inline texts, and what a process that was killed while it moved some has left behind."""

import fcntl
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from django.conf import settings

from scripts_library import library, sameness
from scripts_library.models import Script, ScriptRevision
from scripts_library.sight import inspect, is_as_seen, unregistered_paths
from scripts_library.store import StoreError

OURS = re.compile(r"library/.+_[0-9a-f]{6}(\.\w+)?")  # as the library names its files
LONGEST_PAUSE = 0.05  # seconds
Item = TypeVar("Item")


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time moves texts or takes them back; who comes second waits. Ends with the process, however."""
    settings.RUN_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(settings.RUN_DIR / "inline-texts.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def in_turn(items: Iterable[Item]) -> Iterator[Item]:
    """Each of these, and a pause as long as the work on it took. SQLite keeps no queue: who waits for the lock asks ten
    times a second, and would hardly find it free among hundreds of transactions that follow each other at once."""
    for item in items:
        begun = time.monotonic()
        yield item
        time.sleep(min(time.monotonic() - begun, LONGEST_PAUSE))


def revisions() -> list[ScriptRevision]:
    """The first texts of the scripts that were inline texts, oldest first."""
    made = ScriptRevision.objects.filter(source=ScriptRevision.Source.MIGRATION, script__deleted_at=None)
    return list(made.select_related("script", "content").order_by("pk"))


def state(script: Script, sha256: str) -> str:
    """How its file stands to the text with this hash: the states of a look, without recording anything."""
    if script.sha256 != sha256:
        return library.CHANGED
    return library.SAME if is_as_seen(script) else inspect(script).state


def moved_scripts() -> dict[str, Script]:
    """Those that still are the text that was moved, by `sameness.key` of it."""
    found: dict[str, Script] = {}
    for revision in revisions():
        script = revision.script
        if script and state(script, revision.sha256) == library.SAME:
            found.setdefault(sameness.key(revision.text), script)
    return found


def sweep() -> None:
    """Remove files that a killed process wrote for rows which never came, or left of rows that went.

    Such a file has a name that the library gave and a text that was moved; the text itself is in the database.
    """
    source = ScriptRevision.Source.MIGRATION
    moved = set(ScriptRevision.objects.filter(source=source).values_list("content_id", flat=True))
    with suppress(StoreError):
        for file_path in unregistered_paths():
            with suppress(StoreError):
                if OURS.fullmatch(file_path) and library.store().read(file_path).sha256 in moved:
                    with library.store().change(file_path) as file:
                        file.remove()
