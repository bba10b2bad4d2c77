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

from borgui.rundir import RunDirectory
from scripts_library import chain
from scripts_library.environment import HookContext
from scripts_library.models import Hook, Outcome
from scripts_library.running import Stop, Superseded

from . import borgcall, claiming, directories, finishing, holding, maintenance
from .ledger import Unwritten
from .models import BackupJob, Phase
from .takeover import Claimed
from .walk import Walk, undertake
from .watch import StopRequest

log = logging.getLogger(__name__)
WORST = [Outcome.SUCCESS, Outcome.WARNING, Outcome.FAILURE]


def directory_of(job_id: int) -> RunDirectory:
    return directories.of(BackupJob, job_id)


def run(job_id: int, stop: StopRequest) -> BackupJob | None:
    """Run or resume a job in this process. None: there was nothing to do, or no right to do it.

    Raises rundir.Busy where another process has it, BackupJob.DoesNotExist.
    """
    return undertake(
        BackupJob,
        job_id,
        stop,
        refuse=finishing.refuse,
        claim=claiming.claim,
        walk=lambda claimed, directory, stop: Pipeline(claimed, directory, stop).walk(),
    )


@dataclass(frozen=True)
class Ending:
    """How the backup itself ended, and what the job's row is to say about it."""

    outcome: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)


class Pipeline(Walk[BackupJob]):
    def __init__(self, claimed: Claimed[BackupJob], directory: RunDirectory, stop: StopRequest) -> None:
        super().__init__(claimed, directory, stop)
        self.job = self.work
        self.secrets = (self.job.repository.passphrase,)

    def walk(self) -> None:
        if not self.job.outcome:
            self.back_up()
        if not self.bring_back():
            return  # a planned stop ran out of time: the rows say what is left, recovery does it at the next start
        if self.undisturbed:
            maintenance.run(self.job, self.ledger, self.watch, self.enter)
        self.finish()

    def conclude(self) -> None:
        end = finishing.finish_again if self.job.is_over else finishing.finish
        end(self.job, self.ledger, self.directory)

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
        own = holding.own(self.rows)
        rows = [row for row in own if row.hook_type == Hook.PRE]
        run = self.run_for(Hook.PRE)
        if problems := "\n".join(filter(None, [chain.problems(own), borgcall.problems(self.job.repository)])):
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
            window_name=job.window_run.window_name if job.window_run else "",
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
