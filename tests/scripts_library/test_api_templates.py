"""Templates over the REST API: which there are, scripts made from them, newer versions of them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups.library_figures import figures
from scripts_library.models import Script
from scripts_library.store import digest
from tests.rest import Rest, fields_of

pytestmark = pytest.mark.django_db
OURS = Path(__file__).parent / "templates"
STOP = "stop-service.sh"


@pytest.fixture
def catalogue(data_dir: Path, settings: Any, tmp_path: Path) -> Path:
    settings.CATALOGUE_DIR = Path(shutil.copytree(OURS, tmp_path / "catalogue"))
    return settings.CATALOGUE_DIR


@pytest.fixture
def api(catalogue: Path) -> Rest:
    return Rest()


def newer(catalogue: Path, file: str = STOP, *changes: tuple[str, str], version: str = "1.1") -> str:
    """A later version of borgui brings a newer text of this template."""
    text = (OURS / file).read_text()
    for old, new in (('version = "1.0"', f'version = "{version}"'), *changes):
        assert old in text
        text = text.replace(old, new)
    (catalogue / file).write_text(text)
    return text


def made(api: Rest, **fields: Any) -> Any:
    response = api.post("/scripts", {"from_template": STOP, **fields})
    assert response.status_code == 201, response.content
    return response.json()


# --- which there are --------------------------------------------------------------------------------------------------
def test_the_list_has_what_a_form_needs(api: Rest) -> None:
    answer = api.get("/templates").json()
    assert (answer["count"], [one["name"] for one in answer["items"]]) == (2, ["dump-notes.sh", STOP])
    stop = answer["items"][1]
    assert (stop["title"], stop["version"], stop["run_on"]) == ("Service: stop and start", "1.0", "always")
    assert stop["hooks"] == ["pre-backup", "post-backup"]
    assert [one["name"] for one in stop["parameters"]] == ["SERVICE", "TOKEN", "CONTAINER"]
    assert [(one["programs"][0], one["is_met"]) for one in stop["needs"]] == [
        ("borgui-no-such-program", False),
        ("sh", True),
    ]


def test_problem_words_find_a_template(api: Rest) -> None:
    assert [one["name"] for one in api.get("/templates", search="Daemon halt").json()["items"]] == [STOP]
    assert api.get("/templates", search="quantum").json() == {"count": 0, "items": []}


def test_a_long_list_costs_no_more_queries(api: Rest, make_script: Callable[..., Script]) -> None:
    def cost(number: int) -> int:
        for one in range(number):
            make_script(f"mine {Script.objects.count()} {one}", is_template=True)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert api.get("/templates").json()["count"] >= number
        return len(
            [query for query in queries if '"script' in query["sql"]]
        )  # a token notes now and then that it was used

    assert cost(1) == cost(40) > 0


# --- a script made from one -------------------------------------------------------------------------------------------
def test_a_script_is_made_with_values_as_defaults(api: Rest, catalogue: Path) -> None:
    script = made(api, name="Stop it", parameters={"SERVICE": "my 'web' $(id)", "TOKEN": "a secret"})
    assert script["content"] == (catalogue / STOP).read_text()
    assert (script["name"], script["category"], script["template_version"]) == ("Stop it", "template", "1.0")
    assert (script["template_name"], script["run_on"], script["timeout"]) == (STOP, "always", 60)
    assert script["parameters"] == {"SERVICE": "my 'web' $(id)", "TOKEN": {"set": True}}
    row = Script.objects.get()
    assert row.template_content.content == script["content"]
    assert row.revisions.get().source == "template"
    assert row.file_path.startswith("library/stop-it_")
    assert "a secret" not in stored_parameters()


def stored_parameters() -> str:
    """As the database has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT parameters FROM scripts")
        return str(cursor.fetchall())


@pytest.mark.parametrize("name", ["stop-service", "Service: stop and start"])
def test_a_template_is_found_by_its_short_name_and_its_title(api: Rest, name: str) -> None:
    assert made(api, from_template=name)["template_name"] == STOP


