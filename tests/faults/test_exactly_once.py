"""Whatever comes twice, late, or not at all: every job runs exactly once, and whoever was taken over does nothing more."""

import os
import signal
from typing import Any

import pytest

from backups.launcher import Launcher
from backups.models import BackupJob, Notification
from backups.tasks import start_jobs
from borgui.rundir import Busy, RunDirectory
from scripts_library.models import ScriptExecution

from .world import BUSY, until

pytestmark = pytest.mark.faults


def code_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def over(job: BackupJob) -> BackupJob:
    def is_over() -> bool:
        job.refresh_from_db()
        return job.is_over

    until(is_over, what="the end of the job")
    return job


@pytest.fixture
def launchers(world, monkeypatch):
    """Two workers' launchers in this process; what they start runs in this world."""
    for name, value in {**world.installation.environment, **world.extra}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "borgui.settings")
    found = [Launcher(), Launcher()]
    yield found
    for launcher in found:
        for child in launcher.children.values():
            child.terminate()
            child.wait()


def serve(launchers: list[Launcher]) -> None:
    """Collect until nobody has a child any more."""

    def is_idle() -> bool:
        for launcher in launchers:
            launcher.reap()
        return not any(launcher.children for launcher in launchers)

    until(is_idle, what="the end of all job processes")


# --- two at once ------------------------------------------------------------------------------------------------------
def test_two_processes_that_start_the_same_job_at_the_same_instant_run_it_once(world):
    for _ in range(20):
        job = world.new_job()

        codes = [code_of(pid) for pid in [world.start(job.pk), world.start(job.pk)]]

        job.refresh_from_db()
        world.resume()  # sweeps what the one that came too late has left
        assert set(codes) <= {0, BUSY}
        assert (job.status, job.claim) == ("success", 1)
        assert world.check(job) == []


def test_who_finds_a_job_taken_leaves_it_alone(world):
    world.hold("pre1")
    job = world.new_job()
    first = world.start(job.pk)
    world.until_started("pre1")

    assert os.waitstatus_to_exitcode(world.forked(job.pk)) == BUSY

    world.release("pre1")
    assert code_of(first) == 0
    job.refresh_from_db()
    assert job.claim == 1
    assert world.check(job) == []


def test_two_workers_that_start_the_same_job_run_it_once(world, launchers):
    job = world.new_job()

    assert launchers[0].start_due() == [job.pk]
    assert launchers[1].start_due() == [], "it sees that there is a process on the way"
    launchers[1].start("run_job", job.pk)  # it decided at the same moment
    serve(launchers)

    assert over(job).claim == 1
    world.resume()
    assert world.check(job) == []


def test_two_recoverers_at_once_resume_a_lost_job_once(world, crew):
    world.hold("pre2")
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started("pre2")
    world.lose(pid)
    world.release("pre2")

    both = [crew.manage("recover"), crew.manage("recover")]

    assert [one.wait(60) for one in both] == [0, 0]
    job.refresh_from_db()
    assert job.claim == 2
    world.resume()
    assert world.check(job) == []
    assert len([line for line in world.lines if line.startswith("always")]) == 2


# --- pokes that come twice, or never ----------------------------------------------------------------------------------
def test_a_task_that_comes_twice_starts_nothing_twice(world, launchers, monkeypatch):
    monkeypatch.setattr("backups.tasks.launcher", launchers[0])
    job = world.new_job()

    start_jobs.call_local()
    start_jobs.call_local()
    assert list(launchers[0].children) == [("run_job", job.pk)]
    serve(launchers)
    start_jobs.call_local()

    assert launchers[0].children == {}
    assert over(job).claim == 1
    assert world.check(job) == []


def test_the_queue_file_is_lost_and_the_next_worker_finds_what_waits(world, crew, installation):
    crew.stop(crew.worker())
    for path in installation.data_dir.glob("huey.db*"):
        path.unlink()
    job = world.new_job()

    worker = crew.worker()

    assert over(job).status == "success"
    assert crew.stop(worker) == 0
    assert world.check(job) == []


def test_the_queue_file_is_lost_under_a_worker_that_goes_on_with_what_waits(world, crew, installation):
    """A job that ends makes room for the next without any poke."""
    world.hold("pre1")
    first, second = world.new_job(), world.new_job()
    worker = crew.worker()
    world.until_started("pre1")

    for path in installation.data_dir.glob("huey.db*"):
        path.unlink()
    world.ledger.write_text("")
    world.release("pre1")

    assert over(first).status == "success"
    assert over(second).status == "success"
    assert crew.stop(worker) == 0


def test_a_worker_that_is_started_three_times_in_a_minute_runs_every_job_once(world, crew):
    for number in range(3):
        job = world.new_job()
        worker = crew.worker()
        if number < 2:
            until(lambda: world.lines, what="a first script")
        over(job)
        crew.kill(worker) if number % 2 else crew.stop(worker)
        assert job.claim == 1
        world.resume()
        until(
            lambda job=job: not world.check(job), what="its end"
        )  # the last step of its process is after the job's end


# --- a suspended owner ------------------------------------------------------------------------------------------------
def everything(job: BackupJob) -> list[Any]:
    """All that could be written about a job."""
    rows = [*BackupJob.objects.filter(pk=job.pk).values(), *ScriptExecution.objects.order_by("pk").values()]
    return [*rows, *Notification.objects.order_by("pk").values()]


@pytest.mark.parametrize("place", ["pre1", "borg", "always"])
def test_a_suspended_owner_that_was_taken_over_does_nothing_when_it_wakes_up(world, installation, place):
    world.hold(place)
    job = world.new_job()
    pid = world.start(job.pk)
    world.until_started(place)
    os.kill(pid, signal.SIGSTOP)
    (installation.data_dir / "run" / "jobs" / str(job.pk) / "lock").unlink()
    world.release(place)
    assert os.waitstatus_to_exitcode(world.forked(job.pk)) == 0
    job.refresh_from_db()
    assert job.claim == 2
    assert world.check(job) == []
    known, lines = everything(job), world.lines

    os.kill(pid, signal.SIGCONT)

    assert code_of(pid) == 0
    assert everything(job) == known
    assert world.lines == lines
    world.resume()  # sweeps the lock file that it has put back
    assert world.check(job) == []


# --- a run directory that is being removed while somebody waits for it -----------------------------------------------
def test_who_waits_for_the_lock_makes_nothing_in_a_directory_that_is_being_removed(tmp_path):
    mine = RunDirectory(tmp_path / "7")
    mine.acquire()
    mine.state.rmdir()
    mine.copies.rmdir()

    with pytest.raises(Busy):
        RunDirectory(tmp_path / "7").acquire(patience=0.1)

    assert os.listdir(tmp_path / "7") == ["lock"]


def test_a_directory_that_was_removed_while_somebody_waited_is_made_again(tmp_path):
    mine, other = RunDirectory(tmp_path / "7"), RunDirectory(tmp_path / "7")
    mine.acquire()

    mine.remove()
    other.acquire(patience=0.1)

    assert other.is_owned()
    assert sorted(os.listdir(tmp_path / "7")) == ["lock", "scripts", "state"]


def test_a_lock_whose_directory_cannot_be_filled_is_given_back(tmp_path):
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "state").touch()  # in the way

    with pytest.raises(FileExistsError):
        RunDirectory(tmp_path / "7").acquire(patience=0.1)

    (tmp_path / "7" / "state").unlink()
    RunDirectory(tmp_path / "7").acquire(patience=0.1)
