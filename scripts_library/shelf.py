"""What the page of all scripts shows about each: usage, last result, the state of its file.

A constant number of queries and one listing of the folder for any number of scripts; files are looked at where their
times say that somebody touched them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, TextChoices
from django.db.models.functions import Coalesce

from . import approval, upgrading
from .catalogue import Template
from .folder import catch_up
from .gallery import shipped_by_file
from .manifest import Manifest
from .models import ExecutionStatus, RepositoryScript, Script, ScriptContent, ScriptExecution, WindowScript
from .sight import store
from .store import StoreError

NO_RESULT = (ExecutionStatus.PLANNED, ExecutionStatus.NOT_RUN)


BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.INTERRUPTED)
LOOKED_AT = 50  # files that somebody touched, in one go; the next look takes the next ones


class State(TextChoices):
    USED = "used", "used"
    UNUSED = "unused", "not used"
    FAILING = "failing", "failed last"
    CHANGED = "changed", "changed outside"
    MISSING = "missing", "file is gone"
    UPGRADE = "upgrade", "newer template"
    WAITING = "waiting", "waits for approval"


# --- the folder -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Folder:
    """The library folder against the rows, by names and times alone. With a `problem` it could not be listed.

    `touched`: the files whose times are not those that were seen last.
    """

    missing: frozenset[str] = frozenset()
    new: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    problem: str = ""


def folder() -> Folder:
    """One listing of the folder, and one query."""
    rows = dict(Script.objects.kept().values_list("file_path", "seen_stat"))
    try:
        files = store().stamps()
    except StoreError as error:
        return Folder(problem=str(error))
    touched = (path for path, stamp in files.items() if path in rows and stamp and stamp != rows[path])
    return Folder(frozenset(rows.keys() - files), tuple(path for path in files if path not in rows), tuple(touched))


def notice_edits(on_disk: Folder) -> None:
    """Outside edits become revisions now, of some files at a time, so that a list is quick after a large checkout."""
    paths = on_disk.touched[:LOOKED_AT]
    if paths:
        catch_up(list(Script.objects.kept().filter(file_path__in=paths)))


# --- which scripts ----------------------------------------------------------------------------------------------------
ORDERS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "changed": ("changed last", ("-updated_at",)),
    "ran": ("ran last", (F("last_used_at").desc(nulls_last=True),)),
    "used": ("most used", ("-repositories",)),
}


def in_order(rows: QuerySet[Script], name: str) -> QuerySet[Script]:
    """By one of `ORDERS`, else by name."""
    _, columns = ORDERS.get(name, ("", ()))
    if name == "used":
        used = RepositoryScript.objects.filter(script=OuterRef("pk")).order_by().values("script_id")
        number = used.annotate(number=Count("repository_id", distinct=True)).values("number")
        rows = rows.annotate(repositories=Coalesce(Subquery(number), 0))
    return rows.order_by(*columns, "name", "id")


def in_state(rows: QuerySet[Script], state: str, on_disk: Folder) -> QuerySet[Script]:
    """`state`: one of `State`, or "" for any."""
    if state in (State.USED, State.UNUSED):
        mine = {"script": OuterRef("pk")}
        used = Exists(RepositoryScript.objects.filter(**mine)) | Exists(WindowScript.objects.filter(**mine))
        return rows.filter(used if state == State.USED else ~used)
    if state == State.FAILING:
        last = runs_that_began().filter(script=OuterRef("pk")).values("status")[:1]
        return rows.annotate(last_status=Subquery(last)).filter(last_status__in=BAD)
    if state == State.CHANGED:
        return rows.filter(unseen_edit=True)
    if state == State.UPGRADE:
        return rows.filter(pk__in=upgrading.waiting())
    if state == State.WAITING:
        return rows.filter(pk__in=Script.objects.waiting())
    return rows.filter(file_path__in=on_disk.missing) if state == State.MISSING else rows


def containing(rows: QuerySet[Script], search: str) -> QuerySet[Script]:
    """Those with `search` in their name, description or newest text."""
    texts = ScriptContent.objects.filter(sha256=OuterRef("sha256"), content__icontains=search)
    return rows.filter(Q(name__icontains=search) | Q(description__icontains=search) | Exists(texts))


# --- what is told about each ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Entry:
    """One row of the page. `state`: "", "changed", "missing", "block" where the block has errors, or "upgrade".
    `approval`: an `approval.State`."""

    script: Script
    repositories: int = 0  # and windows that use it
    last: ScriptExecution | None = None
    state: str = ""
    approval: str = ""
    hooks: frozenset[str] = field(default_factory=frozenset)


def entries(scripts: Iterable[Script], missing: frozenset[str]) -> list[Entry]:
    shown, shipped = list(scripts), shipped_by_file()
    used, last = usage(shown), last_results(shown)
    return [
        Entry(
            script,
            used.get(script.pk, 0),
            last.get(script.pk),
            state_of(script, missing, shipped),
            approval.state(script),
            frozenset(script.hooks),
        )
        for script in shown
    ]


def state_of(script: Script, missing: frozenset[str], shipped: Mapping[str, Template]) -> str:
    if script.file_path in missing:
        return "missing"
    if script.unseen_edit:
        return "changed"
    if Manifest.from_dict(script.manifest).errors:
        return "block"
    newer = upgrading.of(script, shipped)
    return "upgrade" if newer and not newer.ignored else ""


def usage(scripts: Iterable[Script]) -> dict[int, int]:
    """In how many repositories and windows each is assigned."""
    found: Counter[int] = Counter()
    ids = [script.pk for script in scripts]
    for model, owner in ((RepositoryScript, "repository_id"), (WindowScript, "window_id")):
        rows = model._default_manager.filter(script__in=ids).order_by().values("script_id")
        found.update(dict(rows.annotate(number=Count(owner, distinct=True)).values_list("script_id", "number")))
    return found


def last_results(scripts: Iterable[Script]) -> dict[int, ScriptExecution]:
    """The last run of each that began."""
    runs = runs_that_began().filter(script=OuterRef("pk"))
    rows = Script.objects.filter(pk__in=[script.pk for script in scripts])
    newest = rows.annotate(newest=Subquery(runs.values("pk")[:1])).values_list("newest", flat=True)
    found = ScriptExecution.objects.defer("stdout", "stderr", "parameters").in_bulk([pk for pk in newest if pk])
    return {run.script_id: run for run in found.values() if run.script_id is not None}


def runs_that_began() -> QuerySet[ScriptExecution]:
    """Newest first."""
    return ScriptExecution.objects.exclude(status__in=NO_RESULT).order_by("-id")
