"""One job from claim to final status (behaviour.md, sections 2 to 6). Read it from top to bottom.

A fresh job and one whose process was lost take the same way: each step looks at the rows and does what they do not
have yet. Nothing is known from memory; whatever must happen is durable before it begins.
"""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from borgui.accounts import time_zone
from borgui.rundir import RunDirectory
from scripts_library import chain
from scripts_library.environment import HookContext
from scripts_library.models import Hook, Outcome
from scripts_library.running import Run, Stop, Superseded

from . import attempts, borgcall, claiming, finishing, maintenance
from .ledger import PATIENCE, Ledger, Unwritten, commit_to_disk, wait_at_most
from .models import BackupJob, Phase
from .watch import StopRequest, Watch

log = logging.getLogger(__name__)
WORST = [Outcome.SUCCESS, Outcome.WARNING, Outcome.FAILURE]


def directory_of(job_id: int) -> RunDirectory:
    return RunDirectory(settings.RUN_DIR / "jobs" / str(job_id))


def run(job_id: int, stop: StopRequest) -> BackupJob | None:
    """Run or resume a job in this process. None: there was nothing to do, or no right to do it.

    Raises rundir.Busy where another process has it, BackupJob.DoesNotExist.
    """
    commit_to_disk()
    time_zone.activate()
    directory = directory_of(job_id)
    left = directory.child()  # read before the lock is taken: taking it writes the file anew
    try:
        directory.acquire()
    except OSError as problem:
        if not finishing.refuse(BackupJob.objects.get(pk=job_id), f"Not started: {problem}. Nothing was stopped."):
            raise
        return None
    try:
        claimed = claiming.claim(job_id, directory, stop, left)
        if claimed is None:
            return None
        wait_at_most(PATIENCE)
        Pipeline(claimed, directory, stop).walk()
        return claimed.job
    except Superseded as reason:
        log.warning("%s", reason)
        return None
    finally:
        directory.release()


@dataclass(frozen=True)
class Ending:
    """How the backup itself ended, and what the job's row is to say about it."""

    outcome: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)


