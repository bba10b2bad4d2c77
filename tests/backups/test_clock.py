"""The clock is set back or its time zone changes: nothing lasts a negative time, nothing waits longer than planned."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from backups import attempts, borgcall
from backups.models import BackupJob, BrokenPromise, Repository
from backups.watch import StopRequest
from scripts_library.models import ScriptExecution

from .conftest import Journal, eventually, row_of, statuses

pytestmark = pytest.mark.borg
HOUR = timedelta(hours=1)
BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'


@pytest.fixture
def shop(repository: Repository, attach: Callable[..., Any], journal: Journal) -> Repository:
    attach(repository, "pre-backup", "stop", f"{BLOCK}{journal.note('stop')}")
    attach(repository, "post-backup", "start", f"{BLOCK}{journal.note('start $ATTEMPT')}", run_on="always")
    return repository


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """When borg is over, the clock is set back by an hour."""
    create, traveller = borgcall.create, time_machine.travel(timezone.now() - HOUR)

    def create_and_travel(*args: Any) -> borgcall.Made:
        made = create(*args)
        traveller.start()
        return made

    monkeypatch.setattr(borgcall, "create", create_and_travel)
    yield
    traveller.stop()


def test_a_clock_set_back_in_mid_job_makes_nothing_negative(shop, make_job, run, set_back):
    job = run(make_job(shop))

    assert (job.status, job.services) == ("success", "up")
    assert job.completed_at >= job.started_at
    assert all(entry["ended_at"] >= entry["started_at"] for entry in job.phases)
    for row in job.executions.all():
        assert row.completed_at >= row.started_at
        assert row.execution_time >= 0


def test_a_later_good_run_keeps_a_promise_that_was_broken_in_the_future(shop, attach, make_job, run, tmp_path):
    attach(shop, "post-backup", "fragile", f"test -e {tmp_path}/repaired", run_on="always")
    assert run(make_job(shop)).services == "broken_promise"
    (tmp_path / "repaired").touch()

    with time_machine.travel(timezone.now() - HOUR):
        job = run(make_job(shop))

    assert (job.status, job.services) == ("success", "up")
    assert not BrokenPromise.objects.open().exists()


def test_a_further_attempt_waits_no_longer_than_planned(db):
    """It was planned for half a second later; then the clock was set back by an hour."""
    planned_at = timezone.now() + HOUR
    row = ScriptExecution(created_at=planned_at, not_before=planned_at + timedelta(seconds=0.5))
    began = time.monotonic()

    attempts.wait_for(row, StopRequest())

    assert 0.4 < time.monotonic() - began < 60


def test_an_attempt_that_waits_is_due_when_it_was_waited_for_whatever_the_clock_says(db):
    row = ScriptExecution(
        hook_type="post-backup",
        created_at=timezone.now() + HOUR,
        not_before=timezone.now() + HOUR + timedelta(seconds=0.1),
    )
    assert attempts.open_rows([row], timezone.now()) == ([], [row])

    attempts.wait_for(row, StopRequest())

    assert attempts.open_rows([row], timezone.now()) == ([row], [])


def killed_in_start(shop: Repository, attach: Any, make_job: Any, processes: Any, journal: Journal) -> BackupJob:
    attach(
        shop,
        "post-backup",
        "slow",
        f'{journal.note("slow $BACKUP_DATE")}; [ "$ATTEMPT" -gt 1 ] || sleep 60',
        run_on="always",
    )
    job = make_job(shop)
    process = processes.run_job(job)
    eventually(lambda: any(word.startswith("slow") for word in journal.words))
    process.send_signal(signal.SIGKILL)
    process.wait()
    return job


def test_a_clock_set_back_before_the_recovery_delays_nothing(shop, attach, make_job, processes, journal, run):
    job = killed_in_start(shop, attach, make_job, processes, journal)

    with time_machine.travel(timezone.now() - HOUR):
        job = run(job)

    assert (job.status, job.services) == ("success", "up")
    assert row_of(job, "slow", attempt=1).status == "interrupted"
    assert row_of(job, "slow", attempt=1).completed_at >= row_of(job, "slow", attempt=1).started_at
    assert statuses(job)["slow"] == "succeeded"


def test_another_time_zone_after_the_crash_changes_neither_the_job_nor_its_times(
    shop, attach, make_job, processes, journal, installation
):
    job = killed_in_start(shop, attach, make_job, processes, journal)
    job.refresh_from_db()
    started = job.started_at

    installation.manage("recover", extra={"BORGUI_TIME_ZONE": "Pacific/Kiritimati", "TZ": "Pacific/Kiritimati"})

    job.refresh_from_db()
    assert (job.status, job.services, job.started_at) == ("success", "up", started)
    ahead = (started + timedelta(hours=14)).date().isoformat()
    assert journal.words[-1] == f"slow {ahead}", "the day as the people who live there call it"
