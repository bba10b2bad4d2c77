"""What the page of all scripts shows about each: usage, last result, the state of its file.

A constant number of queries and one listing of the folder for any number of scripts; the files of the page shown are
looked at where their `stat` says that somebody touched them, never those of all scripts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from .library import look, store
from .manifest import Manifest
from .models import ExecutionStatus, RepositoryScript, Script, ScriptContent, ScriptExecution
from .store import StoreError

NO_RESULT = (ExecutionStatus.PLANNED, ExecutionStatus.NOT_RUN)


# --- the folder -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Folder:
    """The library folder against the rows, by names alone. With a `problem` it could not be listed."""

    missing: frozenset[str] = frozenset()
    new: tuple[str, ...] = ()
    problem: str = ""


def folder() -> Folder:
    rows = set(Script.objects.kept().values_list("file_path", flat=True))
    try:
        files = store().candidates()
    except StoreError as error:
        return Folder(problem=str(error))
    return Folder(frozenset(rows.difference(files)), tuple(path for path in files if path not in rows))


# --- which scripts ----------------------------------------------------------------------------------------------------
def containing(rows: QuerySet[Script], search: str) -> QuerySet[Script]:
    """Those with `search` in their name, description or newest text."""
    texts = ScriptContent.objects.filter(sha256=OuterRef("sha256"), content__icontains=search)
    return rows.filter(Q(name__icontains=search) | Q(description__icontains=search) | Exists(texts))


# --- what is told about each ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Entry:
    """One row of the page. `state`: "", "changed", "missing", or "block" where the block has errors."""

    script: Script
    repositories: int = 0
    last: ScriptExecution | None = None
    state: str = ""
    hooks: frozenset[str] = field(default_factory=frozenset)


def entries(scripts: Iterable[Script], missing: frozenset[str]) -> list[Entry]:
    shown = list(scripts)
    for script in shown:
        notice_edit(script)
    used, last = usage(shown), last_results(shown)
    return [
        Entry(script, used.get(script.pk, 0), last.get(script.pk), state_of(script, missing), frozenset(script.hooks))
        for script in shown
    ]


def notice_edit(script: Script) -> None:
    """An outside edit becomes a revision now where the file's times say that somebody touched it."""
    stamp = store().stamp(script.file_path)
    if stamp and script.seen_stat and stamp != script.seen_stat:
        look(script)


def state_of(script: Script, missing: frozenset[str]) -> str:
    if script.file_path in missing:
        return "missing"
    if script.unseen_edit:
        return "changed"
    return "block" if Manifest.from_dict(script.manifest).errors else ""


def usage(scripts: Iterable[Script]) -> dict[int, int]:
    """In how many repositories each is assigned."""
    rows = RepositoryScript.objects.filter(script__in=[script.pk for script in scripts])
    counted = rows.order_by().values("script_id").annotate(number=Count("repository_id", distinct=True))
    return {row["script_id"]: row["number"] for row in counted}


def last_results(scripts: Iterable[Script]) -> dict[int, ScriptExecution]:
    """The last run of each that began."""
    runs = ScriptExecution.objects.filter(script=OuterRef("pk")).exclude(status__in=NO_RESULT).order_by("-id")
    rows = Script.objects.filter(pk__in=[script.pk for script in scripts])
    newest = rows.annotate(newest=Subquery(runs.values("pk")[:1])).values_list("newest", flat=True)
    found = ScriptExecution.objects.defer("stdout", "stderr", "parameters").in_bulk([pk for pk in newest if pk])
    return {run.script_id: run for run in found.values() if run.script_id is not None}


# --- one line of facts ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Facts:
    """`per_repository`: scripts a repository uses on average; the shares are whole percents, None of nothing."""

    scripts: int
    per_repository: float | None
    with_scripts: int | None
    from_templates: int | None


def facts(repositories: int) -> Facts:
    """`repositories`: how many there are."""
    scripts = Script.objects.kept().aggregate(
        all=Count("pk"), templates=Count("pk", filter=Q(category=Script.Category.TEMPLATE))
    )
    used = RepositoryScript.objects.filter(enabled=True, repository__deleted_at=None).order_by()
    pairs = used.values("repository_id", "script_id").distinct().count()
    having = used.values("repository_id").distinct().count()
    return Facts(
        scripts["all"],
        round(pairs / repositories, 1) if repositories else None,
        percent(having, repositories),
        percent(scripts["templates"], scripts["all"]),
    )


def percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
