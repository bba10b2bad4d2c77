"""The process of a window is ended with SIGKILL at every commit, spawn and wait; those of its jobs; both; then recovery runs.

Every moment takes minutes: the tests take one in STEP, `FAULTS_STEP=1` takes them all. `bench/faults` kills at random.
"""

import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from backups import attempts, schedules
from backups.models import MaintenanceWindow, Notification
from borgui.process import start_time
from scripts_library import store
from scripts_library.models import WindowScript

from .bomb import Bomb
from .window_world import POST, WindowWorld, killed
from .world import BODY, carriers, kill, until

pytestmark = pytest.mark.faults
STEP = int(os.environ.get("FAULTS_STEP", "7"))
CHANCE = 25  # events that one run has and another has not


@pytest.fixture
def world(installation, make_repository, make_script, attach, tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "THIRD_START_AFTER", timedelta(seconds=0.2))  # five minutes are tested elsewhere
    monkeypatch.setattr(store, "SETTLED", 0)  # else jobs look at young files again and have more events than later ones
    window = MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *", timezone="UTC", enabled=False)
    repositories = [make_repository(name) for name in ("photos", "mail")]
    attach(repositories[0], "post-backup", "own", BODY.format(name="own", nap=0.02), run_on="always")
    inside = {"cron_expression": "0 2 * * *", "timezone": "UTC", "maintenance_window_id": window.pk}
    schedules.create({"name": "inside", "repositories": [one.pk for one in repositories], **inside})
    block = "# /// borgui\n# interrupts = 'the shop'\n# ///\n"
    for name in ("stop", *POST):
        hook = "post-backup" if name in POST else "pre-backup"
        text = (block if name in ("stop", "start") else "") + BODY.format(name=name, nap=0.02)
        script = make_script(name, text, run_on=POST.get(name))
        WindowScript.objects.create(window=window, script=script, hook_type=hook, execution_order=len(POST))
    return WindowWorld(installation, window, tmp_path / "ledger")


def events_of(world, tmp_path):
    """The events of one undisturbed run."""
    world.forked(world.new_run().pk)  # the first one looks at the files for the first time
    run, log = world.new_run(), tmp_path / "events"
    assert world.forked(run.pk, log=log) == 0
    run.refresh_from_db()
    assert (run.status, run.message) == ("success", "")
    world.until_nobody_runs()
    assert world.check(run) == []
    return log.read_text().splitlines()


def test_no_promise_is_lost_wherever_the_process_of_a_window_is_killed(world, tmp_path):
    events = events_of(world, tmp_path)
    assert len(events) > 50

    failures = []
    for at in range(1, len(events) + 1, STEP):
        run = world.new_run()
        assert killed(world.forked(run.pk, at)) or at > len(events) - CHANCE
        run = world.finish(run)
        failures += [f"killed at {events[at - 1]}: {problem}" for problem in world.check(run)]

    assert failures == []


def test_no_promise_is_lost_when_its_jobs_are_killed_with_it(world, tmp_path):
    events = events_of(world, tmp_path)
    begun = next(number for number, event in enumerate(events) if "after a job was started" in event)

    failures = []
    for at in range(begun, len(events) + 1, 2 * STEP):
        run = world.new_run()
        assert killed(world.forked(run.pk, at)) or at > len(events) - CHANCE
        world.kill_jobs(run)
        run = world.finish(run)
        failures += [f"killed at {events[at - 1]}: {problem}" for problem in world.check(run)]

    assert failures == []


def test_a_window_outlives_the_loss_of_each_of_its_jobs(world, tmp_path):
    """The process of each job is killed once at the same event; the window itself resumes it."""
    failures = []
    for at in range(3, 130, 3 * STEP):
        run = world.new_run()
        assert world.forked(run.pk, of_jobs=at) == 0
        run = world.finish(run)
        failures += [f"jobs killed at {at}: {problem}" for problem in world.check(run)]

    assert failures == []


def test_after_a_reboot_the_window_is_closed_and_nothing_is_backed_up_any_more(world):
    """Everything is gone but the rows and the run directories; their lock files name processes of an earlier boot."""
    hold = Path(f"{world.ledger}.hold-borg")
    hold.touch()
    run = world.new_run()
    pid = world.start("run_window", run.pk, Bomb())
    until(lambda: "borg 1 start" in world.ledger.read_text(), what="borg")
    kill(pid)
    os.waitpid(pid, 0)
    world.kill_jobs(run)
    tokens = list(run.jobs.exclude(token="").values_list("token", flat=True))
    until(lambda: not [kill(left) for left in carriers(tokens)], what="the end of borg")
    hold.unlink()
    stranger = subprocess.Popen(["sleep", "60"])
    line = f"{stranger.pid} {start_time(stranger.pid)} 00000000-0000-0000-0000-000000000000"
    for lock in (world.installation.data_dir / "run").glob("*/*/lock"):
        lock.write_text(f"{line}\n{stranger.pid} 1 none\n")

    run = world.finish(run)

    assert stranger.poll() is None, "a process with the recorded number that is not ours was ended"
    stranger.kill()
    stranger.wait()
    assert world.check(run) == []
    assert (run.status, run.services, run.claim) == ("failure", "up", 2)
    assert [(job.status, job.data) for job in run.jobs.order_by("window_position")] == [
        ("failure", "none"),
        ("skipped", "none"),
    ]
    assert Notification.objects.get(window_run=run).event == "recovered"
