"""What somebody looks for in the feed, as one query for each kind of row.

A chosen script or point ("before the backup") makes the state that of the script's own run: "when did 'Dump' fail?".
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models import TextChoices as Choices

from backups.models import BackupJob, JobStatus, Repository, RunStatus, ScheduleRun, WindowRun, WindowStatus
from scripts_library.models import ExecutionStatus, Script, ScriptExecution, TriggeredBy


class State(Choices):
    """How something ended, in the same words for everything that is listed."""

    RUNNING = "running", "Waiting or running"
    SUCCESS = "success", "Good"
    WARNING = "warning", "With warnings"
    FAILURE = "failure", "Failed"
    SKIPPED = "skipped", "Skipped"
    CANCELLED = "cancelled", "Stopped by a person"
    MISSED = "missed", "Missed"


OF_JOBS: dict[str, tuple[str, ...]] = {
    State.RUNNING: (JobStatus.QUEUED, JobStatus.RUNNING),
    State.SUCCESS: (JobStatus.SUCCESS,),
    State.WARNING: (JobStatus.WARNING,),
    State.FAILURE: (JobStatus.FAILURE,),
    State.SKIPPED: (JobStatus.SKIPPED,),
    State.CANCELLED: (JobStatus.CANCELLED,),
}
OF_WINDOWS: dict[str, tuple[str, ...]] = {**OF_JOBS, State.MISSED: (WindowStatus.MISSED,)}
OF_EXECUTIONS: dict[str, tuple[str, ...]] = {
    State.RUNNING: (ExecutionStatus.PLANNED, ExecutionStatus.RUNNING),
    State.SUCCESS: (ExecutionStatus.SUCCEEDED,),
    State.FAILURE: (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT, ExecutionStatus.INTERRUPTED),
    State.SKIPPED: (ExecutionStatus.NOT_RUN,),
    State.CANCELLED: (ExecutionStatus.CANCELLED,),
}


@dataclass(frozen=True)
class Filters:
    """Everything that is not given matches. `until` is the first moment that does not."""

    repository_id: int | None = None
    script_id: int | None = None
    hook: str = ""
    state: str = ""
    triggered_by: str = ""
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""

    @property
    def is_about_scripts(self) -> bool:
        return self.script_id is not None or bool(self.hook)

    @property
    def may_match_later(self) -> bool:
        """What does not match now may do so before it ends."""
        return self.is_about_scripts or bool(self.state or self.search)

    @property
    def folds_windows(self) -> bool:
        """Backups inside a window are shown below it, unless somebody looks for some of them."""
        return self.repository_id is None and not self.triggered_by and not self.may_match_later

    def jobs(self) -> QuerySet[BackupJob]:
        rows = BackupJob.objects.filter(self._when())
        if self.folds_windows:
            rows = rows.filter(window_run=None)
        if self.repository_id is not None:
            rows = rows.filter(repository=self.repository_id)
        if self.triggered_by:
            rows = rows.filter(triggered_by=self.triggered_by)
        if self.is_about_scripts:
            rows = rows.filter(
                ran(self.script_id, self.hook, OF_EXECUTIONS.get(self.state, ()) if self.state else None)
            )
        elif self.state:
            rows = rows.filter(status__in=OF_JOBS.get(self.state, ()))
        return rows.filter(self._said_by_jobs()) if self.search else rows

    def test_runs(self) -> QuerySet[ScriptExecution]:
        """The first execution of each: it has its number."""
        rows = ScriptExecution.objects.filter(self._when(), test_run_id__isnull=False, test_run_id=F("pk"))
        if self.triggered_by not in ("", TriggeredBy.TEST):
            return rows.none()
        if self.repository_id is not None:
            rows = rows.filter(repository=self.repository_id)
        if self.script_id is not None:
            rows = rows.filter(script=self.script_id)
        if self.hook:
            rows = rows.filter(tested(hook_type=self.hook))
        if self.state:
            rows = rows.filter(tested(status__in=OF_EXECUTIONS.get(self.state, ())))
        if self.state == State.SUCCESS:
            rows = rows.exclude(tested(status__in=OF_EXECUTIONS[State.FAILURE]))
        return rows.filter(script_name__icontains=self.search) if self.search else rows

    def missed(self) -> QuerySet[ScheduleRun]:
        """Due times of schedules that passed without a backup."""
        rows = ScheduleRun.objects.filter(self._when(), status__in=(RunStatus.MISSED, RunStatus.PAUSED))
        if self.is_about_scripts or self.state not in ("", State.MISSED):
            return rows.none()
        if self.triggered_by not in ("", TriggeredBy.SCHEDULE):
            return rows.none()
        if self.repository_id is not None:
            rows = rows.filter(scheduled_job__members__repository=self.repository_id)
        return rows.filter(scheduled_job__name__icontains=self.search) if self.search else rows

    def window_runs(self) -> QuerySet[WindowRun]:
        """Openings of maintenance windows, also those that were missed."""
        rows = WindowRun.objects.filter(self._when())
        if self.repository_id is not None:
            rows = rows.filter(jobs__repository=self.repository_id)
        if self.triggered_by:
            rows = rows.filter(triggered_by=self.triggered_by)
        if self.is_about_scripts:
            rows = rows.filter(Exists(self._scripts_of_windows()))
        elif self.state:
            rows = rows.filter(status__in=OF_WINDOWS[self.state])
        said = Q(window_name__icontains=self.search) | Q(message__icontains=self.search)
        return rows.filter(said) if self.search else rows

    def _scripts_of_windows(self) -> QuerySet[ScriptExecution]:
        rows = ScriptExecution.objects.filter(window_run=OuterRef("pk"))
        if self.script_id is not None:
            rows = rows.filter(script=self.script_id)
        if self.hook:
            rows = rows.filter(hook_type=self.hook)
        return rows.filter(status__in=OF_EXECUTIONS.get(self.state, ())) if self.state else rows

    def fits(self, row: ScriptExecution) -> bool:
        """This is one of the scripts that were looked for; False where none was."""
        is_script = self.script_id in (None, row.script_id)
        is_state = not self.state or row.status in OF_EXECUTIONS.get(self.state, ())
        return self.is_about_scripts and is_script and self.hook in ("", row.hook_type) and is_state

    def _when(self) -> Q:
        since = Q(created_at__gte=self.since) if self.since else Q()
        return since & Q(created_at__lt=self.until) if self.until else since

    def _said_by_jobs(self) -> Q:
        """The words stand in the name of the repository or of a script that ran, in the archive's or the message."""
        own = Q(message__icontains=self.search) | Q(archive_name__icontains=self.search)
        repositories = Repository.objects.filter(name__icontains=self.search).values("pk")
        scripts = list(Script.objects.filter(name__icontains=self.search).values_list("pk", flat=True)[:MOST_SCRIPTS])
        rows = ScriptExecution.objects.filter(script__in=scripts, backup_job__isnull=False).values("backup_job")
        return own | Q(repository__in=repositories) | (Q(pk__in=rows) if scripts else Q())


MOST_SCRIPTS = 50  # whose name holds the words that are searched


def ran(script_id: int | None = None, hook: str | None = None, statuses: Collection[str] | None = None) -> Q:
    """Of jobs: such a script belonged to it. At least one of the three is to be given.

    What is rare is looked up in an index of its own; what most jobs have is found among the newest of them.
    """
    rows = ScriptExecution.objects.filter(backup_job__isnull=False)
    if hook:
        rows = rows.filter(hook_type=hook)
    if statuses is not None:
        rows = rows.filter(status__in=statuses)
    if script_id is not None:
        return Q(pk__in=rows.filter(script=script_id).values("backup_job"))
    if statuses is not None and ExecutionStatus.SUCCEEDED not in statuses:
        return Q(pk__in=rows.values("backup_job"))
    return Q(Exists(rows.filter(backup_job=OuterRef("pk"))))


def tested(**wanted: object) -> Exists:
    """Of the first executions of test runs: one of the run is like that."""
    return Exists(ScriptExecution.objects.filter(test_run_id=OuterRef("pk"), **wanted))