def test_without_a_name_it_has_the_template_s_with_a_number(api: Rest) -> None:
    assert [made(api)["name"] for _ in range(3)] == [
        "Service: stop and start",
        "Service: stop and start (2)",
        "Service: stop and start (3)",
    ]


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        ({"from_template": "no such"}, 422, ["from_template"]),
        ({"from_template": ""}, 422, ["from_template"]),
        ({"from_template": "../../etc/passwd"}, 422, ["from_template"]),
        ({"from_template": STOP, "content": "#!/bin/sh\n"}, 422, ["content"]),
        ({"from_template": STOP, "parameters": {"NOBODY": "1"}}, 422, ["parameters.NOBODY"]),
        ({"from_template": STOP, "parameters": {"TOKEN": "abc"}}, 422, ["parameters.TOKEN"]),
        ({"from_template": "dump-notes", "parameters": {"DUMP_DIR": "here"}}, 422, ["parameters.DUMP_DIR"]),
        ({"from_template": "dump-notes", "parameters": {"NUMBER": "three"}}, 422, ["parameters.NUMBER"]),
        ({"name": "neither"}, 422, ["content"]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(
    api: Rest, body: dict[str, Any], status: int, fields: list[str]
) -> None:
    response = api.post("/scripts", body)
    assert (response.status_code, fields_of(response)) == (status, fields)
    assert not Script.objects.exists()


def test_a_name_that_is_taken_is_a_conflict(api: Rest) -> None:
    made(api, name="Stop it")
    response = api.post("/scripts", {"from_template": STOP, "name": "Stop it"})
    assert (response.status_code, fields_of(response)) == (409, ["name"])


def test_the_share_of_scripts_from_templates_is_counted(api: Rest) -> None:
    made(api)
    api.post("/scripts", {"name": "mine", "content": "#!/bin/sh\n"})
    assert figures().scripts_from_templates == 50
    assert api.get("/scripts", category="template").json()["count"] == 1
    assert api.get("/templates").json()["items"][1]["made"] == 1


# --- one's own --------------------------------------------------------------------------------------------------------
def test_a_script_can_be_offered_as_a_template_and_taken_back(api: Rest) -> None:
    mine = made(api, name="My stop", parameters={"SERVICE": "web", "TOKEN": "a secret"}, timeout=11)
    assert api.put(f"/scripts/{mine['id']}", {"is_template": True}).json()["is_template"]
    offered = api.get("/templates").json()["items"][-1]
    assert (offered["name"], offered["script_id"], offered["defaults"]) == ("My stop", mine["id"], {"SERVICE": "web"})

    second = made(api, from_template="My stop")

    assert (second["name"], second["content"], second["timeout"]) == ("My stop (2)", mine["content"], 11)
    assert second["parameters"] == {"SERVICE": "web"}
    assert not second["is_template"]
    assert Script.objects.get(pk=second["id"]).template_script_id == mine["id"]
    api.put(f"/scripts/{mine['id']}", {"is_template": False})
    assert api.get("/templates").json()["count"] == 2
    assert api.post("/scripts", {"from_template": "My stop"}).status_code == 422


def test_a_script_from_a_template_outlives_it(api: Rest) -> None:
    mine = made(api, name="My stop")
    api.put(f"/scripts/{mine['id']}", {"is_template": True})
    second = made(api, from_template="My stop")
    assert api.delete(f"/scripts/{mine['id']}").status_code == 204
    assert api.get(f"/scripts/{second['id']}").status_code == 200
    assert api.get("/templates").json()["count"] == 2


# --- a newer version --------------------------------------------------------------------------------------------------
def upgraded(api: Rest, pk: int, action: str, **fields: Any) -> Any:
    return api.post(f"/scripts/{pk}/upgrade", {"action": action, **fields})


def test_a_newer_version_is_offered_and_taken(api: Rest, catalogue: Path) -> None:
    script = made(api)
    assert script["upgrade"] is None
    text = newer(catalogue)
    assert api.get(f"/scripts/{script['id']}").json()["upgrade"] == {
        "version": "1.1",
        "sha256": digest(text),
        "ignored": False,
    }
    taken = upgraded(api, script["id"], "take").json()
    assert (taken["content"], taken["template_version"], taken["upgrade"]) == (text, "1.1", None)
    assert upgraded(api, script["id"], "take").status_code == 409


def test_an_older_version_is_not_offered(api: Rest, catalogue: Path) -> None:
    script = made(api)
    newer(catalogue, version="0.9")
    assert api.get(f"/scripts/{script['id']}").json()["upgrade"] is None


def test_a_version_that_is_ignored_stays_so_until_the_next_one(api: Rest, catalogue: Path) -> None:
    script = made(api)
    newer(catalogue)
    assert upgraded(api, script["id"], "ignore").json()["upgrade"]["ignored"]
    newer(catalogue, version="1.2")
    upgrade = api.get(f"/scripts/{script['id']}").json()["upgrade"]
    assert (upgrade["version"], upgrade["ignored"]) == ("1.2", False)


def test_both_changes_are_kept_where_they_do_not_touch(api: Rest, catalogue: Path) -> None:
    script = made(api)
    mine = script["content"].replace("set -euo pipefail", "set -euo pipefail\necho mine")
    saved = api.put(f"/scripts/{script['id']}", {"content": mine, "sha256": script["sha256"]}).json()
    newer(catalogue, STOP, ("timeout = 60", "timeout = 90"))

    merged = upgraded(api, script["id"], "merge", sha256=saved["sha256"]).json()

    assert "echo mine" in merged["content"]
    assert (merged["timeout"], merged["template_version"], merged["upgrade"]) == (90, "1.1", None)


def test_changes_that_touch_need_a_person_and_change_nothing(api: Rest, catalogue: Path) -> None:
    script = made(api)
    mine = script["content"].replace("timeout = 60", "timeout = 61")
    api.put(f"/scripts/{script['id']}", {"content": mine, "sha256": script["sha256"]})
    newer(catalogue, STOP, ("timeout = 60", "timeout = 90"))
    assert upgraded(api, script["id"], "merge").status_code == 409
    now = api.get(f"/scripts/{script['id']}").json()
    assert (now["content"], now["template_version"]) == (mine, "1.0")


def test_what_somebody_saved_meanwhile_is_not_overwritten(api: Rest, catalogue: Path) -> None:
    script = made(api)
    api.put(f"/scripts/{script['id']}", {"content": script["content"] + "# more\n", "sha256": script["sha256"]})
    newer(catalogue)
    assert upgraded(api, script["id"], "take", sha256=script["sha256"]).status_code == 409
    assert upgraded(api, script["id"], "dance").status_code == 422
