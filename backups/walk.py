"""The way of everything that one process claims: a job (`pipeline`), or a window's run (`windows.opening`).

Something fresh and something whose process was lost take the same way: each step looks at the rows and does what they
do not have yet (behaviour.md, sections 2 to 6).
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic

from django.conf import settings
from django.utils import timezone

from borgui.accounts import time_zone
from borgui.rundir import RunDirectory
from scripts_library import chain
from scripts_library.environment import HookContext
from scripts_library.models import Hook
from scripts_library.running import Run, Superseded

from . import attempts, directories, finishing, takeover
from .ledger import PATIENCE, Ledger, commit_to_disk, wait_at_most
from .takeover import Claimed, Left, W
from .watch import StopRequest, Watch

log = logging.getLogger(__name__)


def undertake(
    model: type[W],
    pk: int,
    stop: StopRequest,
    *,
    refuse: Callable[[W, str], bool],
    claim: Callable[[int, RunDirectory, StopRequest, Left], Claimed[W] | None],
    walk: Callable[[Claimed[W], RunDirectory, StopRequest], None],
) -> W | None:
    """Run or resume it in this process. None: there was nothing to do, or no right to do it.

    Raises rundir.Busy where another process has it, DoesNotExist of the model.
    """
    commit_to_disk()
    time_zone.activate()
    directory = directories.of(model, pk)
    left = directory.child()  # read before the lock is taken: taking it writes the file anew
    try:
        directory.acquire()
    except OSError as problem:
        if not refuse(model._default_manager.get(pk=pk), f"Not started: {problem}. Nothing was stopped."):
            raise
        return None
    try:
        claimed = claim(pk, directory, stop, left)
        if claimed is None:
            if directory.is_new:  # what it came for is over, and has taken its own along
                directory.remove()
            return None
        wait_at_most(PATIENCE)
        walk(claimed, directory, stop)
        return claimed.work
    except Superseded as reason:
        log.warning("%s", reason)
        return None
    finally:
        directory.release()


class Walk(ABC, Generic[W]):
    secrets: tuple[str, ...] = ()  # masked in the output of its scripts besides their own

    def __init__(self, claimed: Claimed[W], directory: RunDirectory, stop: StopRequest) -> None:
        self.work: W = claimed.work
        self.rows, self.directory, self.stop = claimed.rows, directory, stop
        self.ledger = Ledger(self.work, claimed.note)
        self.watch = Watch(self.work, stop)
        self.undisturbed = self.work.claim == 1
        self.may_retry = not self.undisturbed and not self.work.is_over and not takeover.is_given_up(self.work)

    @abstractmethod
    def walk(self) -> None:
        """From where the rows say that it is to its final status."""

    @abstractmethod
    def conclude(self) -> None:
        """Write the final status. Raises finishing.NotFinished, Superseded."""

    @abstractmethod
    def context(self, hook: str) -> HookContext:
        """What its scripts are told."""

    def finish(self) -> None:
        """The final status. What was lost again and again on the way here gets at least that, and no more."""
        try:
            self.conclude()
        except (Superseded, finishing.NotFinished):
            raise
        except Exception:
            if self.work.claim <= takeover.MOST_TAKEOVERS + 1:
                raise
            log.exception("%s %s cannot be finished as it should be", self.work.word, self.work.pk)
            finishing.finish_bare(self.work, self.ledger)

    def bring_back(self) -> bool:
        """Run the post-backup chain, and what recovery owes. False: out of time, something is left to be done."""
        run = self.run_for(Hook.POST)
        while True:
            due, later = attempts.open_rows(self.rows, timezone.now())
            if due:
                chain.run_post(due, run)
            elif later:
                attempts.wait_for(later[0], self.stop)
            elif not (self.may_retry and attempts.plan_retries(self.work, self.rows, self.ledger)):
                break
            if run.is_out_of_time():
                return not attempts.is_anything_left(self.rows)
        return True

    def enter(self, phase: str, **fields: Any) -> None:
        """Begin a phase, durably, together with what the one before it found out."""
        phases = self.work.phases_with(phase, timezone.now())
        self.ledger.own(phase=phase, phases=phases, **fields)

    def run_for(self, hook: str) -> Run:
        is_post = hook == Hook.POST
        return Run(
            context=self.context(hook),
            directory=self.directory,
            logs=self.logs,
            write=self.ledger.execution,
            should_stop=self.watch.post if is_post else self.watch.pre,
            tell=lambda row, title, text: self.ledger.message(title, text),
            is_out_of_time=self.stop.is_out_of_time if is_post else lambda: False,
            claim=self.work.claim,
            secrets=self.secrets,
        )

    @property
    def logs(self) -> Path:
        return settings.LOGS_DIR / "executions"
