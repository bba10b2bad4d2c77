"""Web, worker and jobs under the real supervisor: it is killed, asked to stop, and everything is killed at once."""

import signal

import pytest

from .world import BODY, owner_of, until

pytestmark = pytest.mark.faults
PLACES = ["pre1", "borg", "always"]
SHUT_DOWN = "Stopped: the service was shut down."


def job_at(world, crew, place: str, **extra: str):
    """A job that stands at the place, under a supervisor."""
    world.hold(place)
    job = world.new_job()
    supervisor = crew.supervisor(**extra)
    world.until_started(place)
    return job, supervisor


def assert_stopped_in_order(world, job, place: str) -> None:
    """Services were brought back by the job process itself: nobody else has claimed it."""
    job.refresh_from_db()
    assert job.claim == 1
    if place == "always":
        assert job.status == "success"
    else:
        assert (job.outcome, job.message) == ("failure", SHUT_DOWN)
    assert world.check(job) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_container_stop_brings_services_back_and_leaves_nothing(world, crew, place):
    job, supervisor = job_at(world, crew, place)

    supervisor.send_signal(signal.SIGTERM)
    if place == "always":  # it may come to its end: nobody sends it TERM
        until(lambda: "bring their services back first" in crew.said, what="the stop")
        world.release(place)

    assert supervisor.wait(60) == 0, crew.said
    assert crew.living() == []
    assert_stopped_in_order(world, job, place)


@pytest.mark.parametrize("place", ["pre1", "borg"])
def test_web_worker_and_job_stop_in_order_when_the_supervisor_is_killed(world, crew, place):
    job, supervisor = job_at(world, crew, place)

    crew.kill(supervisor)

    until(lambda: crew.living() == [], what="the end of everything")
    assert_stopped_in_order(world, job, place)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scripts", ["live on", "die too"])
def test_everything_is_killed_at_once_and_the_next_start_makes_it_good(world, crew, place, scripts):
    job, _ = job_at(world, crew, place)

    crew.kill_all(but_scripts=scripts == "live on")
    world.release(place)
    said = world.recover()

    job.refresh_from_db()
    assert (job.outcome, job.claim) == ("success" if place == "always" else "failure", 2)
    assert f"run_job {job.pk}: {job.status}" in said
    assert world.check(job) == []
    assert crew.living() == []


@pytest.mark.parametrize("place", PLACES)
def test_after_a_reboot_the_next_start_makes_it_good(world, installation, place):
    """All processes are gone, and the lock file names another boot: the same pids may belong to anybody now."""
    world.hold(place)
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started(place)
    lock = installation.data_dir / "run" / "jobs" / str(job.pk) / "lock"
    owner = owner_of(world, job)
    world.lose(pid, with_scripts=True)
    lock.write_text(lock.read_text().replace(owner.boot_id, "00000000-0000-0000-0000-000000000000"))
    job.__class__.objects.update(owner=str(owner).replace(owner.boot_id, "00000000-0000-0000-0000-000000000000"))
    world.release(place)

    world.resume()

    job.refresh_from_db()
    assert job.outcome == ("success" if place == "always" else "failure")
    assert world.check(job) == []


def test_what_outlives_the_grace_is_made_good_at_the_next_start(world, crew, attach):
    attach(
        world.repository,
        "post-backup",
        "stubborn",
        f"trap '' TERM\n{BODY.format(name='stubborn', nap=0)}",
        run_on="always",
    )
    job, supervisor = job_at(world, crew, "stubborn", BORGUI_STOP_GRACE="2")

    assert crew.stop(supervisor) == 0
    assert crew.living() == []
    job.refresh_from_db()
    assert job.status == "running"

    world.release("stubborn")
    world.recover()

    job.refresh_from_db()
    attempts = [(row.attempt, row.status) for row in job.executions.filter(script_name="stubborn").in_order()]
    assert attempts == [(1, "interrupted"), (2, "succeeded")]
    assert world.check(job) == []
