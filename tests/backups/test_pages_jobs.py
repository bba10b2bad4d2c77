"""The page of a job in every state, and what people do there."""

import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backups.models import BackupJob, Repository
from borgui.accounts.models import User
from scripts_library.models import ScriptExecution
from tests.backups import scenes
from tests.rest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(db: None) -> User:
    return make_user()


@pytest.fixture
def client(anna: User) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(anna)
    return client


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


def text_of(page: Any) -> str:
    """What a reader sees: without the shell of the page, tags and runs of space."""
    body = page.content.decode().partition("<main")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").split())


def title_of(page: Any) -> str:
    found = re.search(r"<title>(.*?)</title>", page.content.decode(), re.DOTALL)
    assert found
    return found[1].strip()


# --- what the page says -----------------------------------------------------------------------------------------------
WORDS = {
    "queued": ("waiting", ["Waiting: 4 of 4 backups are running.", "Cancel"]),
    "running-before": ("running", ["The scripts before the backup are running.", "Nextcloud is stopped", "Cancel"]),
    "running-borg": ("running", ["borg is making the archive.", "12345 files, 2.9 GiB read", "Cancel"]),
    "running-after": ("running", ["The backup itself is over.", "Stop 'Start Nextcloud'"]),
    "running-maintenance": ("running", ["borg tidies up", "Cancel"]),
    "success": ("backed up", ["Backed up.", "1.2 GiB new", "Running again after", "Did not run: it runs only"]),
    "warning": ("backed up, with a warning", ["3 files could not be read", "Not stored as it should be"]),
    "failure-before-borg": (
        "not backed up",
        ["Not backed up: 'Dump PostgreSQL' failed before the backup started", "What to do now"],
    ),
    "failure-in-borg": ("not backed up", ["Another borg held this repository then. It does not any more."]),
    "skipped": ("skipped", ["Not today: 'USB disk present?' said to skip"]),
    "cancelled": ("stopped", ["Stopped at "]),
    "recovered": ("not backed up", ["as promised.", "Start Nextcloud (try 2)", "picked up again", "I have seen this"]),
    "picking-up": ("running", ["Picking up after a restart", "Next try in 3 min", "Nextcloud is stopped"]),
    "running-again": ("promise broken", ["The scripts after the backup run again.", "Stop 'Start Nextcloud'"]),
    "broken-promise": ("promise broken", ["Services may still be stopped.", "Run the post-backup scripts again"]),
}  # fmt: skip


@pytest.mark.parametrize("state", scenes.STATES)
def test_the_page_tells_each_state_in_its_words(client: Client, photos: Repository, state: str) -> None:
    job = scenes.STATES[state](photos)
    page = client.get(f"/jobs/{job.pk}/")
    assert page.status_code == 200
    title, words = WORDS[state]
    assert title_of(page).startswith(f"{title} · photos")
    shown = text_of(page)
    assert [word for word in words if word not in shown] == []
    assert "style=" not in page.content.decode().partition("<main")[2]


@pytest.mark.parametrize("state", ["running-after", "success"])
def test_what_cannot_be_done_is_not_offered(client: Client, photos: Repository, state: str) -> None:
    shown = text_of(client.get(f"/jobs/{scenes.STATES[state](photos).pk}/"))
    assert "Cancel" not in shown
    assert "Run the post-backup scripts again" not in shown


def test_a_cancelled_backup_names_who_stopped_it(client: Client, photos: Repository, anna: User) -> None:
    job = scenes.cancelled(photos, by=anna)
    assert f"Stopped by {anna.username} at " in text_of(client.get(f"/jobs/{job.pk}/"))


