"""What became of a script over time: its revisions, and which of them ran how often."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Max, QuerySet

from .models import ExecutionStatus, Script, ScriptExecution, ScriptRevision

NOT_BEGUN = (ExecutionStatus.PLANNED, ExecutionStatus.NOT_RUN)


@dataclass(frozen=True)
class Version:
    """A revision as the history shows it. `runs` counts those of its content, whichever revision brought it."""

    revision: ScriptRevision
    is_current: bool
    runs: int = 0
    last_run: ScriptExecution | None = None


def of(script: Script) -> QuerySet[ScriptRevision]:
    """Newest first, without their texts."""
    return script.revisions.select_related("created_by_user", "decided_by_user").order_by("-id")


def versions(script: Script, revisions: Iterable[ScriptRevision]) -> list[Version]:
    """Two queries, however many there are."""
    shown = list(revisions)
    counted = (
        runs(script, {one.sha256 for one in shown})
        .order_by()
        .values_list("revision__content_id")
        .annotate(Count("pk"), Max("pk"))
    )
    found = {sha256: (number, newest) for sha256, number, newest in counted}
    executions = ScriptExecution.objects.defer("stdout", "stderr", "parameters").in_bulk(
        [newest for _, newest in found.values()]
    )
    entries = []
    for one in shown:
        number, newest = found.get(one.sha256, (0, 0))
        entries.append(Version(one, one.sha256 == script.sha256, number, executions.get(newest)))
    return entries


def runs(script: Script, sha256s: Iterable[str]) -> QuerySet[ScriptExecution]:
    """The executions that began with one of these contents, newest first."""
    ran = ScriptExecution.objects.filter(revision__script=script, revision__content_id__in=list(sha256s))
    return ran.exclude(status__in=NOT_BEGUN).order_by("-id")


def before(revision: ScriptRevision) -> ScriptRevision | None:
    """The revision that was there until this one, with another content."""
    older = ScriptRevision.objects.filter(script=revision.script, pk__lt=revision.pk)
    return older.exclude(content_id=revision.content_id).select_related("content").order_by("-id").first()
