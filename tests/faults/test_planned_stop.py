"""TERM to the job process in every phase and at every moment: services come back, and what is left is not forgotten."""

import os
import signal
import time
from datetime import timedelta

import pytest

from backups import attempts
from backups.models import BackupJob

from .world import World, kill, until

pytestmark = pytest.mark.faults
SHUT_DOWN = "Stopped: the service was shut down."
PARTS = 2


def ended(pid: int) -> float:
    """Wait for a forked job process; seconds that it took."""
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return time.monotonic() - began


def stopped_at(world: World, name: str, attempt: int = 1, job: BackupJob | None = None) -> BackupJob:
    """A job whose process got TERM while the named script, or borg, was running, and is over."""
    world.hold(name)
    job = job or world.new_job()
    pid = world.start(job.pk)
    world.until_started(name, attempt)
    os.kill(pid, signal.SIGTERM)
    ended(pid)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("place", ["pre1", "pre2", "borg"])
def test_what_runs_before_the_post_backup_chain_is_ended_and_services_come_back(world, place):
    job = stopped_at(world, place)

    assert (job.outcome, job.message) == ("failure", SHUT_DOWN)
    assert world.check(job) == []


def test_the_post_backup_chain_goes_on_within_the_grace(world):
    world.hold("always")
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started("always")

    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGTERM)  # impatience changes nothing
    world.release("always")
    ended(pid)

    job.refresh_from_db()
    assert job.status == "success"
    assert world.check(job) == []


def test_maintenance_is_ended_and_the_good_archive_stays_good(make_world):
    world = make_world(compact_after=True)

    job = stopped_at(world, "compact")

    assert (job.status, job.outcome, job.data) == ("warning", "success", "good")
    assert "compact was stopped" in job.message
    assert world.check(job) == []


@pytest.mark.parametrize("name", ["always", "good"])
def test_what_the_grace_does_not_see_the_end_of_runs_again_at_the_next_start(world, settings, name):
    settings.STOP_GRACE = 1

    job = stopped_at(world, name)
    assert job.status == "running"
    assert job.executions.get(script_name=name).status == "interrupted"
    world.release(name)
    world.resume()

    job.refresh_from_db()
    assert world.has_started(name, attempt=2)
    assert job.status == "success"
    assert world.check(job) == []


def test_a_stop_during_recovery_leaves_the_rest_to_the_next_one(world, settings):
    settings.STOP_GRACE = 1
    job = stopped_at(world, "always")

    stopped_at(world, "always", 2, job)
    assert job.status == "running"
    world.release("always")
    world.resume()

    job.refresh_from_db()
    assert world.has_started("always", attempt=3)
    assert world.check(job) == []


def test_a_job_that_waits_for_a_further_try_leaves_at_once(world, attach, monkeypatch):
    monkeypatch.setattr(attempts, "RETRY_AFTER", [timedelta(minutes=10)])
    attach(world.repository, "post-backup", "refuses", "exit 1", run_on="always")
    world.hold("borg")
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started("borg")
    world.lose(pid)
    pid = world.start(job.pk)
    refused = job.executions.filter(script_name="refuses")
    until(lambda: refused.filter(attempt=2, status="planned").exists(), what="the plan of a further try")

    os.kill(pid, signal.SIGTERM)

    assert ended(pid) < 60
    job.refresh_from_db()
    assert job.status == "running"
    assert refused.get(attempt=2).status == "planned"


def test_a_job_that_has_not_begun_stays_in_the_queue(world):
    job = world.new_job()

    pid = world.start(job.pk, at=1, number=signal.SIGTERM)
    ended(pid)

    job.refresh_from_db()
    if job.status == "queued":
        assert world.lines == []
        world.forked(job.pk)
        job.refresh_from_db()
    assert world.check(job) == []


@pytest.mark.parametrize("part", range(PARTS))
def test_no_promise_is_lost_whenever_the_job_process_is_asked_to_stop(world, tmp_path, part):
    """TERM at every third commit, spawn and wait; the others are like those."""
    world.forked(world.new_job().pk)
    log = tmp_path / "events"
    world.forked(world.new_job().pk, log=log)
    events = log.read_text().splitlines()
    failures = []
    for at in range(1 + 3 * part, len(events) + 1, 3 * PARTS):
        job = world.new_job()
        ended(world.start(job.pk, at, number=signal.SIGTERM))
        job = world.finish(job)
        if job.outcome == "failure" and job.message != SHUT_DOWN:
            failures.append(f"TERM at {events[at - 1]}: {job.message}")
        failures += [f"TERM at {events[at - 1]}: {problem}" for problem in world.check(job)]

    assert failures == []


def test_a_stop_that_is_cut_short_by_kill_is_made_good(world):
    """The container engine had less patience than the grace."""
    world.hold("failing")
    world.hold("pre2")
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started("pre2")
    os.kill(pid, signal.SIGTERM)
    world.until_started("failing")
    kill(pid)
    os.waitpid(pid, 0)
    world.release("failing")

    world.resume()

    job.refresh_from_db()
    assert (job.outcome, job.claim) == ("failure", 2)
    assert job.message.startswith(SHUT_DOWN)
    assert world.check(job) == []