def test_the_last_twenty_lines_of_what_failed_are_unfolded_and_harmless(client: Client, photos: Repository) -> None:
    job = scenes.failure_before_borg(photos)
    failed = job.executions.get(status="failed")
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    part = page.partition(f'id="step-e{failed.pk}"')[2].partition("</details>")[0]
    assert part.startswith(" open")
    assert re.findall(r'class="n" href="[^"]*">(\d+)<', part) == [str(number) for number in range(42, 62)]
    assert "&lt;script&gt;" in part
    assert '<i class="ansi-red">red</i>' in part
    assert "&lt;U+202E&gt;" in part
    assert "<script>alert" not in page
    assert "\u202e" not in part


def test_the_lock_of_another_borg_can_be_broken_while_it_is_there(client: Client, photos: Repository) -> None:
    job = scenes.failure_in_borg(photos)
    assert "Break the lock" not in text_of(client.get(f"/jobs/{job.pk}/"))
    folder = f"{photos.path}/lock.exclusive"
    os.makedirs(folder)
    with open(f"{folder}/nas@1.4711-0", "w"):
        pass
    shown = text_of(client.get(f"/jobs/{job.pk}/"))
    assert "host nas, process 4711" in shown
    assert "If that computer is off or finished" in shown
    assert "Break the lock of 'photos'" in shown


def test_a_page_of_fifty_scripts_asks_no_more_than_one_of_one(
    client: Client, photos: Repository, django_assert_max_num_queries: Any
) -> None:
    def scene(count: int) -> BackupJob:
        made = scenes.begin(photos)
        for number in range(count):
            made.script("pre-backup", f"script {number}")
        return made.end(status="success", outcome="success", data="good")

    few, many = scene(1), scene(50)
    with django_assert_max_num_queries(14) as seen:
        client.get(f"/jobs/{few.pk}/")
    with django_assert_max_num_queries(len(seen)):
        client.get(f"/jobs/{many.pk}/")


def test_strangers_see_none_of_it(photos: Repository, anna: User) -> None:
    job = scenes.success(photos)
    row = job.executions.first()
    stranger = Client(headers={"Host": "localhost"})
    for path in (f"/jobs/{job.pk}/", f"/jobs/{job.pk}/tail/", f"/executions/{row.pk}/", f"/executions/{row.pk}/log/"):
        assert stranger.get(path)["Location"].startswith("/sign-in/")
    for path in (f"/jobs/{job.pk}/cancel/", f"/jobs/{job.pk}/post-backup/", f"/repositories/{photos.pk}/backup/"):
        assert stranger.post(path).status_code == 401
    assert BackupJob.objects.count() == 1


def test_what_is_not_there_is_not_found(client: Client) -> None:
    for path in (
        "/jobs/1/",
        "/jobs/1/progress/",
        "/jobs/1/tail/",
        "/executions/1/",
        "/repositories/1/",
        "/jobs/1/log/x/",
    ):
        assert client.get(path).status_code == 404


# --- the live pieces --------------------------------------------------------------------------------------------------
def test_the_progress_is_sent_only_when_it_has_changed_and_asks_no_more_at_the_end(
    client: Client, photos: Repository
) -> None:
    job = scenes.running_before(photos)
    BackupJob.objects.filter(pk=job.pk).update(started_at=None)  # nothing grows, so that only rows count
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    address = found(r'hx-get="(/jobs/\d+/progress/\?seen=\w+)"', page)
    assert client.get(address).status_code == 204
    job.executions.filter(status="running").update(status="succeeded")
    assert client.get(address).status_code == 200
    BackupJob.objects.filter(pk=job.pk).update(
        status="failure", outcome="failure", phase="", data="none", message="Not backed up."
    )
    last = client.get(address).content.decode()
    assert "hx-get" not in last
    assert 'hx-swap-oob="innerHTML:#job-said"' in last
    assert "<title>not backed up · photos" in last


