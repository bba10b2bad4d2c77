"""One run of a window from claim to final status (behaviour.md, section 13). Read it from top to bottom.

A fresh run and one whose process was lost take the same way, as a job does (`backups.pipeline`): each step looks at the
rows. What it stops is started again when no backup of it is under way any more, whatever became of those.
"""

import logging
from dataclasses import dataclass
from functools import reduce

from django.conf import settings
from django.utils import timezone

from backups import takeover
from backups.ledger import Unwritten
from backups.models import Phase, WindowRun
from backups.takeover import Claimed
from backups.walk import Walk, undertake
from backups.watch import StopRequest
from borgui.rundir import RunDirectory
from scripts_library import chain
from scripts_library.environment import HookContext
from scripts_library.models import ExecutionStatus, Hook, Outcome
from scripts_library.running import Stop, Superseded

from . import claiming, closing
from .backups import Backups
from .ends import End, Ending, ending_of

log = logging.getLogger(__name__)


def run(run_id: int, stop: StopRequest) -> WindowRun | None:
    """Run or resume a window in this process. None: there was nothing to do, or no right to do it.

    Raises rundir.Busy where another process has it, WindowRun.DoesNotExist.
    """
    return undertake(
        WindowRun,
        run_id,
        stop,
        refuse=claiming.refuse,
        claim=claiming.claim,
        walk=lambda claimed, directory, stop: Opening(claimed, directory, stop).walk(),
    )


class Opening(Walk[WindowRun]):
    def __init__(self, claimed: Claimed[WindowRun], directory: RunDirectory, stop: StopRequest) -> None:
        super().__init__(claimed, directory, stop)
        self.backups = Backups(self.work, self.ledger, self.watch, stop)

    def walk(self) -> None:
        if not self.work.outcome:
            ending = self.ending_of_backups()
            if ending is None:
                return  # a planned stop ran out of time while backups were ending: recovery does the rest
            self.close(ending)
        if self.bring_back() and self.see_out():
            self.finish()

    # --- phases pre-backup and backup ---------------------------------------------------------------------------------
    def ending_of_backups(self) -> Ending | None:
        """Everything until no backup is under way any more."""
        opened = self.open() if self.undisturbed else self.look_back()
        if opened.end is None:
            self.enter(Phase.BACKUP)
        if not self.backups.until_over(opened.end):
            return None
        return ending_of(self.backups.jobs, opened.verdict, self.backups.end)

    def open(self) -> "Opened":
        """Run the scripts before the backups. A fault of our own is a window that did not open."""
        rows = [row for row in self.rows if row.hook_type == Hook.PRE]
        run = self.run_for(Hook.PRE)
        try:
            if problems := chain.problems(self.rows):
                chain.refuse_pre(rows, run)
                message = f"The check before the window opened found problems.\n{problems}"
                return self.not_opened(chain.PreVerdict(False, Outcome.FAILURE, message))
            verdict = chain.run_pre(rows, run)
        except Superseded:
            raise
        except Unwritten as problem:
            verdict = chain.PreVerdict(False, Outcome.FAILURE, str(problem))
        except Exception as fault:
            log.exception("fault in window run %s", self.work.pk)
            verdict = chain.PreVerdict(False, Outcome.FAILURE, f"An internal fault ({fault!r}).")
        return Opened(verdict) if verdict.go_on else self.not_opened(verdict)

    def not_opened(self, verdict: chain.PreVerdict) -> "Opened":
        if verdict.outcome == Outcome.FAILURE and verdict.message == Stop.SHUTDOWN.sentence:
            return Opened(verdict, End.shutdown())
        return Opened(verdict, End.not_opened(self.work, verdict))

    def look_back(self) -> "Opened":
        """What the rows say of the scripts before the backups after a loss; no further backup begins."""
        rows = [row for row in self.rows if row.hook_type == Hook.PRE and row.status != ExecutionStatus.NOT_RUN]
        was_open = any(entry["phase"] == Phase.BACKUP for entry in self.work.phases)
        verdict = reduce(lambda before, row: chain.after_pre(row, before), rows, chain.PreVerdict(True))
        end = End.cancelled(self.work) if self.work.cancel_requested_at else End.lost(self.work)
        return Opened(verdict if was_open else chain.PreVerdict(False, end.outcome, end.message), end)

    # --- phase post-backup and after ----------------------------------------------------------------------------------
    def close(self, ending: Ending) -> None:
        """The outcome, before the first script after the backups."""
        self.enter(Phase.POST, outcome=ending.outcome, message=ending.message)
        if takeover.is_given_up(self.work):
            takeover.give_up(self.work, self.rows)

    def see_out(self) -> bool:
        """Prune, compact and check of the last backups go on while services are up again. False: out of time."""
        if self.work.is_over or not self.backups.has_any_left():
            return True
        if self.work.phase != Phase.MAINTENANCE:
            self.enter(Phase.MAINTENANCE)
        return self.backups.until_ended()

    def conclude(self) -> None:
        end = closing.finish_again if self.work.is_over else closing.finish
        end(self.work, self.ledger, self.directory)

    def context(self, hook: str) -> HookContext:
        run, is_post = self.work, hook == Hook.POST
        return HookContext(
            hook_type=hook,
            moment=timezone.localtime(run.started_at or timezone.now()),
            triggered_by=run.triggered_by,
            window_name=run.window_name,
            outcome=run.outcome if is_post else "",
            error=run.message if is_post and run.outcome != Outcome.SUCCESS else "",
            stats_file=str(closing.write_stats(run, self.directory)) if is_post else "",
            library_dir=str(settings.LIBRARY_DIR),
            pass_env=tuple(settings.PASS_ENV),
        )


@dataclass(frozen=True)
class Opened:
    """How the scripts before the backups ended; `end`: why no backup begins (any more)."""

    verdict: chain.PreVerdict
    end: End | None = None
