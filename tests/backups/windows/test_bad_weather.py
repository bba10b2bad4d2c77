"""A database that cannot be written while a window closes: services come back, and the rows follow later."""

from pathlib import Path

import pytest
from django.db import OperationalError

from backups import ledger, recovery, walk, windows
from backups.finishing import NotFinished
from backups.watch import StopRequest
from backups.windows import backups as of_window
from backups.windows import opening
from tests.backups import weather
from tests.backups.conftest import meanwhile

from .conftest import ALL, block, states


class Blind:
    """In the place of `quick`: a database that says nothing."""

    def database(self):
        raise OperationalError("disk I/O error")

    def reconnect_if_broken(self):
        pass


def test_a_database_that_cannot_be_read_keeps_no_window_open(
    night, open_window, journal, monkeypatch: pytest.MonkeyPatch
):
    """What runs at that moment comes to its end; no further backup begins, and services are back before it is read again."""
    monkeypatch.setattr(of_window, "BLIND", 0.5)

    def lose_sight():
        monkeypatch.setattr(of_window, "quick", Blind())

    with meanwhile(lambda: journal.has("begin photos"), lose_sight):
        run = open_window(night)

    assert journal.words == ["stop", *ALL[:2], "start failure"]
    assert (run.status, run.services) == ("failure", "up")
    assert "The database could not be read." in run.message
    assert states(run) == ["success", "skipped", "skipped"]


def test_a_locked_database_keeps_no_window_open(
    night, attach_to_window, journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for module in (ledger, walk):
        monkeypatch.setattr(module, "PATIENCE", 0.5)
    monkeypatch.setattr(walk, "Ledger", lambda work, note: ledger.Ledger(work, note, patience=0.5))
    waits = f"touch {tmp_path}/reached; until [ -e {tmp_path}/locked ]; do sleep 0.05; done\n"
    attach_to_window(night, "post-backup", "wait", waits, run_on="always", timeout=60)
    last = block("the mail") + journal.note("start the mail")
    attach_to_window(night, "post-backup", "start the mail", last, run_on="always")
    run = windows.open_now(night)
    lock = weather.Lock()

    def lock_it():
        lock.hold()
        (tmp_path / "locked").touch()

    with meanwhile((tmp_path / "reached").exists, lock_it), pytest.raises(NotFinished):
        opening.run(run.pk, StopRequest())
    assert journal.words == ["stop", *ALL, "start success", "start the mail"]
    lock.release()
    run.refresh_from_db()
    assert run.status == "running"

    monkeypatch.setattr(recovery, "is_owned", lambda directory, recorded: False)
    assert recovery.lost() == [("run_window", run.pk)]
    opening.run(run.pk, StopRequest())

    run.refresh_from_db()
    assert (run.status, run.services, run.claim, states(run)) == ("success", "up", 2, ["success"] * 3)
    assert journal.words == ["stop", *ALL, "start success", "start the mail"], "nothing was done twice"