def test_the_tail_brings_new_lines_then_the_next_step_then_ends(client: Client, photos: Repository) -> None:
    job = scenes.running_before(photos)
    row = job.executions.get(status="running")
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert client.get(tail_of(page)).status_code == 204
    scenes.write_log("executions", str(row.pk), "stopping nextcloud\nstopped")
    answer = client.get(tail_of(page)).content.decode()
    assert f'hx-swap-oob="beforeend:#lines-e{row.pk}"' in answer
    assert "stopped" in answer
    assert "stopping nextcloud" not in answer
    job.executions.filter(pk=row.pk).update(status="succeeded")
    following = job.executions.get(script_name="Dump PostgreSQL")
    job.executions.filter(pk=following.pk).update(status="running", started_at=row.started_at)
    answer = client.get(tail_of(answer)).content.decode()
    assert f'id="step-e{following.pk}"' in answer
    assert "succeeded" in answer
    BackupJob.objects.filter(pk=job.pk).update(status="success", outcome="success", phase="", data="good")
    assert "hx-get" not in client.get(tail_of(answer)).content.decode()


def test_a_flood_is_cut_to_its_last_lines(client: Client, photos: Repository) -> None:
    job = scenes.running_before(photos)
    row = job.executions.get(status="running")
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    scenes.write_log("executions", str(row.pk), "stopping nextcloud\n" + "y\n" * 20_000)
    answer = client.get(tail_of(page)).content.decode()
    assert "19800 lines went by too fast" in answer
    assert answer.count('<a class="n"') == 200
    assert client.get(tail_of(answer)).status_code == 204


@pytest.mark.parametrize("cursor", ["", "e1", "x:1", "borg:99999999999999999999999999:", "e0:-1:", ":::"])
def test_a_cursor_that_makes_no_sense_begins_anew(client: Client, photos: Repository, cursor: str) -> None:
    job = scenes.running_before(photos)
    answer = client.get(f"/jobs/{job.pk}/tail/", {"at": cursor})
    assert answer.status_code == 200
    assert "stopping nextcloud" in answer.content.decode()


def found(pattern: str, page: str) -> str:
    match = re.search(pattern, page)
    assert match, page
    return match[1].replace("&amp;", "&")


def tail_of(page: str) -> str:
    return found(r'hx-get="(/jobs/\d+/tail/[^"]*)"', page)


# --- what people do ---------------------------------------------------------------------------------------------------
def test_back_up_now_queues_a_backup_and_goes_to_its_page(client: Client, photos: Repository, anna: User) -> None:
    answer = client.post(f"/repositories/{photos.pk}/backup/")
    job = BackupJob.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert (job.status, job.triggered_by, job.triggered_by_user) == ("queued", "manual", anna)


def test_a_waiting_backup_is_cancelled_at_once_a_running_one_is_asked(client: Client, make_repository: Any) -> None:
    waiting, running = scenes.queued(make_repository("a")), scenes.running_borg(make_repository("b"))
    for job in (waiting, running):
        assert client.post(f"/jobs/{job.pk}/cancel/")["Location"] == f"/jobs/{job.pk}/"
        job.refresh_from_db()
    assert waiting.status == "cancelled"
    assert "Stopping, as" in text_of(client.get(f"/jobs/{running.pk}/"))
    assert running.cancel_requested_at


def test_scripts_after_a_backup_are_not_cancelled_but_one_can_be_stopped(client: Client, photos: Repository) -> None:
    job = scenes.running_after(photos)
    page = client.post(f"/jobs/{job.pk}/cancel/", follow=True)
    assert "they bring services back" in text_of(page)
    row = job.executions.get(status="running")
    assert client.post(f"/executions/{row.pk}/cancel/", {"next": "job"})["Location"] == f"/jobs/{job.pk}/"
    row.refresh_from_db()
    assert row.cancel_requested_at
    over = job.executions.filter(status="succeeded").first()
    assert "is over already" in text_of(client.post(f"/executions/{over.pk}/cancel/", follow=True))


def test_a_broken_promise_is_run_again(client: Client, photos: Repository) -> None:
    job = scenes.broken_promise(photos)
    client.post(f"/jobs/{job.pk}/post-backup/")
    again = job.executions.get(attempt=2)
    assert (again.status, again.triggered_by) == ("planned", "rerun")
    page = client.get(f"/jobs/{job.pk}/")
    assert title_of(page).startswith("promise broken")
    assert "job-progress" in page.content.decode()
    assert "The scripts after the backup run again." in text_of(page)
    assert "are running already" in text_of(client.post(f"/jobs/{job.pk}/post-backup/", follow=True))


