"""Starting job processes and collecting them: the worker's side of "a process per job" (behaviour.md, section 2).

A huey task or the tick asks `start_due`; the worker's main thread calls `reap` every now and then. What was started and
has not claimed yet is marked (`starting`), and a process started twice is harmless: the claim decides.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import timezone

from borgui import process
from borgui.commands import USAGE

from . import notifications, queue, recovery, starting
from .models import WindowRun

log = logging.getLogger(__name__)
REST = 10.0  # seconds
QUEUED = ("run_job", "run_window")  # what waits in the queue before


@dataclass
class Launcher:
    """Children of this process by what they run, e.g. ("run_job", 17)."""

    children: dict[tuple[str, int], process.Child] = field(default_factory=dict)
    stopping: bool = False
    _again: set[tuple[str, int]] = field(default_factory=set)  # whose next process waits until the one before is over
    _resting: dict[tuple[str, int], float] = field(default_factory=dict)  # until then: it failed before its claim
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def start_due(self) -> list[int]:
        """Start a process for each queued job and window that may start now; tell the others what they wait for.

        Returns the jobs.
        """
        with self._lock, starting.one_at_a_time():
            if self.stopping:
                return []
            decision = queue.decide(self._on_the_way("run_job"), self._on_the_way("run_window"))
            decision.start = [pk for pk in decision.start if self._may_start("run_job", pk)]
            for pk in decision.start:
                self.start("run_job", pk)
            for pk in decision.open:
                if self._may_start("run_window", pk):
                    self.start("run_window", pk)
        queue.tell_waiting(decision.waiting)
        queue.tell_waiting(decision.closed, WindowRun)
        return decision.start

    def _on_the_way(self, command: str) -> set[int]:
        return {pk for one, pk in self.children if one == command} | starting.marked(command)

    def _may_start(self, command: str, pk: int) -> bool:
        return self._resting.get((command, pk), 0.0) <= time.monotonic()

    def recover(self) -> list[tuple[str, int]]:
        """Start what resumes every lost job, window and test run, outside the slots; returns what was started."""
        with self._lock:
            if self.stopping:
                return []
            lost = [one for one in recovery.lost() if one not in self.children]
            for command, pk in lost:
                self.start(command, pk)
        return lost

    def tell(self) -> None:
        """Decide who is told what, and start the sender where something waits for it."""
        now = timezone.now()
        notifications.look(now)
        if notifications.anything_due(now):
            self.start("send_notifications", 0)

    def start(self, command: str, pk: int) -> None:
        """`manage.py COMMAND PK` in a process of its own, unless it has one; 0 stands for no argument."""
        with self._lock:
            if self.stopping or (command, pk) in self.children:
                return
            argv = [sys.executable, str(settings.BASE_DIR / "manage.py"), command, *([str(pk)] if pk else [])]
            self.children[command, pk] = child = process.spawn(argv, cwd=settings.BASE_DIR)
            if command in QUEUED:
                starting.mark(command, pk, child.pid)

    def start_again(self, pk: int, command: str = "run_job") -> None:
        """Run what is finished once more; where its process is still ending, as soon as that one is collected."""
        with self._lock:
            if (command, pk) in self.children:
                self._again.add((command, pk))
            else:
                self.start(command, pk)

    def reap(self) -> list[tuple[str, int]]:
        """Collect the children that are over; those that died by a signal are recovered at once."""
        with self._lock:
            over = [one for one, child in self.children.items() if child.poll() is not None]
            signalled = [one for one in over if (self.children[one].returncode or 0) < 0]
            for one in over:
                self._note_failure(*one, self.children.pop(one).returncode or 0)
            self._start_waiting()
        for command, pk in signalled:
            log.warning("%s %s died by a signal", command, pk)
        if signalled:
            self.recover()
        return over

    def _start_waiting(self) -> None:
        for one in [one for one in self._again if one not in self.children]:
            self._again.remove(one)
            self.start(*one)

    def _note_failure(self, command: str, pk: int, code: int) -> None:
        """What is still queued after a fault is not tried again at once, and again, and again.

        Being killed from outside (a negative code) is no fault of its own: that is tried again at once.
        """
        now = time.monotonic()
        self._resting = {one: until for one, until in self._resting.items() if until > now}
        if command in QUEUED and code > 0 and code != USAGE:
            self._resting[command, pk] = now + REST

    def stop(self, tell: Callable[[process.Child], None]) -> None:
        """Start nothing more, and tell each child."""
        with self._lock:
            self.stopping = True
            for child in self.children.values():
                tell(child)


launcher = Launcher()
