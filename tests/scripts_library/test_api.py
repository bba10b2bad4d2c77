"""Scripts, revisions, test runs and assignments, as a program with a token sees them."""

from pathlib import Path
from typing import Any, get_args

import pytest
from django.conf import settings

from backups import tasks
from backups.models import Repository
from scripts_library import schemas
from scripts_library.models import (
    ExecutionStatus,
    Hook,
    OnFailure,
    Outcome,
    RepositoryScript,
    RunOn,
    Script,
    ScriptExecution,
    TriggeredBy,
)
from tests.rest import Rest, fields_of

pytestmark = pytest.mark.django_db

TEXT = "#!/bin/sh\nexit 0\n"
BLOCK = """#!/bin/sh
# /// borgui
# name = "Stop the database"
# description = "Stops it."
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 120
# interrupts = "${SERVICE}"
#
# [[parameters]]
# name = "SERVICE"
# required = true
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
exit 0
"""


@pytest.fixture
def api() -> Rest:
    return Rest()


@pytest.fixture
def repository() -> Repository:
    return Repository.objects.create(name="photos", path="/srv/photos", source_paths=["/home"])


def make(api: Rest, **fields: Any) -> dict[str, Any]:
    response = api.post("/scripts", {"name": f"script {Script.objects.count()}", "content": TEXT, **fields})
    assert response.status_code == 201, response.json()
    return response.json()


def assign(api: Rest, repository: Repository, script: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"script_id": script["id"], "hook_type": "pre-backup", **fields}
    response = api.post(f"/repositories/{repository.pk}/scripts", body)
    assert response.status_code == 201, response.json()
    return response.json()


def test_the_words_of_the_api_are_those_of_the_models() -> None:
    pairs = {
        schemas.HookName: Hook,
        schemas.RunOnName: RunOn,
        schemas.OnFailureName: OnFailure,
        schemas.OutcomeName: Outcome,
        schemas.StatusName: ExecutionStatus,
        schemas.TriggerName: TriggeredBy,
    }
    for name, choices in pairs.items():
        assert list(get_args(name)) == choices.values


# --- scripts ----------------------------------------------------------------------------------------------------------
def test_a_new_script_is_a_file_a_row_and_a_revision(api: Rest) -> None:
    script = make(api, name="Ping", description="says so", timeout=7, run_on="always")
    assert (script["name"], script["description"], script["timeout"], script["run_on"]) == (
        "Ping",
        "says so",
        7,
        "always",
    )
    assert script["content"] == TEXT
    assert script["run_on_declared"] is True
    assert (settings.DATA_DIR / "scripts" / script["file_path"]).read_text() == TEXT
    revisions = api.get(f"/scripts/{script['id']}/revisions").json()
    assert revisions["count"] == 1
    assert revisions["items"][0]["sha256"] == script["sha256"]
    assert revisions["items"][0]["source"] == "api"
    one = api.get(f"/scripts/{script['id']}/revisions/{script['sha256']}").json()
    assert one["content"] == TEXT
    assert script["created_by_user_id"] == api.user.pk


def test_what_the_request_does_not_say_the_block_says(api: Rest) -> None:
    script = api.post("/scripts", {"content": BLOCK, "timeout": 60}).json()
    assert (script["name"], script["run_on"], script["timeout"]) == ("Stop the database", "always", 60)
    assert script["hooks"] == ["pre-backup", "post-backup"]
    assert [entry["name"] for entry in script["declared_parameters"]] == ["SERVICE", "TOKEN"]


def test_without_a_declared_condition_the_answer_is_success_and_says_so(api: Rest) -> None:
    script = make(api)
    assert (script["run_on"], script["run_on_declared"], script["timeout"]) == ("success", False, 300)
    assert script["drift"] == {"state": "same", "problem": "", "unseen_edit": False}
    assert (script["repositories"], script["executions"], script["parameters"]) == ([], [], {})


def test_a_name_that_exists_is_409_with_the_field(api: Rest) -> None:
    make(api, name="Ping")
    response = api.post("/scripts", {"name": "Ping", "content": TEXT})
    assert response.status_code == 409
    assert fields_of(response) == ["name"]


