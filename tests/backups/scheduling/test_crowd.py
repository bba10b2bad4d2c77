"""A thousand schedules due in the same minute, and four workers that all see them: each is started once."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups import scheduling
from backups.models import BackupJob, Repository, ScheduledJob, ScheduledRepository, ScheduleRun

MANY = 1000
WORKERS = 4

# Everybody waits until the file is there, and then looks; twice, as a worker that is started anew does.
WORKER = """
import pathlib, time
from datetime import datetime
from backups import scheduling
pathlib.Path({ready!r}).touch()
while not pathlib.Path({go!r}).exists():
    time.sleep(0.005)
print("queued", sum(len(scheduling.start_due(datetime.fromisoformat({now!r}))) for _ in range(2)))
"""


@pytest.fixture
def now() -> datetime:
    """A full minute, just over: the jobs get the time of the real clock."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def crowd(repository: Repository, due: datetime, count: int) -> None:
    schedules = ScheduledJob.objects.bulk_create(
        ScheduledJob(name=f"number {number}", cron_expression="17 2 * * *", timezone="UTC", next_run=due, starts_at=due)
        for number in range(count)
    )
    ScheduledRepository.objects.bulk_create(
        ScheduledRepository(scheduled_job=one, repository=repository, position=1) for one in schedules
    )


def assert_once(count: int, due: datetime) -> None:
    assert ScheduleRun.objects.filter(due_at=due, status="queued").count() == count
    runs = BackupJob.objects.values_list("schedule_run_id", flat=True)
    assert (len(runs), len(set(runs))) == (count, count)
    assert not ScheduledJob.objects.due(due).exists()


def test_one_worker_starts_all_of_them(make_repository: Any, now: datetime) -> None:
    crowd(make_repository(), now, MANY)

    assert len(scheduling.start_due(now)) == MANY

    assert_once(MANY, now)


def test_four_workers_start_each_of_them_once(
    processes: Any, make_repository: Any, now: datetime, tmp_path: Path
) -> None:
    crowd(make_repository(), now, MANY)
    go = tmp_path / "go"
    ready = [tmp_path / f"ready-{number}" for number in range(WORKERS)]
    texts = [WORKER.format(ready=str(one), go=str(go), now=(now + timedelta(seconds=30)).isoformat()) for one in ready]
    workers = [processes.start("shell", "--no-imports", "--command", text) for text in texts]
    processes.until(lambda: all(one.exists() for one in ready))

    go.touch()

    said = [processes.ends(worker, expect=0)[0] for worker in workers]
    counts = [int(found[1]) for text in said if (found := re.search(r"queued (\d+)", text))]
    assert (len(counts), sum(counts)) == (WORKERS, MANY), said
    assert_once(MANY, now)
