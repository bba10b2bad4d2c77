"""The overview: one honest answer to "am I safe?"."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backups import overview
from backups.host import host_id
from backups.models import BackupJob, Repository, Worker
from tests.rest import make_user

NOW = timezone.now()


@pytest.fixture
def worker(db: None, data_dir: Any) -> Worker:
    return Worker.objects.create(host_id=host_id(), hostname="nas", owner="", started_at=NOW, last_seen=NOW)


@pytest.fixture
def client(db: None, data_dir: Any) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(make_user())
    return client


def finished(repository: Repository, status: str = "success", *, at: datetime = NOW, **fields: Any) -> BackupJob:
    """A job that is over, and what the repository keeps of it."""
    data = {"success": "good", "warning": "good_with_warnings"}.get(status, "none")
    defaults = {"outcome": status, "data": data, "services": "up", "created_at": at, "completed_at": at}
    job = BackupJob.objects.create(repository=repository, status=status, triggered_by="api", **{**defaults, **fields})
    if data != "none":
        Repository.objects.filter(pk=repository.pk).update(last_good_at=at)
    return job


def sentence() -> str:
    return overview.gather(NOW)["verdict"].sentence


# --- the sentence -----------------------------------------------------------------------------------------------------
def test_without_a_repository_nothing_is_protected(worker):
    assert sentence() == "Nothing is protected yet."


def test_all_repositories_have_a_good_backup_from_the_last_day(worker, make_repository):
    for name in ("photos", "mail"):
        finished(make_repository(name))

    assert sentence() == "All 2 repositories have a good backup from the last 24 hours."


def test_a_good_backup_that_is_older_than_a_day_is_not_called_fresh(worker, make_repository):
    finished(make_repository(), at=NOW - timedelta(hours=25))

    found = overview.gather(NOW)

    assert found["verdict"].sentence == "'photos' has a good backup."
    assert found["oldest"].name == "photos"


def test_one_failure_among_three_needs_somebody(worker, make_repository):
    for name in ("photos", "mail"):
        finished(make_repository(name))
    finished(make_repository("cloud"), "failure")

    found = overview.gather(NOW)

    assert found["verdict"].sentence == "1 of 3 needs you."
    assert (found["verdict"].tone, found["verdict"].title) == ("failed", "1 needs you")
    assert [row.name for row in found["needs"].repositories] == ["cloud"]


def test_a_silent_worker_is_worse_than_everything_else(worker, make_repository):
    finished(make_repository(), "failure")
    Worker.objects.update(last_seen=NOW - timedelta(minutes=4))

    assert sentence().startswith("Backups have stopped: the worker has not reported since ")


def test_a_worker_that_never_reported_is_said_to_be_so(make_repository):
    finished(make_repository())

    assert sentence() == "Backups have stopped: the worker has never reported."


def test_a_first_backup_on_its_way_is_no_alarm(worker, make_repository, make_job):
    make_job(make_repository())

    assert sentence() == "The first backup of 'photos' is on its way."


# --- the order --------------------------------------------------------------------------------------------------------
def test_repositories_come_worst_first(worker, make_repository):
    finished(make_repository("fine"))
    finished(make_repository("fine but old"), at=NOW - timedelta(days=9))
    finished(make_repository("with warnings"), "warning")
    make_repository("never")
    finished(make_repository("failed"), "failure")
    broken = finished(make_repository("broken"))
    broken.broken_promises.create(
        repository=broken.repository, execution_id=1, position=1, script_name="start", message="it failed"
    )
    finished(make_repository("interrupted"), services="interrupted")

    names = [row.name for row in overview.gather(NOW)["rows"]]

    assert names == ["broken", "interrupted", "failed", "never", "with warnings", "fine but old", "fine"]


# --- what needs somebody ----------------------------------------------------------------------------------------------
def test_a_broken_promise_is_not_listed_twice(worker, make_repository):
    job = finished(make_repository(), services="broken_promise")
    job.broken_promises.create(
        repository=job.repository, execution_id=1, position=1, script_name="start", message="it failed"
    )

    found = overview.gather(NOW)

    assert found["verdict"].sentence == "'photos' needs you."
    assert not found["needs"].repositories


def test_kits_that_are_not_saved_and_outside_edits_are_listed(worker, make_repository, make_script):
    make_repository("open")
    make_repository("locked", passphrase="a secret phrase")
    make_repository("stored", passphrase="a secret phrase", kit_saved_at=NOW)
    script = make_script("stop things")
    type(script).objects.update(unseen_edit=True)

    needs = overview.gather(NOW)["needs"]

    assert [repository.name for repository in needs.kits] == ["locked"]
    assert [script.name for script in needs.scripts] == ["stop things"]


def test_a_backup_that_was_picked_up_is_listed_until_somebody_has_seen_it(worker, client, make_repository):
    lost = {"losses": 1, "lost_at": NOW, "restarted": True, "claim": 2}
    job = finished(make_repository(), "failure", message="The job stopped during backup.", **lost)

    page = client.get("/").content.decode()
    assert "The server restarted during a backup" in page
    assert overview.gather(NOW)["needs"].recovered == [job]
    assert not overview.gather(NOW)["needs"].repositories

    client.post(f"/jobs/{job.pk}/seen/")
    needs = overview.gather(NOW)["needs"]
    assert not needs.recovered
    assert [row.name for row in needs.repositories] == ["photos"]


def test_of_many_lines_of_a_kind_the_rest_is_counted(worker, make_repository):
    for number in range(overview.LINES + 3):
        finished(make_repository(f"number {number}"), "failure")

    needs = overview.gather(NOW)["needs"]

    assert (len(needs.repositories), needs.more) == (overview.LINES, 3)


# --- the page ---------------------------------------------------------------------------------------------------------
def test_the_first_run_leads_to_a_new_repository(worker, client):
    page = client.get("/").content.decode()

    assert "Nothing is protected yet." in page
    assert 'href="/repositories/new/"' in page
    assert "<title>Nothing protected yet · Overview" in page


@pytest.mark.parametrize("path", ["/", "/overview/running/", "/overview/back-up/"])
def test_a_stranger_is_led_to_sign_in(client, path):
    response = Client(headers={"Host": "localhost"}).get(path)

    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


def test_the_queries_do_not_grow_with_the_repositories(
    worker, client, settings, make_repository, django_assert_num_queries
):
    settings.TIME_ZONE_IS_SET = True  # else it is asked for now and then
    finished(make_repository("one"), "failure")
    with CaptureQueriesContext(connection) as before:
        client.get("/")
    for number in range(50):
        finished(make_repository(f"number {number}", passphrase="a secret phrase"), "failure")
        BackupJob.objects.create(repository_id=Repository.objects.latest("id").pk, triggered_by="api")

    with django_assert_num_queries(len(before)):
        page = client.get("/").content.decode()

    assert "number 49" in page


def test_a_hostile_name_is_only_text(worker, client, make_repository):
    finished(make_repository("<script>alert(1)</script>"), "failure", message="<b>bold</b>")

    page = client.get("/").content.decode()

    assert "<script>alert(1)" not in page
    assert "<b>bold" not in page


# --- back up now ------------------------------------------------------------------------------------------------------
def test_the_button_queues_a_backup_and_leads_to_it(worker, client, make_repository):
    repository = make_repository()

    response = client.post("/overview/back-up/", {"repository": repository.pk})

    job = BackupJob.objects.get()
    assert (job.repository, job.status, job.triggered_by) == (repository, "queued", "manual")
    assert response["Location"] == f"/jobs/{job.pk}/"


def test_a_backup_that_stops_something_is_started_where_that_is_named(worker, client, make_repository, attach):
    repository = make_repository()
    attach(repository, "pre-backup", "stop", '# /// borgui\n# interrupts = "Nextcloud"\n# ///\nexit 0')

    response = client.post("/overview/back-up/", {"repository": repository.pk}, follow=True)

    assert response.redirect_chain[0][0] == f"/repositories/{repository.pk}/"
    assert "stops Nextcloud meanwhile" in response.content.decode()
    assert not BackupJob.objects.exists()


@pytest.mark.parametrize("chosen", ["", "0", "x", "9" * 40, "\u0663"])
def test_what_is_no_repository_is_not_found(worker, client, chosen):
    assert client.post("/overview/back-up/", {"repository": chosen}).status_code == 404


# --- what runs --------------------------------------------------------------------------------------------------------
def test_nothing_new_is_204_and_something_new_is_the_piece(worker, client, make_repository, make_job):
    job = make_job(make_repository())
    cursor = overview.running().query

    assert client.get(f"/overview/running/?{cursor}").status_code == 204
    BackupJob.objects.filter(pk=job.pk).update(status="running", phase="backup")
    piece = client.get(f"/overview/running/?{cursor}")

    assert piece.status_code == 200
    assert "borg is backing up" in piece.content.decode()
    assert 'hx-trigger="every 1s"' in piece.content.decode()


def test_the_last_answer_asks_no_more(worker, client, make_repository, make_job):
    job = make_job(make_repository())
    cursor = overview.running().query
    BackupJob.objects.filter(pk=job.pk).update(status="success", completed_at=NOW)

    piece = client.get(f"/overview/running/?{cursor}").content.decode()

    assert "hx-trigger" not in piece
    assert "backed up" in piece