def test_new_content_needs_the_hash_of_what_was_edited(api: Rest) -> None:
    script = make(api)
    path = f"/scripts/{script['id']}"
    assert fields_of(api.put(path, {"content": "#!/bin/sh\nexit 1\n"})) == ["sha256"]
    changed = api.put(path, {"content": "#!/bin/sh\nexit 1\n", "sha256": script["sha256"]})
    assert changed.status_code == 200
    assert changed.json()["content"] == "#!/bin/sh\nexit 1\n"
    late = api.put(path, {"content": "#!/bin/sh\nexit 2\n", "sha256": script["sha256"]})
    assert late.status_code == 409
    assert late.json()["sha256"] == changed.json()["sha256"]
    assert api.get(path).json()["content"] == "#!/bin/sh\nexit 1\n"


def test_an_absent_field_stays_and_null_clears(api: Rest) -> None:
    script = make(api, description="old", timeout=9, run_on="failure")
    path = f"/scripts/{script['id']}"
    kept = api.put(path, {}).json()
    assert (kept["description"], kept["timeout"], kept["run_on"]) == ("old", 9, "failure")
    cleared = api.put(path, {"description": None, "timeout": None, "run_on": None}).json()
    assert (cleared["description"], cleared["timeout"], cleared["run_on_declared"]) == ("", 300, False)


def test_a_script_in_use_is_not_deleted_and_its_users_are_named(api: Rest, repository: Repository) -> None:
    script = make(api)
    entry = assign(api, repository, script)
    path = f"/scripts/{script['id']}"
    refused = api.delete(path)
    assert refused.status_code == 409
    assert refused.json()["users"][0]["repository_name"] == "photos"
    assert api.get(path).json()["repositories"][0]["name"] == "photos"
    assert api.delete(f"/repositories/{repository.pk}/scripts/{entry['id']}").status_code == 204
    gone = api.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert api.get(path).status_code == 404
    assert api.get("/scripts").json()["count"] == 0


def test_lists_are_cut_in_pages_and_filtered(api: Rest, repository: Repository) -> None:
    for number in range(3):
        make(api, name=f"plain {number}")
    stop = api.post("/scripts", {"content": BLOCK}).json()
    pre = make(api, name="only pre", content='# /// borgui\n# hooks = ["pre-backup"]\n# ///\ntrue\n', run_on="failure")
    assign(api, repository, pre)

    def names(**query: Any) -> list[str]:
        return [item["name"] for item in api.get("/scripts", **query).json()["items"]]

    assert names() == ["Stop the database", "only pre", "plain 0", "plain 1", "plain 2"]
    assert names(page_size=2, page=2) == ["plain 0", "plain 1"]
    assert names(page=9) == []
    assert names(search="PLAIN") == ["plain 0", "plain 1", "plain 2"]
    assert names(hook="post-backup") == ["Stop the database", "plain 0", "plain 1", "plain 2"]
    assert names(run_on="success") == ["plain 0", "plain 1", "plain 2"]
    assert names(run_on="failure", unused="false") == ["only pre"]
    assert "only pre" not in names(unused="true")
    assert names(category="template") == names(is_template="true") == []
    assert api.get("/scripts", page_size=2).json()["count"] == 5
    assert stop["category"] == "custom"


def test_an_outside_edit_is_shown_kept_and_reverted(api: Rest) -> None:
    script = make(api)
    file, path = settings.DATA_DIR / "scripts" / script["file_path"], f"/scripts/{script['id']}"
    Path(file).write_text("#!/bin/sh\nexit 3\n")
    seen = api.get(path).json()
    assert (seen["content"], seen["drift"]["unseen_edit"]) == ("#!/bin/sh\nexit 3\n", True)
    reverted = api.post(f"{path}/drift", {"action": "revert"})
    assert (reverted.status_code, reverted.json()["content"]) == (200, TEXT)
    assert file.read_text() == TEXT
    assert api.post(f"{path}/drift", {"action": "keep"}).status_code == 409
    assert fields_of(api.post(f"{path}/drift", {"action": "burn"})) == ["action"]


