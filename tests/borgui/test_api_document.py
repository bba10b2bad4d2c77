"""The OpenAPI document: complete, true, and enough to make a client from."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from tests.rest import Rest

pytestmark = pytest.mark.django_db
ALWAYS = {"401", "403", "503"}


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = Client(headers={"Host": "localhost"}).get("/api/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_field_and_every_parameter_has_words(document: dict[str, Any]) -> None:
    """Write `Field(description=...)`, or a line in borgui/glossary.py."""
    fields = {
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, details in schema.get("properties", {}).items()
        if not details.get("description")
    }
    parameters = {
        f"{operation['operationId']}({entry['name']})"
        for _, _, operation in operations(document)
        for entry in operation["parameters"]
        if not entry.get("description")
    }
    assert fields | parameters == set()


def test_every_endpoint_has_a_stable_name_of_its_own_words_and_its_errors(document: dict[str, Any]) -> None:
    names = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert [name for name, count in names.items() if count > 1] == []
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        answers = set(operation["responses"])
        assert answers >= ALWAYS, where
        assert "404" in answers or "{" not in path, where
        assert answers >= {"413", "415", "422"} or "requestBody" not in operation, where
        assert "409" in answers or method == "get", where
        assert operation["description"].partition("\n")[0].strip(), where
        assert operation["x-scope"] in ("read", "run", "write"), where
        assert operation["tags"], where


def test_every_body_and_every_answer_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        contents = [answer.get("content", {}) for answer in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        for content in contents:
            for said in [content["application/json"]] if "application/json" in content else []:
                schema = {**said["schema"], "components": document["components"]}
                problems = [str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(said["example"])]
                assert problems == [], (method, path)


def test_what_can_be_changed_tells_of_etags_and_what_starts_something_of_keys(document: dict[str, Any]) -> None:
    def headers(path: str, method: str) -> set[str]:
        return {entry["name"] for entry in document["paths"][path][method]["parameters"] if entry["in"] == "header"}

    assert headers("/api/scripts/{pk}", "put") == {"If-Match"}
    assert headers("/api/repositories/{pk}/scripts/{rs_id}", "delete") == {"If-Match"}
    assert "ETag" in document["paths"]["/api/channels/{pk}"]["get"]["responses"]["200"]["headers"]
    for path in (
        "/repositories/{pk}/backup",
        "/jobs/{pk}/post-backup",
        "/scripts/{pk}/test",
        "/scheduled-jobs/{pk}/run",
        "/maintenance-windows/{pk}/run",
    ):
        assert headers(f"/api{path}", "post") == {"Idempotency-Key"}


def test_the_scopes_in_the_document_are_those_that_are_asked_for(document: dict[str, Any]) -> None:
    """A token below the scope is 403 everywhere, and one with it is not."""
    below = {"write": "run", "run": "read"}
    apis = {scope: Rest(scope) for scope in ("read", "run", "write")}
    for path, method, operation in operations(document):
        address, scope = path.removeprefix("/api").replace("{pk}", "9").replace("{rs_id}", "9"), operation["x-scope"]
        address = address.replace("{sha256}", "0" * 64)
        if scope in below:
            assert apis[below[scope]].send(method.upper(), address, {}).status_code == 403, (method, path)
        assert apis[scope].send(method.upper(), address, {}).status_code not in (401, 403), (method, path)


def test_the_limits_in_the_document_are_those_of_the_rules(document: dict[str, Any], make_repository: Any) -> None:
    """What is just inside is taken, what is just outside is 422 and names the field."""
    api, tried = Rest(), 0
    repository = make_repository()
    window = api.post("/maintenance-windows", {"name": "n", "cron_expression": "0 2 * * *"}).json()["id"]
    script = api.post("/scripts", {"name": "s", "content": "true\n"}).json()["id"]
    schedule = {"name": "s", "repositories": [repository.pk], "cron_expression": "0 2 1 * *"}
    job = api.post("/scheduled-jobs", schedule).json()["id"]
    for name, address in (
        ("RepositoryChange", f"/repositories/{repository.pk}"),
        ("WindowChange", f"/maintenance-windows/{window}"),
        ("ScriptChange", f"/scripts/{script}"),
        ("ScheduleChange", f"/scheduled-jobs/{job}"),
    ):
        for field, details in document["components"]["schemas"][name]["properties"].items():
            for inside, outside in edges(details["anyOf"][0]):
                assert api.put(address, {field: inside}).status_code == 200, (name, field, inside)
                refused = api.put(address, {field: outside})
                assert (refused.status_code, [field]) == (422, [refused.json()["errors"][0]["field"]]), (name, outside)
                tried += 1
    assert tried > 40


def edges(schema: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if "maximum" in schema and schema["maximum"] < 2**31 - 1:
        yield from ((schema["minimum"], schema["minimum"] - 1), (schema["maximum"], schema["maximum"] + 1))
    if "maxLength" in schema and schema.get("format") != "uri":
        start = "https://example.org/" if schema["maxLength"] == 1000 else ""
        yield start.ljust(schema["maxLength"], "a"), start.ljust(schema["maxLength"] + 1, "a")
    if schema.get("pattern", "").startswith("^([1-9]"):
        yield from (("7d", "7"), ("", "d"), ("999999y", "1000000y"))
