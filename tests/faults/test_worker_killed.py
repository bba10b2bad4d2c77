"""The worker is ended with SIGKILL in mid-job, alone and together with the job process."""

import pytest

from backups.models import BackupJob

from .world import kill, owner_of, until

pytestmark = pytest.mark.faults
PLACES = ["pre1", "borg", "always"]


def is_over(job: BackupJob) -> bool:
    job.refresh_from_db()
    return job.is_over and not job.phase


def over(job: BackupJob) -> BackupJob:
    until(lambda: is_over(job), what="the end of the job")
    return job


@pytest.mark.parametrize("place", PLACES)
def test_a_job_goes_on_without_its_worker_and_the_next_worker_leaves_it_alone(world, crew, place):
    world.hold(place)
    job = world.new_job()
    worker = crew.worker()
    world.until_started(place)
    crew.kill(worker)

    next_one = crew.worker()
    world.release(place)

    over(job)
    assert (job.status, job.claim) == ("success", 1), "it came to its end by itself"
    assert crew.stop(next_one) == 0
    assert world.check(job) == []


@pytest.mark.parametrize("place", PLACES)
def test_the_next_worker_finishes_what_lost_worker_and_job_process_together(world, crew, place):
    world.hold(place)
    job = world.new_job()
    worker = crew.worker()
    world.until_started(place)
    owner = owner_of(world, job)
    crew.kill(worker)
    kill(owner.pid)
    world.release(place)

    next_one = crew.worker()

    over(job)
    assert (job.outcome, job.claim) == ("success" if place == "always" else "failure", 2)
    assert crew.stop(next_one) == 0
    assert world.check(job) == []


def until_all_holds(world, job):
    """Also when another process comes for the job after its end, finds nothing to do, and goes."""
    until(lambda: not world.check(job), what=f"that {world.check(job)} is over")


def test_a_worker_that_dies_with_its_job_only_just_started_loses_nothing(world, crew):
    """Its process has not claimed the job yet: it does so by itself, or the next worker starts another one."""
    for _ in range(3):
        job = world.new_job()
        worker = crew.worker()
        crew.kill(worker)

        next_one = crew.worker()

        over(job)
        crew.kill(next_one)
        assert job.claim == 1
        until_all_holds(world, job)
