"""What the rest of the product does with runs of windows: sweeping, ageing, silent hosts, notes, limits, exit codes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backups import exits, housekeeping, queue, silence, takeover, window_run_story
from backups.ledger import Ledger
from backups.models import BackupJob, BrokenPromise, MaintenanceWindow, Notification, WindowRun, Worker
from backups.note import Note
from backups.replaying import replay
from scripts_library.models import ScriptExecution
from scripts_library.running import Superseded

pytestmark = pytest.mark.django_db


@pytest.fixture
def window():
    return MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *", timezone="UTC", enabled=False)


@pytest.fixture
def make_run(window, data_dir):
    def make(**fields):
        given = {"status": "success", "outcome": "success", "triggered_by": "schedule", **fields}
        return WindowRun.objects.create(window=window, window_name="Night", **given)

    return make


def promise_of(run, **fields):
    return BrokenPromise.objects.create(
        window_run=run, execution_id=1, position=0, script_name="start", message="It failed.", **fields
    )


def test_run_directories_of_windows_go_with_them_unless_a_promise_is_broken(make_run, data_dir):
    over, open_still, broken = make_run(), make_run(status="running", phase="backup"), make_run()
    promise_of(broken)
    folders = [data_dir / "run" / "windows" / str(run.pk) for run in (over, open_still, broken)]
    for folder in folders:
        folder.mkdir(parents=True)

    assert housekeeping.sweep_run_directories() == [folders[0]]


def test_runs_of_windows_grow_old_but_for_the_newest_and_those_with_a_broken_promise(make_run, monkeypatch):
    monkeypatch.setattr(housekeeping, "ALWAYS_KEPT", 1)
    long_ago = timezone.now() - timedelta(days=4000)
    broken, old, newest = make_run(created_at=long_ago), make_run(created_at=long_ago), make_run(created_at=long_ago)
    promise_of(broken)

    assert housekeeping.age_out(timezone.now())["window runs"] == 1

    assert set(WindowRun.objects.all()) == {broken, newest}
    assert not WindowRun.objects.filter(pk=old.pk).exists()


def test_a_window_on_a_host_that_is_silent_is_told_once(make_run):
    now = timezone.now()
    long_ago = now - timedelta(hours=1)
    Worker.objects.create(host_id="nas", hostname="nas", owner="1 1 x", started_at=long_ago, last_seen=long_ago)
    run = make_run(status="running", phase="backup", host_id="nas", outcome="")

    assert silence.tell(now) == [run]
    assert silence.tell(now) == []

    said = Notification.objects.get()
    assert (said.window_run, said.job) == (run, None)
    run.refresh_from_db()
    assert run.message.startswith("Perhaps lost: nas has not reported")


def test_the_writes_of_a_window_are_fenced_by_its_claim_and_kept_in_its_note(make_run, tmp_path):
    run = make_run(status="running", phase="pre-backup", outcome="", claim=3)
    row = ScriptExecution.objects.create(
        window_run=run, hook_type="post-backup", script_name="start", timeout=1, triggered_by="schedule"
    )
    ledger = Ledger(run, Note(tmp_path))

    ledger.own(phase="backup")
    ledger.execution(row, {"status": "running"})
    run.refresh_from_db()
    row.refresh_from_db()
    assert (run.phase, row.status) == ("backup", "running")

    note = Note(tmp_path)
    note.prepare()
    note.append({"claim": 3, "model": "window run", "id": run.pk, "fields": {"outcome": "warning"}})
    replay(WindowRun, run.pk, note)
    run.refresh_from_db()
    assert run.outcome == "warning"

    WindowRun.objects.update(claim=4)
    with pytest.raises(Superseded):
        ledger.own(phase="post-backup")
    with pytest.raises(Superseded):
        ledger.execution(row, {"status": "succeeded"})


def test_a_job_of_a_window_begins_only_while_that_is_open(make_run, make_repository):
    run = make_run(status="running", phase="pre-backup", outcome="")
    job = queue.enqueue(make_repository(), triggered_by="window", window_run=run)

    assert queue.decide() == queue.Decision(), "its window starts it"
    assert not queue.may_claim(job, [])
    WindowRun.objects.update(phase="backup")
    assert queue.may_claim(job, [])
    WindowRun.objects.update(outcome="success")
    assert not queue.may_claim(job, [])


def test_jobs_of_a_window_take_no_slot_and_wait_for_none(make_run, make_repository, settings):
    settings.WORKERS = 1
    run = make_run(status="running", phase="backup", outcome="")
    first, second = (
        queue.enqueue(make_repository(name), triggered_by="window", window_run=run) for name in ("one", "two")
    )
    BackupJob.objects.filter(pk=first.pk).update(status="running", phase="backup", host_id="here")
    single = queue.enqueue(make_repository("three"), triggered_by="api")

    assert queue.decide().start == [single.pk]
    BackupJob.objects.filter(pk=single.pk).update(status="running", phase="backup", host_id="here")
    assert queue.may_claim(second, [])


def test_a_window_that_was_lost_too_often_is_not_tried_again(make_run):
    run = make_run(status="running", phase="post-backup", claim=takeover.MOST_TAKEOVERS + 2)
    row = ScriptExecution.objects.create(
        window_run=run,
        hook_type="post-backup",
        script_name="start",
        timeout=1,
        triggered_by="schedule",
        run_on="always",
    )

    assert takeover.is_given_up(run)
    takeover.give_up(run, [row])

    row.refresh_from_db()
    assert (row.status, row.error_message) == ("failed", "Given up: the window was lost more than 5 times.")


def test_the_exit_code_of_a_run_is_that_of_a_backup(make_run):
    assert exits.of(make_run()) == exits.Exit.SUCCESS
    assert exits.of(make_run(status="skipped")) == exits.Exit.SKIPPED
    assert exits.of(make_run(status="missed")) == exits.Exit.FAILURE
    broken = make_run(status="warning")
    promise_of(broken)
    assert exits.of(broken) == exits.Exit.BROKEN_PROMISE


def test_while_only_prune_and_its_like_go_on_the_page_says_that_it_is_closed(make_run):
    run = make_run(status="running", phase="maintenance", interrupts=["the shop"])

    story = window_run_story.of(run, timezone.now())

    assert story.headline == "Closed: there was nothing to back up; what follows the backups goes on"
    assert not story.next.cancel
