"""A planned stop while a window is open; and what follows its closing."""

from django.utils import timezone

from backups import queue, windows
from backups.host import host_id
from backups.models import BackupJob, Repository, WindowRun
from backups.watch import StopRequest
from backups.windows import opening
from scripts_library.running import Stop
from tests.backups.conftest import meanwhile

from .conftest import ALL, NAMES, members_of_night, states


def test_a_planned_stop_is_passed_on_and_services_come_back(night, open_window, attach, journal):
    attach(members_of_night()[0], "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60")
    stop = StopRequest()

    with meanwhile(lambda: journal.has("slow"), stop.ask):
        run = open_window(night, stop)

    assert journal.words == ["stop", "begin photos", "slow", "end photos failure", "start failure"]
    assert (run.status, run.services) == ("failure", "up")
    assert run.message.startswith(Stop.SHUTDOWN.sentence)
    assert states(run) == ["failure", "skipped", "skipped"]


def test_services_come_back_before_prune_compact_and_check(night, open_window, journal, tmp_path, monkeypatch):
    """The last compact does not come to its end before the window has closed, and the run waits for it."""
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    hold = tmp_path / "ledger.hold-compact"
    hold.touch()
    Repository.objects.filter(name=NAMES[-1]).update(compact_after=True)

    with meanwhile(lambda: journal.has("start success"), hold.unlink):
        run = open_window(night)

    assert journal.words == ["stop", *ALL, "start success"]
    assert states(run) == ["success"] * 3
    assert [entry["phase"] for entry in run.phases] == ["pre-backup", "backup", "post-backup", "maintenance"]


def test_a_window_that_was_lost_while_it_closed_waits_for_its_backups(night, here):
    """Its process and that of a backup in its maintenance are gone: both are brought to their end, the window last."""
    now = timezone.now()
    lost = {
        "status": "running",
        "outcome": "success",
        "claim": 1,
        "host_id": host_id(),
        "owner": "1 1 x",
        "started_at": now,
    }
    run, member = windows.open_now(night), members_of_night()[0]
    WindowRun.objects.filter(pk=run.pk).update(phase="post-backup", **lost)
    job = queue.enqueue(member, triggered_by="window", window_run=run)
    phases = job.phases_with("maintenance", now)
    BackupJob.objects.filter(pk=job.pk).update(phase="maintenance", phases=phases, data="good", **lost)

    opening.run(run.pk, StopRequest())

    job.refresh_from_db()
    run.refresh_from_db()
    assert (job.status, job.claim) == ("warning", 2)
    assert (run.status, run.claim) == ("warning", 2)
    assert run.completed_at >= job.completed_at
