"""Marks of job processes that are on the way, shared by all workers of a data directory."""

import os
import threading
import time

import pytest

from backups import starting
from backups.launcher import Launcher
from borgui.process import Identity

pytestmark = pytest.mark.usefixtures("data_dir")


def test_a_mark_counts_while_its_process_lives():
    starting.mark("run_job", 7, os.getpid())

    assert starting.marked("run_job") == {7}


def test_the_mark_of_a_process_that_is_gone_does_not_count_and_is_cleared_away():
    starting.mark("run_job", 7, os.getpid())
    other = Identity(os.getpid(), 1, Identity.current().boot_id)  # the number belongs to another process now
    (starting.folder() / "run_job-7").write_text(f"{other}\n")
    (starting.folder() / "run_job-8").write_text("")

    assert starting.marked("run_job") == set()
    assert [path.name for path in starting.folder().iterdir() if path.name != "lock"] == []


def test_two_that_decide_do_so_one_after_the_other():
    order = []

    def second() -> None:
        with starting.one_at_a_time():
            order.append("second")

    with starting.one_at_a_time():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def test_a_worker_that_hangs_while_it_decides_does_not_keep_the_others_from_it(monkeypatch):
    monkeypatch.setattr(starting, "PATIENCE", 0.1)

    with starting.one_at_a_time(), starting.one_at_a_time():
        pass  # the second one goes on without


@pytest.mark.faults
def test_a_second_worker_starts_no_process_for_a_job_that_has_one_on_the_way(
    launcher, make_repository, make_job, monkeypatch
):
    job = make_job(make_repository())

    assert launcher.start_due() == [job.pk]
    assert Launcher().start_due() == []