def test_where_nothing_is_broken_nothing_is_run_again(client: Client, photos: Repository) -> None:
    job = scenes.success(photos)
    assert "nothing to put right" in text_of(client.post(f"/jobs/{job.pk}/post-backup/", follow=True))
    assert not job.executions.filter(attempt=2).exists()


def test_a_promise_is_closed_with_a_note_and_not_without(client: Client, photos: Repository, anna: User) -> None:
    job = scenes.broken_promise(photos)
    promise = job.broken_promises.get()
    refused = client.post(f"/promises/{promise.pk}/close/", {"note": "  "})
    assert refused.status_code == 422
    assert "Say in a few words what you did." in text_of(refused)
    page = client.post(f"/promises/{promise.pk}/close/", {"note": "started <b>by hand</b>"}, follow=True)
    promise.refresh_from_db()
    assert (promise.note, promise.closed_by_user) == ("started <b>by hand</b>", anna)
    assert "started &lt;b&gt;by hand&lt;/b&gt;" in page.content.decode()
    assert "closed already" in text_of(client.post(f"/promises/{promise.pk}/close/", {"note": "again"}, follow=True))


def test_who_has_seen_a_recovered_backup_and_when_is_kept(client: Client, photos: Repository, anna: User) -> None:
    job = scenes.recovered(photos)
    page = client.post(f"/jobs/{job.pk}/seen/", follow=True)
    job.refresh_from_db()
    assert job.seen_by_user == anna
    seen = job.seen_at
    assert re.search(r"Seen (now|a second ago|\d+ seconds ago) by anna\.", text_of(page))
    assert "I have seen this" not in text_of(page)
    client.post(f"/jobs/{job.pk}/seen/")
    job.refresh_from_db()
    assert job.seen_at == seen


def test_a_backup_that_was_never_lost_cannot_be_marked_as_seen(client: Client, photos: Repository) -> None:
    job = scenes.success(photos)
    assert "Nobody has to look" in text_of(client.post(f"/jobs/{job.pk}/seen/", follow=True))
    job.refresh_from_db()
    assert job.seen_at is None


def test_a_button_that_is_named_for_a_script_says_the_words_it_shows(client: Client, photos: Repository) -> None:
    page = client.get(f"/jobs/{scenes.broken_promise(photos).pk}/").content.decode()
    buttons = re.findall(r'<button[^>]*aria-label="([^"]*)"[^>]*>(.*?)</button>', page, re.DOTALL)
    named = [(name, re.sub(r"<[^>]+>", "", shown).strip()) for name, shown in buttons]
    assert ("Run it again: Start Nextcloud", "Run it again") in named
    assert [(name, shown) for name, shown in named if shown not in name] == []


def test_what_borg_printed_is_downloaded_as_text(client: Client, photos: Repository) -> None:
    job = scenes.failure_in_borg(photos)
    answer = client.get(f"/jobs/{job.pk}/log/borg/")
    assert b"".join(answer.streaming_content).decode().startswith("Failed to create/acquire the lock")
    assert answer["Content-Disposition"].startswith("attachment")
    assert client.get(f"/jobs/{job.pk}/log/..%2Fsecret/").status_code == 404


def test_a_job_of_a_deleted_repository_can_still_be_read(client: Client, photos: Repository) -> None:
    job = scenes.success(photos)
    Repository.objects.filter(pk=photos.pk).update(deleted_at=job.completed_at)
    page = client.get(f"/jobs/{job.pk}/")
    assert page.status_code == 200
    assert "Back up again" not in text_of(page)
    row = ScriptExecution.objects.filter(backup_job=job).first()
    assert client.get(f"/executions/{row.pk}/").status_code == 200
