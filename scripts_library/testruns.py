"""Test runs: the same engine with one script, or with a pair of the same (behaviour.md, section 14).

A test run has an owner and a run directory of its own, named by its first execution. Lost, it becomes `interrupted` and
nothing is repeated, except the post part of a pair, which is a promise.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from borgui import process
from borgui.accounts import audit
from borgui.accounts.models import User
from borgui.rundir import RunDirectory

from . import links
from .environment import HookContext
from .facts import RepositoryFacts
from .models import ExecutionStatus, Hook, Outcome, RunOn, Script, ScriptExecution, TriggeredBy
from .running import Run, Stop, run_in_any_case

log = logging.getLogger(__name__)
BOTH = "both"
MOST_STARTS = 3  # of the post part of a pair that is cut off again and again
LONGEST_PAUSE = 600  # seconds between the two parts of a pair
STEP = 0.2  # seconds between two looks at the clock during that pause
LOOK = 1.0  # seconds between two looks at the row: does a person want to go on?
SAMPLE = RepositoryFacts(
    id=None, name="sample", path="/srv/backups/sample", source_paths=("/srv/sample",), archive_name="sample-archive"
)


def default_hook(script: Script) -> str:
    """The first hook of the block, else pre-backup."""
    return script.hooks[0] if script.hooks else Hook.PRE


def queue(
    script: Script,
    *,
    facts: RepositoryFacts | None = None,
    hook_type: str | None = None,
    backup_status: str = Outcome.SUCCESS,
    values: dict[str, Any] | None = None,
    user: User | None = None,
    pause: float = 0.0,
    timeout: int | None = None,
) -> ScriptExecution:
    """Planned rows for a test run; returns the first. `pause`: seconds between the two parts of a pair.

    `timeout`: seconds; else the script's own.
    """
    hook = hook_type or default_hook(script)
    facts = facts or SAMPLE
    hooks = [Hook.PRE, Hook.POST] if hook == BOTH else [Hook(hook)]
    circumstances = {
        "backup_status": backup_status,
        "name": facts.name,
        "path": facts.path,
        "source_paths": list(facts.source_paths),
        "archive_name": facts.archive_name or "sample-archive",
        "pause": pause,
    }
    rows = []
    for position, one in enumerate(hooks):
        run_on = RunOn.ALWAYS if len(hooks) > 1 else None
        link = links.of_script(script, one, facts, values=values or {}, run_on=run_on, timeout=timeout)
        rows.append(
            links.execution(
                link,
                position,
                repository_id=facts.id,
                triggered_by=TriggeredBy.TEST,
                triggered_by_user=user if user is not None and user.pk else None,
                circumstances=circumstances,
            )
        )
    return save(rows)


def is_pair(row: ScriptExecution) -> bool:
    """It belongs to a test run of both hooks."""
    hooks = ScriptExecution.objects.filter(test_run_id=row.test_run_id, test_run_id__isnull=False)
    return hooks.exclude(hook_type=row.hook_type).exists()


def save(rows: list[ScriptExecution]) -> ScriptExecution:
    with transaction.atomic():
        for row in rows:
            row.save()
            row.test_run_id = rows[0].pk
            row.save(update_fields=["test_run_id"])
        secret = sorted({name for row in rows for name in row.secret_names})
        audit.record("script tried", rows[0], after={"hook": [row.hook_type for row in rows], "secrets used": secret})
    return rows[0]


def directory_of(pk: int) -> RunDirectory:
    return RunDirectory(settings.RUN_DIR / "tests" / str(pk))


def unowned() -> list[int]:
    """Test runs that are not over and that no living process has: new ones, and lost ones."""
    rows = ScriptExecution.objects.filter(test_run_id__isnull=False).unfinished()
    found = {pk for pk in rows.values_list("test_run_id", flat=True) if pk is not None}
    return [pk for pk in sorted(found) if not directory_of(pk).is_owned()]


def run(test_run_id: int, watch: Callable[[ScriptExecution], str]) -> ScriptExecution:
    """Run a test run, or bring to its end what a lost process left of it.

    `watch(row)` returns a `Stop` or ''. Raises rundir.Busy, ScriptExecution.DoesNotExist.
    """
    first = ScriptExecution.objects.get(pk=test_run_id, test_run_id=test_run_id)
    directory = directory_of(test_run_id)
    directory.acquire()
    try:
        settle(rows_of(test_run_id), directory)
        walk(rows_of(test_run_id), directory, watch)
        if not plan_again(rows_of(test_run_id)):
            directory.remove()
    finally:
        directory.release()
    first.refresh_from_db()
    return first


def rows_of(test_run_id: int) -> list[ScriptExecution]:
    rows = ScriptExecution.objects.filter(test_run_id=test_run_id).select_related("revision__content")
    return list(rows.order_by("position", "attempt"))


def settle(rows: list[ScriptExecution], directory: RunDirectory) -> None:
    """After a loss: end what was left running, mark it, and plan what is a promise again."""
    cut_off = [row for row in rows if row.status == ExecutionStatus.RUNNING]
    session, recorded = directory.child()
    tokens = {token for token in [recorded, *(row.token for row in cut_off)] if token}
    process.end(lambda: [one for token in tokens for one in process.leftovers(token, session)])
    for row in cut_off:
        write(
            row,
            status=ExecutionStatus.INTERRUPTED,
            completed_at=timezone.now(),
            error_message="Cut off: the process that ran it was lost.",
        )
    plan_again(rows)


def plan_again(rows: list[ScriptExecution]) -> bool:
    """The post part of a pair is a promise: cut off, it gets a new row, at most `MOST_STARTS` in all.

    True where something is left to be run.
    """
    last = rows[-1]
    if last.position and last.status == ExecutionStatus.INTERRUPTED and last.rerun and last.attempt < MOST_STARTS:
        links.once_more(last).save(force_insert=True)
        return True
    return any(row.status == ExecutionStatus.PLANNED for row in rows)


def walk(rows: list[ScriptExecution], directory: RunDirectory, watch: Callable[[ScriptExecution], str]) -> None:
    """Run what is planned. What a planned stop leaves no time for stays planned: the next start of the worker runs it."""
    for row in rows:
        if row.status != ExecutionStatus.PLANNED:
            continue
        if row.position and row.attempt == 1:
            pause_between(rows[0], row, watch)
        if watch(row) == Stop.SHUTDOWN:
            return
        run_one(row, run_for(row, directory, watch))


def run_one(row: ScriptExecution, run: Run) -> None:
    if row.problem:
        run.record(row, status=ExecutionStatus.FAILED, error_message=row.problem, completed_at=timezone.now())
    else:
        run_in_any_case(row, run)


def pause_between(first: ScriptExecution, post: ScriptExecution, watch: Callable[[ScriptExecution], str]) -> None:
    """The pause of a pair, for which the pre part has to have come to its own end; whoever stops the run ends it.

    Its end is a column of the post part: pages count down to it, a person moves it (`go_on`), and after a loss only the
    rest is waited for.
    """
    pause = float(first.circumstances.get("pause", 0))
    if not pause or not first.started_at or first.status not in (ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED):
        return
    if post.not_before is None:
        write(post, not_before=timezone.now() + timedelta(seconds=pause))
    until = time.monotonic() + min(pause, seconds_until(post))
    looked = time.monotonic()
    while (left := until - time.monotonic()) > 0 and not watch(first):
        if time.monotonic() - looked >= LOOK:
            looked = time.monotonic()
            until = min(until, looked + moved_to(post))
        time.sleep(min(STEP, left))


def seconds_until(row: ScriptExecution) -> float:
    """Negative where its time has come."""
    return (row.not_before - timezone.now()).total_seconds() if row.not_before else 0.0


def moved_to(row: ScriptExecution) -> float:
    """Seconds until the row may start, as the database has it now; one that cannot be read changes nothing."""
    try:
        row.refresh_from_db(fields=["not_before"])
    except DatabaseError:
        log.warning("the pause of test run %s could not be looked at", row.test_run_id)
    return seconds_until(row)


def go_on(test_run_id: int) -> bool:
    """End the pause of a pair now. False where none is waiting."""
    waiting = ScriptExecution.objects.filter(
        test_run_id=test_run_id, status=ExecutionStatus.PLANNED, not_before__isnull=False
    )
    with transaction.atomic():
        ended = waiting.update(not_before=timezone.now())
        if ended:
            audit.record("pause ended", kind="script_execution", name=f"test run {test_run_id}")
    return bool(ended)


def run_for(row: ScriptExecution, directory: RunDirectory, watch: Callable[[ScriptExecution], str]) -> Run:
    told = row.circumstances
    context = HookContext(
        hook_type=row.hook_type,
        moment=timezone.localtime(),
        triggered_by=TriggeredBy.TEST,
        repository_id=row.repository_id,
        repository_name=told["name"],
        repository_path=told["path"],
        source_paths=tuple(told["source_paths"]),
        archive_name=told["archive_name"],
        outcome=told["backup_status"] if row.hook_type == Hook.POST else "",
        stats_file=str(no_stats(directory)) if row.hook_type == Hook.POST else "",
        library_dir=str(settings.LIBRARY_DIR),
        pass_env=tuple(settings.PASS_ENV),
    )
    return Run(
        context=context,
        directory=directory,
        logs=settings.LOGS_DIR / "executions",
        write=lambda one, fields: write(one, **fields),
        should_stop=watch,
        tell=lambda one, title, text: log.info("test run %s would tell: %s", one.test_run_id, title),
    )


def no_stats(directory: RunDirectory) -> Path:
    """BACKUP_STATS where borg did not run: an empty object, as after a backup that failed before it."""
    path = directory.path / "stats.json"
    try:
        path.write_text("{}", encoding="utf-8")
    except OSError as error:
        log.warning("BACKUP_STATS could not be written: %s", error)
    return path


def write(row: ScriptExecution, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    ScriptExecution.objects.filter(pk=row.pk).update(**fields)


def is_asked_to_stop(row: ScriptExecution) -> bool:
    return ScriptExecution.objects.filter(pk=row.pk, cancel_requested_at__isnull=False).exists()
