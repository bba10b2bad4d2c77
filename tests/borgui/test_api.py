"""The shape of every answer, whatever was sent; and who may do what."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from borgui.accounts.models import ApiToken
from borgui.accounts.setup import NO_OWNER
from tests.rest import Rest, fields_of, make_user

pytestmark = pytest.mark.django_db
TEXT = "#!/bin/sh\nexit 0\n"


def is_error(response: Any, status: int) -> dict[str, Any]:
    body = response.json()
    assert response.status_code == status, body
    assert body["detail"]
    assert isinstance(body["errors"], list)
    return body


# --- who may ----------------------------------------------------------------------------------------------------------
def test_without_an_account_the_answer_says_how_to_make_one() -> None:
    assert is_error(Client().get("/api/scripts", headers={"Host": "localhost"}), 401)["detail"] == NO_OWNER


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Bearer \u00e9", "Basic YTpi", "Token x y z"])
def test_a_caller_nobody_knows_is_401(header: str) -> None:
    make_user()
    response = Client().post("/api/scripts", headers={"Host": "localhost", "Authorization": header})
    is_error(response, 401)
    assert response["WWW-Authenticate"] == "Bearer"


def test_an_expired_token_and_the_token_of_an_inactive_person_are_401() -> None:
    api = Rest()
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    is_error(api.get("/scripts"), 401)
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert api.get("/scripts").status_code == 200
    api.user.is_active = False
    api.user.save()
    is_error(api.get("/scripts"), 401)


def test_a_token_that_may_read_neither_runs_nor_writes() -> None:
    api = Rest("read")
    assert api.get("/scripts").status_code == 200
    is_error(api.post("/repositories/1/backup"), 403)
    is_error(api.post("/scripts", {"content": TEXT}), 403)
    is_error(api.put("/scripts/1", {}), 403)
    is_error(api.delete("/repositories/1"), 403)


def test_a_token_that_may_run_does_not_write() -> None:
    api = Rest("run")
    assert api.get("/jobs").status_code == 200
    for path in ["/repositories/1/backup", "/scripts/1/test", "/jobs/1/cancel", "/jobs/1/post-backup"]:
        is_error(api.post(path), 404)
    is_error(api.post("/repositories/1/break-lock"), 403)
    is_error(api.post("/scripts", {"content": TEXT}), 403)


def test_a_signed_in_person_reads_without_and_writes_only_with_the_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True, headers={"Host": "localhost"})
    client.force_login(make_user())
    body = json.dumps({"name": "x", "content": TEXT})
    assert client.get("/api/scripts").status_code == 200
    is_error(client.post("/api/scripts", body, content_type="application/json"), 403)
    client.cookies["csrftoken"] = "a" * 32
    accepted = client.post("/api/scripts", body, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert accepted.status_code == 201


def test_the_use_of_a_token_is_written_down_at_most_once_a_minute() -> None:
    api = Rest()
    api.get("/scripts")
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    api.get("/scripts")
    assert ApiToken.objects.get().last_used_at == first
    earlier = first - timedelta(minutes=2)
    ApiToken.objects.update(last_used_at=earlier)
    api.get("/scripts")
    assert ApiToken.objects.get().last_used_at > first - timedelta(seconds=1)


# --- what cannot be understood ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[]", b'"text"', b"null", b"3", b'{"a": NaN}', b"[" * 100_000, b"a=b&c=d"]
)
def test_a_body_that_is_no_json_object_is_422(body: bytes) -> None:
    assert fields_of(Rest().post("/scripts", body)) in (["body"], ["content"])


def test_an_integer_may_be_written_as_a_number_with_a_point() -> None:
    given = b'{"content": "exit 0", "name": "x", "timeout": 300.0}'
    assert Rest().post("/scripts", given).json()["timeout"] == 300


def test_a_body_that_is_too_big_is_413() -> None:
    response = Rest().post("/scripts", {"content": "x" * 3_000_000})
    is_error(response, 413)
    assert fields_of(response) == ["body"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": TEXT, "name": "x", "timeout": "300"}, "timeout"),
        ({"content": TEXT, "name": "x", "timeout": True}, "timeout"),
        ({"content": TEXT, "name": "x", "timeout": 1.5}, "timeout"),
        ({"content": TEXT, "name": "x", "timeout": 10**30}, "timeout"),
        ({"content": TEXT, "name": "x", "timeout": 0}, "timeout"),
        ({"content": TEXT, "name": "x", "timeout": [1]}, "timeout"),
        ({"content": TEXT, "name": "x", "run_on": "sometimes"}, "run_on"),
        ({"content": TEXT, "name": "x", "run_on": {}}, "run_on"),
        ({"content": TEXT, "name": ["x"]}, "name"),
        ({"content": TEXT, "name": "a\0b"}, "name"),
        ({"content": TEXT, "name": "a\ud800b"}, "name"),
        ({"content": "a\0b", "name": "x"}, "content"),
        ({"content": None, "name": "x"}, "content"),
        ({"name": "x"}, "content"),
        ({"content": TEXT}, "name"),
        ({"content": TEXT, "name": "x" * 300}, "name"),
        ({"content": TEXT, "name": "x", "titel": "typo"}, "titel"),
        ({"content": TEXT, "name": "x", "parameters": ["A"]}, "parameters"),
        ({"content": TEXT, "name": "x", "parameters": {"A": "1"}}, "parameters.A"),
    ],
)
def test_a_wrong_field_is_422_and_named_plainly(body: dict[str, Any], field: str) -> None:
    response = Rest().post("/scripts", body)
    is_error(response, 422)
    assert fields_of(response) == [field]


def test_all_wrong_fields_are_named_at_once() -> None:
    response = Rest().post("/scripts", {"timeout": "x", "run_on": 3, "other": 1})
    assert set(fields_of(response)) == {"content", "timeout", "run_on", "other"}


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "x"},
        {"page": str(10**30)},
        {"page_size": "0"},
        {"page_size": "201"},
        {"run_on": "never"},
        {"hook": "pre"},
        {"category": "x"},
        {"unused": "perhaps"},
        {"search": "\0"},
    ],
)
def test_a_wrong_query_is_422(query: dict[str, str]) -> None:
    response = Rest().get("/scripts", **query)
    is_error(response, 422)
    assert fields_of(response) == list(query)


@pytest.mark.parametrize(
    "path",
    [
        "/scripts/0",
        "/scripts/999",
        f"/scripts/{2**63}",
        f"/scripts/{10**400}",
        "/scripts/-1",
        "/scripts/x",
        "/scripts/1/revisions/abc",
        f"/repositories/{2**70}/scripts",
        "/repositories/1/archives",
        "/repositories/1/scripts/preview",
        f"/jobs/{10**20}",
        f"/executions/{10**20}/log",
        "/nothing",
        "/scripts/",
        "/",
        "",
        "/../admin/",
        "/%00",
        "/a%0Ab",
    ],
)
def test_what_is_not_there_is_404_in_json(path: str) -> None:
    response = Rest().client.get(f"/api{path}", follow=True)
    is_error(response, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_program_that_writes_to_what_is_not_there_is_answered_in_json_too(method: str) -> None:
    api = Rest()
    api.client.handler.enforce_csrf_checks = True
    for path in ["/scripts/-1", "/scripts/1/", "/nothing", "/"]:
        is_error(api.send(method, path, {}), 404)


def test_a_method_that_is_not_taken_is_405_in_json() -> None:
    response = Rest().send("PATCH", "/scripts", {})
    is_error(response, 405)
    assert "GET" in response["Allow"]


def test_a_fault_of_our_own_is_told_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(now: Any) -> None:
        raise RuntimeError("a secret in the message")

    monkeypatch.setattr("backups.status.overview", broken)
    response = Rest().get("/status")
    assert "secret" not in json.dumps(is_error(response, 500))


def test_the_document_names_every_endpoint_and_the_page_shows_it() -> None:
    client = Client(headers={"Host": "localhost"})
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/api/status", "/api/scripts", "/api/repositories", "/api/jobs", "/api/executions"} <= set(paths)
    assert client.get("/api/docs").status_code == 200
