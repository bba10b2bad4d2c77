"""Prune, compact and check inside a window: when their turn is, and that nobody waits for it for ever."""

import pytest
from django.utils import timezone

from backups import afterwards, claiming, queue, windows
from backups.ledger import Ledger
from backups.models import BackupJob, Repository, WindowRun
from backups.note import Note
from backups.watch import StopRequest, Watch
from backups.windows.backups import Backups
from scripts_library.running import Stop
from tests.backups.conftest import meanwhile

from .conftest import ALL, members_of_night, states


@pytest.fixture
def opened(night, here):
    """A run that is open, with three backups: the first two are made and wait with their maintenance."""
    run, now = windows.open_now(night), timezone.now()
    WindowRun.objects.filter(pk=run.pk).update(status="running", phase="backup", started_at=now)
    for position, member in enumerate(members_of_night()):
        job = queue.enqueue(member, triggered_by="window", window_run=run, window_position=position)
        if position < 2:
            tidy(job)
    run.refresh_from_db()
    return run


def tidy(job):
    job.phases = job.phases_with("post-backup", timezone.now())
    phases = job.phases_with("", timezone.now())
    BackupJob.objects.filter(pk=job.pk).update(status="running", phase="maintenance", phases=phases, outcome="success")


def jobs_of(run):
    return list(run.jobs.order_by("window_position"))


def come(run):
    """Whose turn has come, asked anew."""
    return [afterwards.Turn(job).has_come() for job in jobs_of(run)[:2]]


def test_no_prune_compact_or_check_keeps_services_down(night, open_window, journal, tmp_path, monkeypatch):
    """The first compact does not come to its end before the window has closed; all three are done all the same."""
    ledger = tmp_path / "ledger"
    monkeypatch.setenv("LEDGER", str(ledger))
    hold = tmp_path / "ledger.hold-compact"
    hold.touch()
    Repository.objects.update(compact_after=True)

    with meanwhile(lambda: journal.has("start success"), hold.unlink):
        run = open_window(night)

    assert journal.words == ["stop", *ALL, "start success"]
    assert (run.status, states(run)) == ("success", ["success"] * 3)
    starts = [line.split()[0] for line in ledger.read_text().splitlines() if " start " in line]
    assert sorted(starts) == ["borg"] * 3 + ["compact"] * 3
    assert [job.phases[-1]["phase"] for job in jobs_of(run)] == ["maintenance"] * 3


def test_it_waits_until_the_window_has_closed_and_goes_in_order(opened):
    assert come(opened) == [False, False]

    WindowRun.objects.update(phase="post-backup")
    assert come(opened) == [False, False], "services are on their way back"

    WindowRun.objects.update(phase="maintenance")
    assert come(opened) == [True, False]

    WindowRun.objects.update(max_parallel=2)
    assert come(opened) == [True, True]

    WindowRun.objects.update(status="failure", phase="")
    assert come(opened) == [True, True]


def test_outside_of_windows_nothing_is_waited_for(make_repository, make_job):
    assert afterwards.Turn(make_job(make_repository("photos"))).has_come()


def test_the_first_goes_ahead_where_no_backup_begins_any_more(opened, monkeypatch):
    """The next one may wait for the only connection to its server, which the first one has."""
    now = [1000.0]
    monkeypatch.setattr(afterwards.time, "monotonic", lambda: now[0])
    turns = [afterwards.Turn(job) for job in jobs_of(opened)[:2]]
    assert [turn.has_come() for turn in turns] == [False, False]

    now[0] += afterwards.IDLE
    assert [turn.has_come() for turn in turns] == [True, False]

    last = jobs_of(opened)[2]
    BackupJob.objects.filter(pk=last.pk).update(status="running", phase="backup")
    assert not turns[0].has_come(), "a backup is made"


def test_only_so_many_processes_wait_beside_a_backup(opened, monkeypatch, tmp_path):
    begun = []

    class Recorded(Backups):
        def _waiting(self, queued):
            begun.extend(job.pk for job in queued)
            return {job.pk: "" for job in queued}

    monkeypatch.setattr(afterwards, "MOST", 1)
    assert come(opened) == [True, False], "the first goes ahead"
    stop = StopRequest()
    backups = Recorded(opened, Ledger(opened, Note(tmp_path)), Watch(opened, stop), stop)
    backups.jobs = jobs_of(opened)
    backups._begin_next()
    assert begun == []

    monkeypatch.setattr(afterwards, "MOST", 2)
    backups._begin_next()
    assert begun == [jobs_of(opened)[2].pk]


def test_a_planned_stop_ends_the_waiting(opened, tmp_path):
    job, stop = jobs_of(opened)[0], StopRequest()
    stop.ask()

    assert afterwards.wait(job, Ledger(job, Note(tmp_path)), Watch(job, stop)) == Stop.SHUTDOWN


def test_one_that_was_lost_while_it_waited_says_so(opened):
    said = claiming.outcome_of_lost(jobs_of(opened)[0])

    assert said == {
        "maintenance_message": "The archive is good. The maintenance after it had not begun when it was cut off."
    }
