"""Every sentence that a page says about a backup, word by word, on the real page of a backup in that state."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backups.models import BackupJob, Repository
from borgui.accounts.models import User
from scripts_library.models import ScriptExecution
from tests.backups import scenes
from tests.rest import make_user

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 22, 2, 17, 5, tzinfo=UTC)
NEXTCLOUD: dict[str, Any] = {"interrupts": "Nextcloud", "run_on": "always"}


@pytest.fixture(autouse=True)
def utc(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"


@pytest.fixture
def anna(db: None) -> User:
    return make_user()


@pytest.fixture
def read(anna: User) -> Callable[[BackupJob | ScriptExecution], str]:
    """What a reader sees on the page of a job or an execution."""
    client = Client(headers={"Host": "localhost"})
    client.force_login(anna)

    def text(row: BackupJob | ScriptExecution) -> str:
        page = client.get(f"/{'jobs' if isinstance(row, BackupJob) else 'executions'}/{row.pk}/")
        assert page.status_code == 200
        body = page.content.decode().partition("<main")[2]
        return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").split()).replace(" .", ".")

    return text


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    """Its last good backup was yesterday at 02:17."""
    yesterday = (timezone.now() - timedelta(days=1)).astimezone(UTC).replace(hour=2, minute=17)
    return make_repository(last_good_at=yesterday)


def test_1_a_success(read: Any, photos: Repository) -> None:
    scene = scenes.begin(photos, at=NIGHT)
    scene.script("pre-backup", "Stop Nextcloud", **NEXTCLOUD)
    scene.phase("backup", 244)
    scene.script("post-backup", "Start Nextcloud", **NEXTCLOUD)
    shown = read(scene.end(status="success", outcome="success", data="good", services="up", message="Backed up.",
                           archive_name="nextcloud-2026-11-22T02:17", stats=scenes.STATS))  # fmt: skip
    assert "Backed up. Data" in shown
    assert "Saved: archive nextcloud-2026-11-22T02:17, 1.2 GiB new." in shown
    assert "Running again after 4 min 12 s." in shown
    assert "Nextcloud was down 4 min 12 s (02:17:05 to 02:21:17)." in shown  # 13
    assert "Last good backup" not in shown


def test_2_a_warning_about_sources(read: Any, photos: Repository) -> None:
    assert (
        "Backed up, but not everything: 3 files could not be read (permission denied). The archive is good without them."
    ) in read(scenes.warning(photos))


def test_3_a_script_that_failed_afterwards(read: Any, photos: Repository) -> None:
    scene = scenes.begin(photos)
    scene.script("post-backup", "ping monitor", "failed", exit_code=7)
    message = "Backed up.\nThe script 'ping monitor' failed afterwards. Your data is safe."
    job = scene.end(status="warning", outcome="success", data="good", message=message)
    assert "Backed up. The script 'ping monitor' failed afterwards. Your data is safe." in read(job)


def test_4_a_broken_promise(read: Any, photos: Repository) -> None:
    shown = read(scenes.broken_promise(photos))
    assert (
        "Services may still be stopped. 'Start Nextcloud' failed 5 times, last at 02:41: port 443 is already in use. "
        "Your data was saved."
    ) in shown
    assert "Run it again" in shown


def test_4_where_nothing_is_stopped_by_it_services_are_not_spoken_of(read: Any, photos: Repository) -> None:
    job = scenes.broken_promise(photos)
    job.broken_promises.update(interrupts="", message="'Tell the monitor' failed, last at 02:41: no route to host.")
    shown = read(job).partition("Broken promises")[2]
    assert "'Tell the monitor' failed, last at 02:41: no route to host. Your data was saved." in shown
    assert "Services may still be stopped." not in shown.partition("Timeline")[0]


def test_5_a_failure_of_borg(read: Any, photos: Repository) -> None:
    photos.path = "ssh://borg@backup.example.org/./photos"
    photos.save()
    scene = scenes.begin(photos)
    scene.phase("backup", 3)
    said = [{"level": "ERROR", "msgid": "ConnectionClosed", "text": "Connection closed by remote host", "path": ""}]
    shown = read(scene.end(status="failure", outcome="failure", data="none", borg_exit_code=80, borg_messages=said))
    assert "not backed up" in shown
    assert "borg could not reach backup.example.org." in shown
    assert "No archive was made. Last good backup: yesterday 02:17." in shown


def test_6_a_failure_before_borg(read: Any, photos: Repository) -> None:
    shown = read(scenes.failure_before_borg(photos))
    assert "Not backed up: 'Dump PostgreSQL' failed before the backup started (exit 1)." in shown
    assert "Nothing was written to the repository. Last good backup: yesterday 02:17." in shown
    assert "Running again after" in shown


def test_7_skipped(read: Any, photos: Repository) -> None:
    shown = read(scenes.skipped(photos))
    assert "Not today: 'USB disk present?' said to skip. Nobody was alerted." in shown
    assert "Last good backup: yesterday 02:17." in shown
    assert "failed" not in shown


def test_7_a_good_backup_of_days_ago_is_counted_in_days(read: Any, make_repository: Any) -> None:
    repository = make_repository(last_good_at=timezone.now() - timedelta(days=3))
    assert "Last good backup: 3 days ago." in read(scenes.skipped(repository))


def test_7_without_any_good_backup_that_is_said(read: Any, make_repository: Any) -> None:
    assert "There is no good backup yet." in read(scenes.skipped(make_repository()))


def test_8_cancelled(read: Any, photos: Repository, anna: User) -> None:
    scene = scenes.begin(photos, at=NIGHT.replace(hour=14, minute=4, second=50))
    scene.phase("backup", 20)
    asked = {"cancel_requested_at": scene.clock, "cancel_requested_by": anna, "message": "Stopped by a person."}
    shown = read(scene.end(status="cancelled", outcome="cancelled", data="none", **asked))
    assert "Stopped by anna at 14:05." in shown
    assert "No archive was made." in shown
    assert "Nothing was stopped for this backup." in shown


def lost_at_night(photos: Repository, **fields: Any) -> BackupJob:
    scene = scenes.begin(photos, at=NIGHT)
    scene.script("pre-backup", "Stop Nextcloud", **NEXTCLOUD)
    scene.phase("backup", 831)
    scene.clock = NIGHT.replace(hour=2, minute=33, second=58)
    scene.script("post-backup", "Start Nextcloud", claim=2, **NEXTCLOUD)
    common = {"claim": 2, "losses": 1, "lost_at": NIGHT.replace(minute=31), "services": "up", "restarted": True}
    return scene.end(status="failure", outcome="failure", data="none", **{**common, **fields},
                     message="The job stopped during backup (noticed at 02:31); an archive may exist.")  # fmt: skip


def test_9_recovered(read: Any, photos: Repository) -> None:
    shown = read(lost_at_night(photos))
    assert (
        "The server restarted during this backup (02:31). No archive was made. "
        "At 02:34 Nextcloud was started again, as promised."
    ) in shown
    assert "I have seen this" in shown
    assert "The job stopped" not in shown


def test_9_where_only_its_process_was_lost_no_restart_is_told(read: Any, photos: Repository) -> None:
    assert "This backup was cut off (02:31). No archive was made." in read(lost_at_night(photos, restarted=False))


def test_10_recovery_under_way(read: Any, photos: Repository) -> None:
    job = scenes.picking_up(photos)
    assert "Picking up after a restart: starting 'Nextcloud' again, try 1 of 5. Next try in 3 min." in read(job)
    job.executions.filter(attempt=2).update(status="failed", not_before=None, started_at=timezone.now())
    waiting = job.executions.get(attempt=2)
    waiting.pk, waiting.attempt, waiting.status = None, 3, "running"
    waiting.save(force_insert=True)
    assert "Picking up after a restart: starting 'Nextcloud' again, try 2 of 5. Data" in read(job)


def test_11_queued(read: Any, photos: Repository) -> None:
    assert "Waiting: 4 of 4 backups are running. Nothing has been stopped yet." in read(scenes.queued(photos))


def test_12_not_run(read: Any, photos: Repository) -> None:
    assert "Did not run: it runs only after a failed or cancelled backup." in read(scenes.success(photos))


def test_14_a_time_limit(read: Any, photos: Repository, attach: Any) -> None:
    entry = attach(photos, "pre-backup", "Slow dump")
    limit = {"script": entry.script, "assignment_id": entry.pk, "error_message": "Stopped at its time limit."}
    shown = read(scenes.begin(photos).script("pre-backup", "Slow dump", "timed_out", 300, **limit))
    assert "Stopped after 5 min, its time limit. What it printed until then is below." in shown
    assert "Raise the limit" in shown


def test_17_a_lock(read: Any, photos: Repository) -> None:
    job = scenes.failure_in_borg(photos)
    folder = f"{photos.path}/lock.exclusive"
    os.makedirs(folder)
    with open(f"{folder}/nas@1.4711-0", "w"):
        pass
    since = (timezone.now() - timedelta(hours=6, minutes=5)).timestamp()
    os.utime(f"{folder}/nas@1.4711-0", (since, since))
    shown = read(job)
    clock = datetime.fromtimestamp(since, UTC).strftime("%H:%M")
    assert f"Another borg holds this repository: host nas, process 4711, since {clock} UTC (6 h)." in shown
    assert (
        "If that computer is off or finished, break the lock. If it is still backing up, wait: "
        "breaking the lock then can damage the repository."
    ) in shown
