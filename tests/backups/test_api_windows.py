"""Maintenance windows as a program with a token sees them."""

from collections.abc import Callable
from typing import Any

import pytest

from backups.models import MaintenanceWindow, Repository, ScheduledJob, WindowRun
from scripts_library.models import Script
from tests.rest import Rest, fields_of

from . import window_scenes

pytestmark = pytest.mark.django_db
NIGHT = {"name": "Night", "cron_expression": "17 2 * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def api(data_dir: Any) -> Rest:
    return Rest()


@pytest.fixture
def stop(make_script: Callable[..., Script]) -> Script:
    block = "# /// borgui\n# interrupts = '${NAME}'\n#\n# [[parameters]]\n# name = 'NAME'\n#\n"
    return make_script("Stop", f"{block}# [[parameters]]\n# name = 'KEY'\n# type = 'secret'\n# ///")


def made(api: Rest, **fields: Any) -> dict[str, Any]:
    answer = api.post("/maintenance-windows", {**NIGHT, **fields})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_a_window_is_made_with_scripts_as_numbers_or_with_their_settings(api: Rest, stop: Script) -> None:
    with_settings = {"script_id": stop.pk, "custom_run_on": "always", "parameters": {"NAME": "web", "KEY": "swordfish"}}
    window = made(api, pre_scripts=[stop.pk], post_scripts=[with_settings], max_parallel=2)
    assert window["pre_scripts"][0]["script_id"] == stop.pk
    [post] = window["post_scripts"]
    assert (post["run_on"], post["parameters"]) == ("always", {"NAME": "web", "KEY": {"set": True}})
    assert (window["in_words"], window["max_parallel"], window["max_duration"]) == ("At 02:17 every day", 2, 28800)
    assert window["next_run"] == window["next_times"][0]
    assert api.get(f"/maintenance-windows/{window['id']}").json() == window
    assert api.get("/maintenance-windows", search="nig").json() == {"count": 1, "items": [window]}
    assert api.get("/maintenance-windows", search="day").json()["count"] == 0


def test_a_change_keeps_what_it_does_not_name(api: Rest, stop: Script) -> None:
    window = made(api, post_scripts=[{"script_id": stop.pk, "parameters": {"KEY": "swordfish"}}])
    path = f"/maintenance-windows/{window['id']}"
    changed = api.put(
        path, {"description": "All", "post_scripts": [{"script_id": stop.pk, "parameters": {"NAME": "a"}}]}
    )
    assert changed.json()["post_scripts"][0]["parameters"] == {"NAME": "a", "KEY": {"set": True}}
    assert changed.json()["cron_expression"] == "17 2 * * *"
    assert api.put(path, {"post_scripts": None}).json()["post_scripts"] == []
    assert api.put(path, {"enabled": False}).json()["next_times"] == []


def test_what_is_wrong_is_named_and_nothing_is_kept(api: Rest, stop: Script) -> None:
    wrong = api.post("/maintenance-windows", {**NIGHT, "cron_expression": "nonsense", "max_parallel": 0})
    assert (wrong.status_code, fields_of(wrong)) == (422, ["cron_expression", "max_parallel"])
    for scripts, field in (
        ([999], "pre_scripts"),
        ([{"script_id": stop.pk, "custom_timeout": 0}], "pre_scripts.0.custom_timeout"),
    ):
        wrong = api.post("/maintenance-windows", {**NIGHT, "pre_scripts": scripts})
        assert (wrong.status_code, fields_of(wrong)) == (422, [field])
    assert api.post("/maintenance-windows", {**NIGHT, "nonsense": 1}).status_code == 422
    assert not MaintenanceWindow.objects.exists()
    made(api)
    taken = api.post("/maintenance-windows", NIGHT)
    assert (taken.status_code, fields_of(taken)) == (409, ["name"])
    assert api.get("/maintenance-windows/999").status_code == 404


def test_scheduled_jobs_belong_to_a_window_and_keep_it_from_being_deleted(
    api: Rest, make_repository: Callable[..., Repository]
) -> None:
    window, photos = made(api), make_repository()
    body = {"name": "photos", "repositories": [photos.pk], "maintenance_window_id": window["id"]}
    job = api.post("/scheduled-jobs", body)
    assert job.status_code == 201, job.content
    assert (job.json()["next_run"], job.json()["next_times"]) == (None, [])
    path = f"/maintenance-windows/{window['id']}"
    assert api.get(path).json()["scheduled_jobs"] == [job.json()["id"]]
    assert api.get("/status").json()["repositories"][0]["next_due_at"] == window["next_run"]
    refused = api.delete(path)
    assert refused.status_code == 409
    assert "'photos'" in refused.json()["detail"]
    assert api.put(f"/scheduled-jobs/{job.json()['id']}", {"maintenance_window_id": None}).status_code == 422
    ScheduledJob.objects.all().delete()
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize("state", window_scenes.STATES)
def test_its_openings_are_listed_with_both_verdicts(
    api: Rest, make_repository: Callable[..., Repository], state: str
) -> None:
    window = window_scenes.make_window(repositories=[make_repository("photos"), make_repository("mail")])
    repositories = list(Repository.objects.order_by("pk"))
    window_scenes.STATES[state](window, repositories)
    [run] = api.get(f"/maintenance-windows/{window.pk}/runs").json()["items"]
    expected = {"queued": "running", "inside": "running", "closing": "running", "closed": "failure"}
    others = {"did-not-open": "failure", "broken": "warning", "missed": "missed"}
    assert run["status"] == {**expected, **others}[state]
    assert (run["services"] == "broken_promise") == (state == "broken")
    assert run["data"] == {"closed": "none", "did-not-open": "none", "broken": "good", "closing": "good"}.get(state)
    assert len(run["jobs"]) == (0 if state in ("queued", "missed") else 2)
    if state == "closed":
        assert run["downtime"] == [{"name": "Nextcloud", "seconds": 1215.0, "still_down": False}]


def test_the_queries_of_openings_do_not_grow(
    api: Rest, make_repository: Callable[..., Repository], django_assert_max_num_queries: Any
) -> None:
    repositories = [make_repository("photos"), make_repository("mail")]
    window = window_scenes.make_window(repositories=repositories)

    def ask() -> None:
        assert api.get(f"/maintenance-windows/{window.pk}/runs").status_code == 200

    window_scenes.closed(window, repositories)
    ask()
    with django_assert_max_num_queries(20) as seen:
        ask()
    most = len(seen)
    for ago in range(20):
        window_scenes.closed(window, repositories, 100_000 * (ago + 1))
    ask()  # the use of the token is written down now and then
    with django_assert_max_num_queries(most):
        ask()


def test_it_is_opened_and_cancelled(api: Rest, make_repository: Callable[..., Repository]) -> None:
    window = window_scenes.make_window(repositories=[make_repository()])
    path = f"/maintenance-windows/{window.pk}"
    assert api.post(f"{path}/cancel").status_code == 409
    opened = api.post(f"{path}/run")
    assert opened.status_code == 202, opened.content
    assert (opened.json()["status"], opened.json()["triggered_by"], opened.json()["due_at"]) == ("running", "api", None)
    assert api.post(f"{path}/run").status_code == 409
    assert api.delete(path).status_code == 409
    assert api.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert WindowRun.objects.get().status == "cancelled"


def test_who_may_only_read_opens_nothing(data_dir: Any, make_repository: Callable[..., Repository]) -> None:
    window = window_scenes.make_window(repositories=[make_repository()])
    reader = Rest(scope="read")
    assert reader.get(f"/maintenance-windows/{window.pk}").status_code == 200
    for action in ("run", "cancel"):
        assert reader.post(f"/maintenance-windows/{window.pk}/{action}").status_code == 403
    assert reader.post("/maintenance-windows", NIGHT).status_code == 403
    assert not WindowRun.objects.exists()


@pytest.mark.parametrize(
    ("script", "field", "said"),
    [
        ({"script_id": 1, "custom_run_on": "sometimes"}, "post_scripts.0.custom_run_on", "It should be 'success'"),
        ({"script_id": "one"}, "post_scripts.0.script_id", "It should be a valid integer"),
        ({"script_id": 1, "color": "red"}, "post_scripts.0.color", "There is no such field."),
        ({}, "post_scripts.0.script_id", "This field is required."),
        ("one", "post_scripts", "It should be a valid integer"),
        (None, "post_scripts", "It should be a valid integer"),
    ],
)
def test_what_is_wrong_with_a_script_is_said_of_its_field(api: Rest, script: Any, field: str, said: str) -> None:
    answer = api.post("/maintenance-windows", {**NIGHT, "post_scripts": [script]})

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert error["message"].startswith(said)
