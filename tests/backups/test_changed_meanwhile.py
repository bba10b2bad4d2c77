"""What people and scripts remove in mid-job: the plan was pinned, so the post-backup chain runs all the same."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from backups import borgcall
from backups.models import BackupJob, Notification, Repository
from scripts_library import library
from scripts_library.models import RepositoryScript, Script

from .conftest import Journal, eventually, statuses

pytestmark = pytest.mark.borg


@pytest.fixture
def shop(repository: Repository, attach: Callable[..., Any], journal: Journal) -> Repository:
    attach(repository, "pre-backup", "stop", journal.note("stop"))
    attach(repository, "post-backup", "start", journal.note("start $BACKUP_STATUS"), run_on="always")
    return repository


@pytest.fixture
def when_borg_begins(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    def arrange(change: Callable[[], Any]) -> None:
        create = borgcall.create

        def change_and_create(*args: Any) -> borgcall.Made:
            change()
            return create(*args)

        monkeypatch.setattr(borgcall, "create", change_and_create)

    return arrange


def remove_assignments() -> None:
    RepositoryScript.objects.all().delete()


def remove_scripts() -> None:
    """As people do it: first the assignments, then the script; its file goes with it."""
    remove_assignments()
    for script in Script.objects.all():
        library.delete(script)


def remove_folder() -> None:
    shutil.rmtree(django_settings.LIBRARY_DIR)


@pytest.mark.parametrize(
    "change",
    [
        lambda: RepositoryScript.objects.update(enabled=False),
        lambda: RepositoryScript.objects.update(custom_run_on="failure", custom_timeout=1),
        lambda: Repository.objects.update(name="renamed", source_paths=[]),
        remove_assignments,
        remove_scripts,
        remove_folder,
    ],
    ids=["disabled", "overridden", "repository edited", "unassigned", "scripts deleted", "library folder removed"],
)
def test_a_claimed_job_runs_as_it_was_planned(shop, make_job, run, journal, when_borg_begins, change):
    when_borg_begins(change)

    job = run(make_job(shop))

    assert journal.words == ["stop", "start success"]
    assert (job.status, statuses(job)) == ("success", {"stop": "succeeded", "start": "succeeded"})


def test_a_job_whose_row_was_removed_still_brings_services_back(shop, attach, make_job, run, journal, when_borg_begins):
    attach(shop, "post-backup", "cheer", journal.note("cheer"), run_on="success")
    attach(shop, "post-backup", "tell", 'echo title > "$NOTIFY_FILE"', run_on="always")
    when_borg_begins(BackupJob.objects.all().delete)
    job = make_job(shop)

    with pytest.raises(BackupJob.DoesNotExist):
        run(job)

    assert journal.words == ["stop", "start success", "cheer"]
    assert not BackupJob.objects.exists()
    assert not Notification.objects.exists()
    assert not (django_settings.RUN_DIR / "jobs" / str(job.pk)).exists()


def test_run_job_says_in_one_line_that_the_job_is_gone(shop, attach, make_job, processes, journal):
    attach(shop, "pre-backup", "slow", f"{journal.note('slow')}; sleep 1")
    job = make_job(shop)
    process = processes.run_job(job)
    eventually(lambda: journal.has("slow"))
    BackupJob.objects.all().delete()

    said = processes.ends(process, expect=64)

    assert "cannot be run here" in said[1].splitlines()[-1]
    assert "Traceback" not in said[1]
    assert journal.words[-1] == "start success"


def test_a_script_that_removes_everybody_elses_copies_and_locks_itself_out(shop, attach, make_job, run, journal):
    attach(shop, "pre-backup", "vandal", 'rm -rf "$(dirname "$0")"; rm -f note reserve; chmod 000 .')

    job = run(make_job(shop))

    assert journal.words == ["stop", "start success"]
    assert job.status == "success"


def test_a_copy_that_a_script_has_changed_is_not_what_runs(shop, attach, make_job, run, journal):
    attach(shop, "pre-backup", "forger", 'for copy in "$(dirname "$0")"/*start*; do echo "exit 1" > "$copy"; done')

    job = run(make_job(shop))

    assert (job.status, journal.words) == ("success", ["stop", "start success"])


def test_the_library_folder_may_be_gone_when_a_job_is_recovered(shop, attach, make_job, processes, journal, run):
    attach(
        shop,
        "post-backup",
        "slow",
        f'{journal.note("slow $ATTEMPT")}; [ "$ATTEMPT" -gt 1 ] || sleep 60',
        run_on="always",
    )
    job = make_job(shop)
    process = processes.run_job(job)
    eventually(lambda: journal.has("slow 1"))
    processes.lose(process)
    remove_scripts()
    shutil.rmtree(Path(os.fspath(django_settings.RUN_DIR)) / "jobs" / str(job.pk) / "scripts")

    job = run(job)

    assert journal.words == ["stop", "start success", "slow 1", "slow 2"]
    assert job.status == "success"
