"""Counters outlive every crash: how often a script is started again, and after how long (section 6, point 3)."""

import os
import signal
from datetime import timedelta

import pytest

from backups import attempts
from backups.models import Notification

from .world import World, until

pytestmark = pytest.mark.faults
REBOOTS = 'echo "{name} $ATTEMPT start $JOB_ID" >> "$LEDGER"; kill -9 "$PPID"; sleep 60'


def starts(world: World, name: str) -> list[str]:
    """The ATTEMPT of each start of a script."""
    words = [line.split() for line in world.lines]
    return [attempt for first, attempt, what, *_ in words if (first, what) == (name, "start")]


def recover_until_over(world: World, job, most: int = 20) -> int:
    """Recovery again and again, as the minute tick does it; how often it was needed."""
    for count in range(most):
        job.refresh_from_db()
        if job.is_over:
            return count
        world.resume()
    raise AssertionError("the job does not come to its end")


@pytest.fixture
def quick_tries(monkeypatch):
    monkeypatch.setattr(attempts, "RETRY_AFTER", [timedelta(seconds=1)] * 5)


def test_a_script_that_ends_the_machine_is_started_three_times_and_then_told(world, attach):
    attach(world.repository, "post-backup", "reboots", REBOOTS.format(name="reboots"), run_on="always")
    job = world.new_job()

    world.forked(job.pk)
    recover_until_over(world, job)

    assert starts(world, "reboots") == ["1", "2", "3"]
    assert [row.status for row in job.executions.filter(script_name="reboots")] == ["interrupted"] * 3
    assert (job.status, job.services) == ("warning", "broken_promise")
    assert job.broken_promises.open().get().script_name == "reboots"
    assert starts(world, "always") == starts(world, "good") == ["1"], "the others had their turn, once"
    assert Notification.objects.get(job=job).event == "broken_promise"


def test_a_job_that_is_lost_again_and_again_is_given_up_and_told(world, attach):
    for name in ("one", "two", "three"):
        attach(world.repository, "post-backup", name, REBOOTS.format(name=name), run_on="always")
    job = world.new_job()

    world.forked(job.pk)
    recover_until_over(world, job)

    assert len([line for line in world.lines if line.split()[0] in ("one", "two", "three")]) == 6
    assert job.claim == 7, "it was taken over five times, and once more to be finished"
    assert {promise.script_name for promise in job.broken_promises.open()} == {"one", "two", "three"}
    assert not job.executions.filter(status__in=("planned", "running")).exists()


@pytest.mark.usefixtures("quick_tries")
def test_tries_are_counted_over_any_number_of_losses(world, attach):
    """The recovery is killed while it tries again: the next one goes on counting."""
    body = 'echo "fails $ATTEMPT start $JOB_ID" >> "$LEDGER"; exit 1'
    attach(world.repository, "post-backup", "fails", body, run_on="always")
    world.hold("pre1")
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started("pre1")
    world.lose(pid)
    for attempt in (1, 3):
        pid = world.start(job.pk)
        world.until_started("fails", attempt)
        until(lambda given=attempt: over(job, given), what="the end of that attempt")
        world.lose(pid)

    recover_until_over(world, job)

    assert set(starts(world, "fails")) == {"1", "2", "3", "4", "5", "6"}
    assert job.executions.filter(script_name="fails", status="failed").count() == 6
    assert job.broken_promises.open().get().script_name == "fails"


def over(job, attempt: int) -> bool:
    """The attempt was recorded as failed."""
    return job.executions.filter(script_name="fails", attempt=attempt, status="failed").exists()


@pytest.mark.usefixtures("quick_tries")
def test_a_promise_that_is_kept_at_the_last_try_is_no_broken_promise(world, attach):
    body = 'echo "late $ATTEMPT start $JOB_ID" >> "$LEDGER"; [ "$ATTEMPT" -ge 6 ]'
    attach(world.repository, "post-backup", "late", body, run_on="always")
    world.hold("borg")
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started("borg")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    recover_until_over(world, job)

    assert starts(world, "late") == ["1", "2", "3", "4", "5", "6"]
    assert world.check(job) == []


def test_a_script_that_must_not_run_again_does_not_and_that_is_told(world, attach):
    body = f"# /// borgui\n# rerun = false\n# ///\n{REBOOTS.format(name='once')}"
    attach(world.repository, "post-backup", "once", body, run_on="always")
    job = world.new_job()

    world.forked(job.pk)
    recover_until_over(world, job)

    assert starts(world, "once") == ["1"]
    assert job.broken_promises.open().get().script_name == "once"
