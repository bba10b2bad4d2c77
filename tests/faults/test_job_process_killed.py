"""The job process is ended with SIGKILL at every commit, spawn and wait of a job; then recovery runs."""

import os
import signal

import pytest

from .world import World, kill, left_over, owner_of, until

pytestmark = pytest.mark.faults
PARTS = 4
CHANCE = 20  # events that one run has and another has not: a wait that was not needed, a stamp noted later


def events_of(world: World, job, tmp_path) -> list[str]:
    """The events of one undisturbed run."""
    log = tmp_path / "events"
    log.unlink(missing_ok=True)
    assert world.forked(job.pk, log=log) == 0
    return log.read_text().splitlines()


@pytest.mark.parametrize("part", range(PARTS))
def test_no_promise_is_lost_wherever_the_job_process_is_killed(world, tmp_path, part):
    world.forked(world.new_job().pk)  # the first job of a script looks at its file for the first time
    clean = world.new_job()
    events = events_of(world, clean, tmp_path)
    clean.refresh_from_db()
    assert clean.status == "success"
    assert world.check(clean) == []
    assert len(events) > 60

    failures = []
    for at in range(1 + part, len(events) + 1, PARTS):
        job = world.new_job()
        killed = world.forked(job.pk, at) == signal.SIGKILL
        assert killed or at > len(events) - CHANCE
        job = world.finish(job)
        failures += [f"killed at {events[at - 1]}: {problem}" for problem in world.check(job)]

    assert failures == []


def killed_in(world: World, name: str):
    """A job whose process was killed while the named script, or borg, was running."""
    job = world.new_job()
    world.hold(name)
    pid = world.start(job.pk)
    until(lambda: f"{name} 1 start" in world.ledger.read_text(), what=f"the start of {name}")
    kill(pid)
    os.waitpid(pid, 0)
    world.release(name)
    return job


@pytest.mark.parametrize("first", ["pre1", "borg", "always"])
def test_no_promise_is_lost_when_the_recovery_is_killed_as_well(make_world, tmp_path, first):
    world = make_world(nap=0.15)
    job = killed_in(world, first)
    events = events_of(world, job, tmp_path)
    job.refresh_from_db()
    assert world.check(job) == []

    failures = []
    for at in range(1, len(events) + 1):
        job = killed_in(world, first)
        killed = world.forked(job.pk, at) == signal.SIGKILL
        assert killed or at > len(events) - CHANCE
        job = world.finish(job)
        failures += [f"killed at {events[at - 1]}: {problem}" for problem in world.check(job)]

    assert failures == []


def test_after_a_reboot_the_boot_id_alone_says_that_the_job_is_lost(world, installation):
    job = world.new_job()
    world.hold("always")
    process = world.installation.start("run_job", str(job.pk), extra=world.extra)
    until(lambda: "always 1 start" in world.ledger.read_text(), what="the post-backup chain")
    kill(process.pid)
    process.communicate()
    lock = installation.data_dir / "run" / "jobs" / str(job.pk) / "lock"
    stranger = installation.start("shell", "-c", "import time; time.sleep(60)")
    start = owner_of(world, job).start_time
    lock.write_text(f"{stranger.pid} {start} 00000000-0000-0000-0000-000000000000\n{stranger.pid} {start} none\n")

    world.release("always")

    world.recover()

    job.refresh_from_db()
    assert stranger.poll() is None, "a process with the recorded pid that is not ours was ended"
    kill(stranger.pid)
    stranger.communicate()
    assert list(left_over(job, installation.data_dir)) == []
    assert job.status == "success"