# --- assignments ------------------------------------------------------------------------------------------------------
def test_an_assignment_has_the_defaults_and_goes_last(api: Rest, repository: Repository) -> None:
    first, second = assign(api, repository, make(api)), assign(api, repository, make(api))
    assert first["enabled"] is True
    assert (first["on_failure"], first["custom_timeout"], first["custom_run_on"]) == ("abort", None, None)
    post = assign(api, repository, make(api), hook_type="post-backup", custom_run_on="always", custom_timeout=5)
    listed = api.get(f"/repositories/{repository.pk}/scripts").json()
    assert listed["count"] == 3
    assert [item["id"] for item in listed["items"]] == [first["id"], second["id"], post["id"]]
    assert (post["run_on"], post["timeout"]) == ("always", 5)


def test_the_same_script_twice_at_a_hook_is_409_with_the_field(api: Rest, repository: Repository) -> None:
    script = make(api)
    assign(api, repository, script)
    response = api.post(
        f"/repositories/{repository.pk}/scripts", {"script_id": script["id"], "hook_type": "pre-backup"}
    )
    assert response.status_code == 409
    assert fields_of(response) == ["script_id"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"hook_type": "pre"}, "hook_type"),
        ({"hook_type": None}, "hook_type"),
        ({"enabled": "yes"}, "enabled"),
        ({"custom_timeout": 0}, "custom_timeout"),
        ({"custom_timeout": 86_401}, "custom_timeout"),
        ({"custom_run_on": "x"}, "custom_run_on"),
        ({"on_failure": "x"}, "on_failure"),
        ({"parameters": {"X": "1"}}, "parameters.X"),
        ({"execution_order": 1}, "execution_order"),
        ({"script_id": "1"}, "script_id"),
        ({"script_id": 2**63}, "script_id"),
    ],
)
def test_a_wrong_assignment_is_422(api: Rest, repository: Repository, fields: dict[str, Any], field: str) -> None:
    body = {"script_id": make(api)["id"], "hook_type": "pre-backup", **fields}
    response = api.post(f"/repositories/{repository.pk}/scripts", body)
    assert response.status_code == 422
    assert fields_of(response) == [field]
    assert not RepositoryScript.objects.exists()


def test_a_script_that_is_not_there_cannot_be_assigned(api: Rest, repository: Repository) -> None:
    response = api.post(f"/repositories/{repository.pk}/scripts", {"script_id": 99, "hook_type": "pre-backup"})
    assert response.status_code == 404


def test_secrets_go_in_and_never_come_out(api: Rest, repository: Repository) -> None:
    script = api.post("/scripts", {"content": BLOCK}).json()
    values = {"SERVICE": "postgres", "TOKEN": "s3cret-value"}
    entry = assign(api, repository, script, parameters=values)
    path = f"/repositories/{repository.pk}/scripts/{entry['id']}"
    assert entry["parameters"] == {"SERVICE": "postgres", "TOKEN": {"set": True}}
    kept = api.put(path, {"parameters": {"TOKEN": "", "SERVICE": "mariadb"}}).json()
    assert kept["parameters"] == {"SERVICE": "mariadb", "TOKEN": {"set": True}}
    assert fields_of(api.put(path, {"parameters": {"TOKEN": "abc"}})) == ["parameters.TOKEN"]
    preview = api.get(f"/repositories/{repository.pk}/scripts/preview")
    assert "s3cret-value" not in preview.content.decode()
    assert preview.json()["success"]["pre_backup"][0]["variables"]["TOKEN"] == "***"
    removed = api.put(path, {"parameters": {"TOKEN": None}}).json()
    assert removed["parameters"] == {"SERVICE": "mariadb"}


def test_the_order_is_set_whole_or_not_at_all(api: Rest, repository: Repository) -> None:
    ids = [assign(api, repository, make(api))["id"] for _ in range(3)]
    path = f"/repositories/{repository.pk}/scripts/order"
    ordered = api.put(path, {"hook_type": "pre-backup", "order": ids[::-1]})
    assert [item["id"] for item in ordered.json()["items"]] == ids[::-1]
    for wrong in (ids[:2], [*ids, 99], [ids[0], ids[0], ids[1]], []):
        assert api.put(path, {"hook_type": "pre-backup", "order": wrong}).status_code == 409
    assert fields_of(api.put(path, {"hook_type": "pre-backup", "order": "x"})) == ["order"]
    listed = api.get(f"/repositories/{repository.pk}/scripts").json()["items"]
    assert [item["id"] for item in listed] == ids[::-1]


