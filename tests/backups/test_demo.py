"""`demo` and `demo --fail`, end to end: the reason this product exists."""

import pytest

from backups import demo
from backups.models import BackupJob, Notification
from scripts_library.models import RepositoryScript, Script

from .conftest import statuses

pytestmark = [pytest.mark.borg]
SERVICES = {"web": "running", "database": "running", "reports": "stopped"}


@pytest.fixture(autouse=True)
def small(monkeypatch, data_dir):
    """The source tree is made here, smaller; the command finds it."""
    monkeypatch.setattr(demo, "FILES", 60)
    demo.make_source(data_dir / "demo" / "source")


def states(data_dir) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in (data_dir / "demo" / "services").iterdir()}


def test_the_demo_backs_up_for_real_and_starts_exactly_what_it_stopped(installation, data_dir):
    said = installation.manage("demo")

    job = BackupJob.objects.get()
    assert (job.status, job.data, job.services) == ("success", "good", "up")
    assert job.archive_files == 62, "the files, the mark that they are complete, and the dump"
    assert states(data_dir) == SERVICES
    assert [entry["phase"] for entry in job.phases] == ["pre-backup", "backup", "post-backup", "maintenance"]
    assert statuses(job) == {
        "Demo: stop the services": "succeeded",
        "Demo: dump the database": "succeeded",
        "Demo: start what was stopped": "succeeded",
        "Demo: tell that it failed": "not_run",
        "Demo: note the good backup": "succeeded",
    }
    assert "Services before: database running, reports stopped, web running" in said
    assert "Services now: database running, reports stopped, web running" in said
    assert "| stopped web" in said
    assert "| started web" in said
    assert "started reports" not in said
    assert "Data:     good - archive Demo-" in said
    assert "Services: running again - Demo shop was down" in said
    assert said.rstrip().endswith("What was stopped is running again.")


def test_the_demo_that_fails_shows_that_services_come_back(installation, data_dir):
    installation.manage("demo", "--fail", expect=2)

    said = installation.manage("demo", "--fail", expect=2)

    jobs = list(BackupJob.objects.order_by("id"))
    assert len(jobs) == 2
    for job in jobs:
        assert (job.status, job.data, job.services) == ("failure", "none", "up")
        assert statuses(job)["Demo: start what was stopped"] == "succeeded"
        assert statuses(job)["Demo: tell that it failed"] == "succeeded"
        assert statuses(job)["Demo: note the good backup"] == "not_run"
    assert states(data_dir) == SERVICES
    assert Notification.objects.filter(event="message", title="The demo backup failed").count() == 2
    assert (Script.objects.kept().count(), RepositoryScript.objects.count()) == (5, 5), "made once"
    assert said.rstrip().endswith("What was stopped is running again.")