class Pipeline:
    def __init__(self, claimed: claiming.Claimed, directory: RunDirectory, stop: StopRequest) -> None:
        job = claimed.job
        self.job, self.rows, self.directory, self.stop = job, claimed.rows, directory, stop
        self.ledger = Ledger(job.pk, job.claim, claimed.note)
        self.watch = Watch(job, stop)
        self.undisturbed = job.claim == 1
        self.may_retry = not self.undisturbed and not job.is_over and not claiming.is_given_up(job)

    def walk(self) -> None:
        if not self.job.outcome:
            self.back_up()
        if not self.bring_back():
            return  # a planned stop ran out of time: the rows say what is left, recovery does it at the next start
        if self.undisturbed:
            maintenance.run(self.job, self.ledger, self.watch, self.enter)
        self.finish()

    def finish(self) -> None:
        """The final status. A job that was lost again and again on the way here gets at least that, and no more."""
        end = finishing.finish_again if self.job.is_over else finishing.finish
        try:
            end(self.job, self.ledger, self.directory)
        except (Superseded, finishing.NotFinished):
            raise
        except Exception:
            if self.job.claim <= claiming.MOST_TAKEOVERS + 1:
                raise
            log.exception("job %s cannot be finished as it should be", self.job.pk)
            finishing.finish_bare(self.job, self.ledger)

    # --- phases pre-backup and backup ---------------------------------------------------------------------------------
    def back_up(self) -> None:
        """Everything until borg is over. A fault of our own code is a failed backup; services come back all the same."""
        try:
            ending = self.until_borg_is_over()
        except Superseded:
            raise
        except Unwritten as problem:
            ending = Ending(Outcome.FAILURE, f"Not backed up: {problem}", {"data": "none"})
        except Exception as fault:
            log.exception("fault in job %s", self.job.pk)
            data = {} if self.job.phase == Phase.BACKUP else {"data": "none"}
            ending = Ending(Outcome.FAILURE, f"Not backed up: an internal fault ({fault!r}).", data)
        self.enter(Phase.POST, outcome=ending.outcome, message=ending.message, progress={}, **ending.fields)

    def until_borg_is_over(self) -> Ending:
        rows = [row for row in self.rows if row.hook_type == Hook.PRE]
        run = self.run_for(Hook.PRE)
        if problems := "\n".join(filter(None, [chain.problems(self.rows), borgcall.problems(self.job.repository)])):
            chain.refuse_pre(rows, run)
            message = f"Not backed up: the check before the backup found problems.\n{problems}"
            return Ending(Outcome.FAILURE, message, {"data": "none"})
        verdict = chain.run_pre(rows, run)
        if not verdict.go_on:
            return Ending(verdict.outcome, verdict.message, {"data": "none"})
        if reason := self.watch.borg():
            return ending_of_stop(reason)
        self.enter(Phase.BACKUP)
        return self.ending_of_borg(borgcall.create(self.job, self.ledger, self.directory, self.watch), verdict)

    def ending_of_borg(self, backup: borgcall.Made, verdict: chain.PreVerdict) -> Ending:
        if backup.stopped:
            stopped = ending_of_stop(backup.stopped)
            return Ending(stopped.outcome, stopped.message, backup.fields)
        if backup.outcome != Outcome.FAILURE and self.watch.is_cancelled():
            message = f"{Stop.CANCELLED.sentence} The archive was complete already."
            return Ending(Outcome.CANCELLED, message, backup.fields)
        outcome = max(backup.outcome, verdict.outcome or Outcome.SUCCESS, key=lambda one: WORST.index(Outcome(one)))
        return Ending(outcome, "\n".join(filter(None, [backup.sentence, verdict.message])), backup.fields)

    # --- phase post-backup --------------------------------------------------------------------------------------------
    def bring_back(self) -> bool:
        """Run the post-backup chain, and what recovery owes. False: out of time, something is left to be done."""
        run = self.run_for(Hook.POST)
        while True:
            due, later = attempts.open_rows(self.rows, timezone.now())
            if due:
                chain.run_post(due, run)
            elif later:
                attempts.wait_for(later[0], self.stop)
            elif not (self.may_retry and attempts.plan_retries(self.job, self.rows, self.ledger)):
                break
            if run.is_out_of_time():
                return not attempts.is_anything_left(self.rows)
        return True

    # --- what the steps share -----------------------------------------------------------------------------------------
    def enter(self, phase: str, **fields: Any) -> None:
        """Begin a phase, durably, together with what the one before it found out."""
        phases = self.job.phases_with(phase, timezone.now())
        self.ledger.job(self.job, phase=phase, phases=phases, **fields)

    def run_for(self, hook: str) -> Run:
        is_post = hook == Hook.POST
        return Run(
            context=self.context(hook),
            directory=self.directory,
            logs=settings.LOGS_DIR / "executions",
            write=self.ledger.execution,
            should_stop=self.watch.post if is_post else self.watch.pre,
            tell=lambda row, title, text: self.ledger.message(self.job, title, text),
            is_out_of_time=self.stop.is_out_of_time if is_post else lambda: False,
            claim=self.job.claim,
            secrets=(self.job.repository.passphrase,),
        )

    def context(self, hook: str) -> HookContext:
        job, repository = self.job, self.job.repository
        is_post = hook == Hook.POST
        return HookContext(
            hook_type=hook,
            moment=timezone.localtime(job.started_at or timezone.now()),
            triggered_by=job.triggered_by,
            repository_id=repository.pk,
            repository_name=repository.name,
            repository_path=repository.path,
            source_paths=tuple(repository.source_paths),
            archive_name=job.archive_name,
            job_id=job.pk,
            outcome=job.outcome if is_post else "",
            exit_code=job.borg_exit_code if is_post else None,
            error=job.message if is_post and job.outcome != Outcome.SUCCESS else "",
            stats_file=str(write_stats(job, self.directory)) if is_post else "",
            library_dir=str(settings.LIBRARY_DIR),
            pass_env=tuple(settings.PASS_ENV),
        )


def ending_of_stop(reason: str) -> Ending:
    """The backup was asked to stop, before borg or in it (sections 4, 6 and 7)."""
    outcome = Outcome.CANCELLED if reason == Stop.CANCELLED else Outcome.FAILURE
    return Ending(outcome, Stop(reason).sentence, {"data": "none"})


def write_stats(job: BackupJob, directory: RunDirectory) -> Path:
    """borg's statistics for the post-backup scripts (BACKUP_STATS); an empty object where borg did not run."""
    path = directory.path / "stats.json"
    facts = {"archive": job.archive_name, "files": job.archive_files, "exit_code": job.borg_exit_code, **job.stats}
    try:
        path.write_text(json.dumps(facts if job.borg_exit_code is not None else {}), encoding="utf-8")
    except OSError as error:
        log.warning("BACKUP_STATS could not be written: %s", error)
    return path