def test_an_assignment_of_another_repository_is_not_found(api: Rest, repository: Repository) -> None:
    entry = assign(api, repository, make(api))
    other = Repository.objects.create(name="other", path="/srv/other", source_paths=["/home"])
    assert api.put(f"/repositories/{other.pk}/scripts/{entry['id']}", {"enabled": False}).status_code == 404
    assert api.delete(f"/repositories/{other.pk}/scripts/{entry['id']}").status_code == 404


def test_the_preview_says_for_every_outcome_what_runs_and_why_not(api: Rest, repository: Repository) -> None:
    assign(api, repository, make(api, name="after a failure", run_on="failure"), hook_type="post-backup")
    assign(api, repository, make(api, name="before"))
    preview = api.get(f"/repositories/{repository.pk}/scripts/preview").json()
    assert set(preview) == set(Outcome.values)
    runs = {outcome: preview[outcome]["post_backup"][0]["runs"] for outcome in Outcome.values}
    assert runs == {"success": False, "warning": False, "failure": True, "skipped": False, "cancelled": True}
    link = preview["success"]["post_backup"][0]
    assert link["reason"]
    names = {"assignment_id", "script_id", "script_name", "runs", "reason", "timeout", "run_on", "on_failure"}
    assert set(link) == names | {"variables", "problems"}
    assert not ScriptExecution.objects.exists()


# --- test runs --------------------------------------------------------------------------------------------------------
def test_a_test_run_is_queued_and_the_worker_is_poked(
    api: Rest, repository: Repository, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poked: list[int] = []
    monkeypatch.setattr(tasks, "start_test", poked.append)
    script = api.post("/scripts", {"content": BLOCK}).json()
    assign(api, repository, script, parameters={"SERVICE": "postgres", "TOKEN": "s3cret-value"})
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post(
            f"/scripts/{script['id']}/test", {"repository_id": repository.pk, "parameters": {"SERVICE": "other"}}
        )
    body = response.json()
    assert (response.status_code, body["status"], body["triggered_by"]) == (202, "planned", "test")
    assert body["parameters"] == {"SERVICE": "other", "TOKEN": {"set": True}}
    assert poked == [body["id"]]


def test_a_test_run_needs_nothing_and_defaults_to_the_first_hook(api: Rest) -> None:
    script = make(api, content='# /// borgui\n# hooks = ["post-backup"]\n# ///\ntrue\n')
    response = api.post(f"/scripts/{script['id']}/test")
    assert (response.status_code, response.json()["hook_type"]) == (202, "post-backup")
    assert response.json()["repository_id"] is None
    for body, field in [
        ({"hook_type": "x"}, "hook_type"),
        ({"backup_status": "good"}, "backup_status"),
        ({"parameters": {"X": 1}}, "parameters.X"),
        ({"repository": 1}, "repository"),
        ({"pause": 601}, "pause"),
        ({"pause": -1}, "pause"),
    ]:
        assert fields_of(api.post(f"/scripts/{script['id']}/test", body)) == [field]
    assert api.post(f"/scripts/{script['id']}/test", {"repository_id": 99}).status_code == 404


def test_a_pair_is_tried_with_a_pause_of_a_chosen_length(api: Rest) -> None:
    script = make(api)
    response = api.post(f"/scripts/{script['id']}/test", {"hook_type": "both", "pause": 20})
    assert response.status_code == 202
    rows = ScriptExecution.objects.filter(test_run_id=response.json()["id"]).order_by("position")
    assert [row.hook_type for row in rows] == ["pre-backup", "post-backup"]
    assert {row.circumstances["pause"] for row in rows} == {20}


@pytest.mark.parametrize("path", ["/scripts", "/executions"])
def test_a_list_takes_as_many_queries_for_one_row_as_for_many(
    api: Rest, path: str, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        script = make(api)
        api.post(f"/scripts/{script['id']}/test")
    api.get(path)
    with django_assert_max_num_queries(5):  # three are about the token
        assert api.get(path).json()["count"] == 12
