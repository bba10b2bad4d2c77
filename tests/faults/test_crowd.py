"""Four workers on one data directory, two hundred jobs, and workers that are killed all the time."""

import random
import signal
import time
from collections import Counter
from typing import Any

import pytest

from backups import queue
from backups.models import BackupJob, Repository
from scripts_library import assignments

from .world import World, left_over

pytestmark = pytest.mark.faults
JOBS, REPOSITORIES = 200, 20
WORKERS = 4  # processes, and jobs at a time
KILLS = 25
LIMIT = 600.0  # seconds that it does not need on the busiest machine
SETTINGS = {"BORGUI_WORKERS": str(WORKERS), "NAP": "0", "BORGUI_PASS_ENV": "LEDGER NAP"}
BODY = 'echo "{name} $ATTEMPT {what} $JOB_ID $REPOSITORY_ID" >> "$LEDGER"'


@pytest.fixture
def world(installation, make_repository, make_script, tmp_path):
    """Twenty repositories that share one short chain."""
    stop = make_script("stop", BODY.format(name="stop", what="start"))
    start = make_script("start", BODY.format(name="start", what="end"), run_on="always")
    for number in range(REPOSITORIES):
        repository = make_repository(f"repository-{number}")
        assignments.assign(repository.pk, stop, "pre-backup")
        assignments.assign(repository.pk, start, "post-backup")
    return World(installation, repository, tmp_path / "ledger")


def most_at_once(jobs: list[BackupJob]) -> int:
    """How many stood between claim and final status at the same time."""
    moments = [(job.started_at, 1) for job in jobs] + [(job.completed_at, -1) for job in jobs]
    count = most = 0
    for _, change in sorted(moments):
        count += change
        most = max(most, count)
    return most


def overlaps(lines: list[str]) -> list[str]:
    """Jobs that began while another one of their repository was under way."""
    busy: dict[str, str] = {}
    found = []
    for name, _, _, job, *repository in (line.split() for line in lines):
        if name == "stop":
            if other := busy.get(repository[0]):
                found.append(f"job {job} began before job {other} was over")
            busy[repository[0]] = job
        elif name == "start":
            busy.pop(repository[0], None)
    return found


def serve_and_kill(crew, dice: random.Random) -> list[Any]:
    """Workers that are killed and started again until nothing waits any more; the last ones of them."""
    workers = [crew.manage("run_worker", **SETTINGS) for _ in range(WORKERS)]
    deadline = time.monotonic() + LIMIT
    kills = 0
    while left := BackupJob.objects.unfinished().count():
        assert time.monotonic() < deadline, f"{left} jobs are not over\n{crew.said[-3000:]}"
        time.sleep(dice.uniform(1, 4))
        if kills < KILLS:
            kills += 1
            victim = dice.randrange(WORKERS)
            crew.kill(workers[victim])
            workers[victim] = crew.manage("run_worker", **SETTINGS)
    assert kills > 5
    return workers


def test_every_job_runs_exactly_once_while_workers_are_killed(world, crew):
    dice = random.Random(20)
    repositories = list(Repository.objects.all()) * (JOBS // REPOSITORIES)
    dice.shuffle(repositories)
    for repository in repositories:
        queue.enqueue(repository, triggered_by="api")

    workers = serve_and_kill(crew, dice)
    codes = [crew.stop(worker) for worker in workers]

    jobs = list(BackupJob.objects.order_by("pk"))
    assert Counter((job.status, job.claim) for job in jobs) == {("success", 1): JOBS}
    ran = Counter(line.split()[0] + line.split()[3] for line in world.lines if "borg 1 end" not in line)
    assert len(ran) == 3 * JOBS
    assert set(ran.values()) == {1}
    assert overlaps(world.lines) == []
    assert most_at_once(jobs) <= WORKERS
    assert "database is locked" not in crew.said
    assert "Traceback" not in crew.said, crew.said[-3000:]
    assert set(codes) <= {0, -signal.SIGTERM}, "the last one may not have listened yet"
    world.resume()
    assert [problem for job in jobs for problem in left_over(job, world.installation.data_dir)] == []
