"""The first page of a repository: is this one safe, since when?"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backups.models import BackupJob, Repository
from tests.backups import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


def shown(client: Client, repository: Repository) -> str:
    page = client.get(f"/repositories/{repository.pk}/")
    assert page.status_code == 200
    body = page.content.decode().partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").split())


def test_one_that_was_never_backed_up_says_so(client: Client, photos: Repository) -> None:
    assert "Connected, but not backed up from here yet." in shown(client, photos)


def test_both_verdicts_are_those_of_the_last_backup_that_was_tried(client: Client, photos: Repository) -> None:
    scenes.success(photos)
    scenes.skipped(photos)
    text = shown(client, photos)
    assert "Saved: archive photos-2026-11-22T02:17, 1.2 GiB new." in text
    scenes.broken_promise(photos)
    assert "A script that had to run did not come to a good end." in shown(client, photos)


def test_of_a_backup_that_runs_no_verdict_is_told_yet(client: Client, photos: Repository) -> None:
    scenes.running_borg(photos)
    assert "running not known yet not known yet" in shown(client, photos)


def test_back_up_now_names_what_will_stop(client: Client, photos: Repository, attach: Any) -> None:
    attach(photos, "pre-backup", "stop", '# /// borgui\n# interrupts = "Nextcloud"\n# ///')
    assert "Stops meanwhile: Nextcloud Back up now" in shown(client, photos)


def test_size_and_growth_come_from_what_borg_told(client: Client, photos: Repository) -> None:
    old = scenes.success(photos)
    stats = {**scenes.STATS, "repository": {"unique_csize": 40_000_000_000}}
    BackupJob.objects.filter(pk=old.pk).update(stats=stats, completed_at=timezone.now() - timedelta(days=20))
    Repository.objects.filter(pk=photos.pk).update(stats=scenes.STATS)
    assert "44.8 GiB, 7.5 GiB more than" in shown(client, photos)


def test_the_lock_of_another_borg_is_told_and_can_be_broken(client: Client, make_repository: Any) -> None:
    photos = make_repository(real=True)
    lock = Path(photos.path) / "lock.exclusive"
    lock.mkdir()
    (lock / "nas@1.4711-0").touch()
    text = shown(client, photos)
    assert "Another borg holds this repository" in text
    assert "Host nas, process 4711" in text
    client.post(f"/repositories/{photos.pk}/break-lock/")
    assert not lock.exists()
    assert "Another borg holds" not in shown(client, photos)


def test_where_the_lock_cannot_be_broken_the_reason_is_told(client: Client, photos: Repository) -> None:
    job = scenes.failure_in_borg(photos)
    answer = client.post(f"/repositories/{photos.pk}/break-lock/", {"job": str(job.pk)})
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert "The lock is still there." in client.get(answer["Location"]).content.decode()


def test_a_repository_of_fifty_backups_asks_no_more_than_one_of_one(
    client: Client, make_repository: Any, django_assert_max_num_queries: Any
) -> None:
    few, many = make_repository("few"), make_repository("many")
    scenes.success(few)
    for _ in range(50):
        scenes.skipped(many)
    shown(client, few)
    with django_assert_max_num_queries(20) as seen:
        shown(client, few)
    with django_assert_max_num_queries(len(seen)):
        shown(client, many)


def test_a_deleted_repository_is_not_there(client: Client, photos: Repository) -> None:
    Repository.objects.filter(pk=photos.pk).update(deleted_at=timezone.now())
    for path in ("", "scripts/"):
        assert client.get(f"/repositories/{photos.pk}/{path}").status_code == 404
    assert client.post(f"/repositories/{photos.pk}/backup/").status_code == 404


def test_the_calendar_shows_the_days_and_leads_to_their_backups(client: Client, photos: Repository) -> None:
    assert "Day by day" not in shown(client, photos)
    bad = scenes.failure_in_borg(photos)
    page = client.get(f"/repositories/{photos.pk}/").content.decode()
    assert page.count(f'href="/jobs/{bad.pk}/"') >= 3  # the table, the day, and the list of days
    assert "not backed up</a></li></ul>" in page


def test_who_holds_the_lock_is_a_fact(client: Client, photos: Repository) -> None:
    assert "Lock nobody holds it" in shown(client, photos)
    scenes.running_borg(photos)
    assert "Lock held by the backup that runs now" in shown(client, photos)
