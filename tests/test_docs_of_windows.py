"""docs/windows.md says what the code does: the night example is made through the API as it stands there, and runs for real."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backups.models import MaintenanceWindow, WindowRun
from tests.rest import Rest
from tests.test_docs import blocks, read

PAGE = "docs/windows.md"


def test_the_defaults_are_those_of_the_form() -> None:
    def hours(field: str) -> str:
        return f"({timedelta(seconds=MaintenanceWindow._meta.get_field(field).get_default()) // timedelta(hours=1)} h)"

    assert f"**Start no more backups after** {hours('max_duration')}" in read(PAGE)
    assert f"**Make up for it within** {hours('catch_up')}" in read(PAGE)


@pytest.mark.borg
def test_the_night_example_runs_as_it_stands(make_repository: Callable[..., Any], installation: Any) -> None:
    repositories = [make_repository(name, real=True).pk for name in ("nextcloud", "photos", "mail")]
    window, job = (json.loads(text) for text in blocks(PAGE, "json"))
    [text] = blocks(PAGE, "sh script")
    rest = Rest()
    script = rest.post("/scripts", {"content": text})
    assert script.status_code == 201, script.content
    scripts = {"pre_scripts": [script.json()["id"]]}
    scripts["post_scripts"] = [{**window["post_scripts"][0], "script_id": script.json()["id"]}]
    made = rest.post("/maintenance-windows", {**window, **scripts})
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    inside = rest.post("/scheduled-jobs", {**job, "repositories": repositories, "maintenance_window_id": pk})
    assert inside.status_code == 201, inside.content
    opened = rest.post(f"/maintenance-windows/{pk}/run")
    assert opened.status_code == 202
    installation.manage("run_window", str(opened.json()["id"]))
    [run] = rest.get(f"/maintenance-windows/{pk}/runs").json()["items"]
    assert (run["status"], run["data"], run["services"]) == ("success", "good", "up")
    assert [one["name"] for one in run["downtime"]] == ["Nextcloud"]
    assert run["saved_downtime"] is not None
    said = [row.stdout for row in WindowRun.objects.get().executions.in_order()]
    assert said[0] == "stopping Nextcloud for the window Night\n"
    assert said[1] == "starting Nextcloud again, the worst backup was: success\n"
    assert rest.delete(f"/maintenance-windows/{pk}").status_code == 409
