"""Schedules as a program with a token sees them."""

from typing import Any

import pytest

from backups import tasks
from backups.models import BackupJob, ScheduledJob
from tests.rest import Rest, fields_of

from .timetable import at

pytestmark = pytest.mark.django_db
NIGHTLY = {"name": "Nightly", "cron_expression": "17 2 * * *", "timezone": "UTC"}


@pytest.fixture
def api(clock: Any) -> Rest:
    return Rest()


@pytest.fixture
def photos(make_repository: Any) -> int:
    return make_repository().pk


def make(api: Rest, photos: int, **fields: Any) -> dict[str, Any]:
    answer = api.post("/scheduled-jobs", {**NIGHTLY, "repositories": [photos], **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_a_schedule_is_made_read_changed_and_deleted(api, photos, make_repository):
    music = make_repository("music").pk
    body = make(api, photos, prune_after=True, jitter=60, check_every_days=30)
    expected = {"repositories": [photos], "in_words": "At 02:17 every day", "enabled": True, "catch_up": 43200}
    assert expected.items() <= body.items()
    assert body["next_run"] == "2026-11-21T02:17:00Z"
    assert body["next_times"] == [f"2026-11-{day}T02:17:00Z" for day in range(21, 26)]
    assert (body["prune_after"], body["jitter"], body["check_every_days"]) == (True, 60, 30)
    address = f"/scheduled-jobs/{body['id']}"
    assert api.get(address).json() == body

    changed = api.put(address, {"repositories": [music, photos], "cron_expression": "@daily", "catch_up": None})
    assert (changed.status_code, changed.json()["repositories"]) == (200, [music, photos])
    assert (changed.json()["next_run"], changed.json()["name"]) == ("2026-11-21T00:00:00Z", "Nightly")

    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    assert api.put(address, {}).status_code == 404


def test_the_ping_address_never_comes_back(api, photos):
    body = make(api, photos, ping_url="https://ping.example.org/secret")

    address = f"/scheduled-jobs/{body['id']}"
    for answer in (api.get(address), api.get("/scheduled-jobs"), api.put(address, {"ping_url": ""})):
        assert b"secret" not in answer.content
    assert api.get(address).json()["pings"] is True
    assert api.put(address, {"ping_url": None}).json()["pings"] is False


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"cron_expression": "nonsense"}, ["cron_expression"]),
        ({"cron_expression": None}, ["cron_expression"]),
        ({"timezone": "Mars/Olympus", "jitter": 90000}, ["timezone", "jitter"]),
        ({"repositories": [4711]}, ["repositories"]),
        ({"repositories": "photos"}, ["repositories"]),
        ({"jitter": -1}, ["jitter"]),
        ({"next_run": "2020-01-01T00:00:00Z"}, ["next_run"]),
        ({"enabled": "yes"}, ["enabled"]),
    ],
)
def test_what_is_wrong_is_named_by_its_field(api, photos, fields, named):
    answer = api.post("/scheduled-jobs", {**NIGHTLY, "repositories": [photos], **fields})

    assert (answer.status_code, fields_of(answer)) == (422, named)
    assert not ScheduledJob.objects.exists()


def test_a_name_that_is_taken_is_a_conflict(api, photos):
    make(api, photos)

    answer = api.post("/scheduled-jobs", {**NIGHTLY, "repositories": [photos]})

    assert (answer.status_code, fields_of(answer)) == (409, ["name"])


def test_the_list_is_by_name_and_can_be_searched(api, photos):
    for name in ("weekly", "daily", "monthly"):
        make(api, photos, name=name)

    everything = api.get("/scheduled-jobs").json()
    assert (everything["count"], [row["name"] for row in everything["items"]]) == (3, ["daily", "monthly", "weekly"])
    assert api.get("/scheduled-jobs", search="week").json()["count"] == 1


@pytest.mark.parametrize("count", [1, 50])
def test_the_queries_of_the_list_do_not_grow(api, photos, count, django_assert_num_queries):
    for number in range(count):
        make(api, photos, name=f"number {number}")
    api.get("/scheduled-jobs")

    # wrong tokens from there (twice), the token, the rows, their members and repositories, the count
    with django_assert_num_queries(7):
        api.get("/scheduled-jobs")


def test_a_schedule_is_run_now_and_the_worker_poked(
    api, photos, clock, monkeypatch, django_capture_on_commit_callbacks
):
    pokes: list[str] = []
    monkeypatch.setattr(tasks, "start_jobs", lambda: pokes.append("jobs"))
    body = make(api, photos)

    with django_capture_on_commit_callbacks(execute=True):
        answer = api.post(f"/scheduled-jobs/{body['id']}/run")

    [job] = answer.json()
    assert (answer.status_code, job["repository_id"], job["triggered_by"]) == (202, photos, "api")
    assert (job["triggered_by_user_id"], pokes) == (api.user.pk, ["jobs"])
    clock.move_to(at("20 12:01"))
    assert api.post(f"/scheduled-jobs/{body['id']}/run").status_code == 409
    assert BackupJob.objects.count() == 1


def test_one_is_paused_until_a_time_and_resumed(api, photos):
    address = f"/scheduled-jobs/{make(api, photos)['id']}"

    paused = api.post(f"{address}/pause", {"until": "2026-11-23T00:00:00Z"}).json()
    assert (paused["paused_until"], paused["next_times"][0]) == ("2026-11-23T00:00:00Z", "2026-11-23T02:17:00Z")
    assert api.post(f"{address}/resume").json()["paused_until"] is None
    off = api.post(f"{address}/pause", {"until": None}).json()
    assert (off["enabled"], off["next_run"], off["next_times"]) == (False, None, [])
    assert api.post(f"{address}/resume").json()["enabled"] is True
    assert fields_of(api.post(f"{address}/pause", {"until": "2020-01-01T00:00:00Z"})) == ["until"]
    for wrong in ["2026-11-23T00:00:00", "1900000000", 1_900_000_000, True]:
        assert fields_of(api.post(f"{address}/pause", {"until": wrong})) == ["until"]


def test_everything_is_paused_and_resumed(api):
    paused = api.post("/pause", {"until": "2026-11-23T00:00:00Z"})

    since, until = "2026-11-20T12:00:00Z", "2026-11-23T00:00:00Z"
    assert (paused.status_code, paused.json()) == (200, {"paused": True, "since": since, "until": until})
    assert api.post("/resume").json() == {"paused": False, "since": None, "until": None}
    assert api.post("/pause", {}).json()["until"] is None


def test_the_scopes_of_tokens_hold(clock, photos):
    body = make(Rest(), photos)
    address = f"/scheduled-jobs/{body['id']}"
    reader, runner = Rest("read"), Rest("run")

    assert reader.get(address).status_code == 200
    for path in (f"{address}/run", f"{address}/pause", f"{address}/resume", "/pause", "/resume"):
        assert reader.post(path, {"until": None}).status_code == 403, path
    assert runner.put(address, {"name": "x"}).status_code == 403
    assert runner.delete(address).status_code == 403
    assert runner.post(f"{address}/run").status_code == 202


def test_the_status_says_when_each_repository_is_due(api, photos, make_repository, data_dir):
    make_repository("unscheduled")
    make(api, photos)
    make(api, photos, name="Earlier", cron_expression="0 1 * * *")

    due = {row["name"]: row["next_due_at"] for row in api.get("/status").json()["repositories"]}
    assert due == {"photos": "2026-11-21T01:00:00Z", "unscheduled": None}
    api.post("/pause", {"until": None})
    assert api.get("/status").json()["repositories"][0]["next_due_at"] is None
