"""Queue, cancel, stop, kill, recover, edit, detach and disable in any order: every promise is kept, or told as broken."""

import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from backups import queue, recovery
from backups.models import BackupJob
from backups.verdicts import last_attempts
from scripts_library import assignments, chain, library
from scripts_library.models import ExecutionStatus, Hook, RepositoryScript, Script, ScriptExecution

from .world import OVER, World, carriers, kill, until

pytestmark = pytest.mark.faults
NAMES = ["pre1", "pre2", "always", "failing", "good"]
PLACES = st.sampled_from(["pre1", "pre2", "borg", "always", "failing", "good"])
ENDS = st.sampled_from(["kill", "stop", "kill", "cancel", "stop_one_script", "kill", "wait"])
CHANGES = st.lists(
    st.tuples(st.sampled_from(["edit", "attach_or_detach", "enable_or_disable"]), st.sampled_from(NAMES)), max_size=2
)
BOUNDED = settings(
    max_examples=20,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # a story that fails is told as it was: making it shorter takes minutes
    suppress_health_check=list(HealthCheck),
)


class Story(RuleBasedStateMachine):
    """One repository; one job process at a time, which comes to stand at a place in the chain."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.pid = 0  # of the job process, if there is one
        self.changes: list[tuple[str, str]] = []
        self.texts = itertools.count()

    @property
    def jobs(self) -> Any:
        return BackupJob.objects.filter(repository=self.world.repository)

    # --- what happens -------------------------------------------------------------------------------------------------
    @rule(what=st.sampled_from(["run", "recover", "queue", "cancel_waiting"]), place=PLACES, changes=CHANGES, how=ENDS)
    def go_on(self, what: str, place: str, changes: list[tuple[str, str]], how: str) -> None:
        """One rule for all: of several, hypothesis leaves out most in most of its stories."""
        self.changes = changes
        getattr(self, what)(place, how)
        self.change()

    def run(self, place: str, how: str) -> None:
        """The next job that may start, up to a place where it is ended somehow."""
        if not self.jobs.unfinished().exists():
            self.queue()
        for pk in queue.decide().start[:1]:
            self.run_to(place, pk)
            self.end_it(how)

    def recover(self, place: str, how: str) -> None:
        """What is lost is resumed, and that process may be lost as well."""
        for _, pk in list(recovery.lost()):
            self.run_to(place, pk)
            self.end_it(how)

    def queue(self, *_: str) -> None:
        queue.enqueue(self.world.repository, triggered_by="api")

    def cancel_waiting(self, *_: str) -> None:
        if job := self.jobs.queued().last():
            queue.request_cancel(job)

    # --- ways to end a job --------------------------------------------------------------------------------------------
    def end_it(self, how: str) -> None:
        """Nobody waits for ever: what cannot be ended where it stands may go on."""
        if self.pid and not getattr(self, how)():
            self.world.release(self.place)
        self.wait_for_the_end()
        self.world.release(self.place)

    def kill(self) -> bool:
        kill(self.pid)
        return True

    def wait(self) -> bool:
        return False

    def stop(self) -> bool:
        """A planned stop; what still stands when the grace is over is left to recovery."""
        os.kill(self.pid, signal.SIGTERM)
        return True

    def cancel(self) -> bool:
        """False where it is too late."""
        for job in self.jobs.running():
            try:
                queue.request_cancel(job)
            except queue.TooLate:
                return False
        return True

    def stop_one_script(self) -> bool:
        row = ScriptExecution.objects.filter(backup_job__in=self.jobs.running(), status="running").first()
        if row is not None:
            queue.request_execution_cancel(row)
        return row is not None

    def change(self) -> None:
        """What people do meanwhile: while a job stands at its place, if there is one."""
        while self.changes:
            how, name = self.changes.pop()
            getattr(self, how)(name)

    # --- changes ------------------------------------------------------------------------------------------------------
    def edit(self, name: str) -> None:
        script = Script.objects.kept().get(name=name)
        text = library.store().read(script.file_path).content.partition("\n# edited")[0]
        changes = {"content": f"{text}\n# edited {next(self.texts)}\n"}
        library.update(script, changes=changes, source="editor", base_sha256=script.sha256)

    def attach_or_detach(self, name: str) -> None:
        script = Script.objects.kept().get(name=name)
        entry = RepositoryScript.objects.filter(repository=self.world.repository, script=script).first()
        if entry:
            assignments.remove(entry)
        else:
            hook = Hook.PRE if name.startswith("pre") else Hook.POST
            assignments.assign(self.world.repository.pk, script, hook)

    def enable_or_disable(self, name: str) -> None:
        entry = RepositoryScript.objects.filter(repository=self.world.repository, script__name=name).first()
        if entry:
            assignments.change(entry, {"enabled": not entry.enabled})

    # --- how it is done -----------------------------------------------------------------------------------------------
    def run_to(self, place: str, pk: int) -> None:
        """Start or resume a job up to a place, to which it may never come."""
        self.world.hold(place)
        seen = len(self.world.lines)
        self.place, self.pid = place, self.world.start(pk)

        def stands() -> bool:
            return any(line.split()[0::2][:2] == [place, "start"] for line in self.world.lines[seen:])

        until(lambda: stands() or self.is_over(), what=f"job {pk} at {place}")
        self.change()

    def is_over(self) -> bool:
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
        return not self.pid

    def wait_for_the_end(self) -> None:
        until(self.is_over, what=f"the end of a job that stands at {self.place}")

    # --- what must hold -----------------------------------------------------------------------------------------------
    @invariant()
    def one_job_runs_at_a_time(self) -> None:
        assert self.jobs.running().count() <= 1

    def teardown(self) -> None:
        for _ in range(50):
            self.world.resume()
            for pk in queue.decide().start:
                self.world.forked(pk)
            if not self.jobs.unfinished().exists():
                break
        assert [problem for job in self.jobs for problem in wrong(self.world, job)] == []


def wrong(world: World, job: BackupJob) -> Iterator[str]:
    """Everything that must hold for a job, whatever its chain was and whatever happened to it."""
    lines = [line.split() for line in world.lines if line.split()[3] in (str(job.pk), job.token)]
    starts = Counter(name for name, _, what, _ in lines if what == "start")
    ends = Counter(name for name, _, what, _ in lines if what == "end")
    if job.status not in OVER or job.phase:
        yield f"job {job.pk} is {job.status} in phase '{job.phase}'"
    for name in ("pre1", "pre2", "borg"):
        if starts[name] > 1:
            yield f"job {job.pk}: {name} ran {starts[name]} times"
    if job.executions.unfinished().exists():
        yield f"job {job.pk}: an execution is still open"
    for row in last_attempts(job.executions.all(), Hook.POST):
        if not chain.matches(row.run_on, job.outcome):
            if starts[row.script_name]:
                yield f"job {job.pk}: '{row.script_name}' ran after {job.outcome}"
        elif row.status == ExecutionStatus.SUCCEEDED:
            if not ends[row.script_name]:
                yield f"job {job.pk}: '{row.script_name}' succeeded and never came to its end"
        elif row.is_promise:
            yield from not_told(job, row)
    is_kept = job.broken_promises.open().exists()
    if (world.installation.data_dir / "run" / "jobs" / str(job.pk)).exists() != is_kept:
        yield f"job {job.pk}: its run directory is {'gone' if is_kept else 'left'}"
    if left := carriers([token for token in (job.token, *job.executions.values_list("token", flat=True)) if token]):
        yield f"job {job.pk}: processes are left: {left}"


def not_told(job: BackupJob, row: ScriptExecution) -> Iterator[str]:
    """A promise may be broken by a person who stopped the script, or by three losses; and it is told."""
    cut_off = job.executions.filter(position=row.position, status=ExecutionStatus.INTERRUPTED).count()
    if row.status != ExecutionStatus.CANCELLED and cut_off < 3:
        yield f"job {job.pk}: the promise '{row.script_name}' was lost ({row.status}, {row.error_message})"
    if not job.broken_promises.filter(position=row.position).exists():
        yield f"job {job.pk}: that the promise '{row.script_name}' was broken is told nowhere"


def test_every_promise_is_kept_or_told_whatever_happens_in_whatever_order(
    make_world: Callable[..., World], settings: Any
) -> None:
    settings.STOP_GRACE = 1
    numbers = itertools.count()

    run_state_machine_as_test(lambda: Story(make_world(f"story-{next(numbers)}", nap=0)), settings=BOUNDED)
