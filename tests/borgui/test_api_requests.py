"""Around the endpoints: HEAD and OPTIONS, kinds of content, ETag and If-Match, Idempotency-Key."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from backups.models import BackupJob, Channel
from borgui import edits
from borgui.accounts.models import StartedCall
from scripts_library.models import ScriptExecution
from tests.rest import Rest, fields_of, make_user

pytestmark = pytest.mark.django_db


def test_head_is_a_get_without_a_body(make_repository: Callable[..., Any]) -> None:
    api, address = Rest(), f"/repositories/{make_repository().pk}"
    whole, head = api.get(address), api.send("HEAD", address, None)
    assert head.status_code == 200
    assert (head.content, head["Content-Length"], head["ETag"]) == (b"", str(len(whole.content)), whole["ETag"])
    assert api.send("HEAD", "/repositories/999", None).status_code == 404


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/jobs", "GET, HEAD, OPTIONS"),
        ("/channels/1", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/pause", "OPTIONS, POST"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
def test_an_address_tells_its_methods_and_refuses_others(path: str, methods: str) -> None:
    api = Rest()
    answer = api.send("OPTIONS", path, None)
    assert (answer.status_code, answer["Allow"]) == (204, methods)
    for method in ("PATCH", "TRACE"):
        refusal = api.send(method, path, None)
        assert (refusal.status_code, refusal["Allow"]) == (405, methods)
        assert refusal.json()["detail"]


def test_a_body_that_is_not_called_json_is_415_and_nobody_is_told_before_they_are_known() -> None:
    api = Rest()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"):
        answer = api.client.generic("POST", "/api/scripts", b'{"content": "true"}', content_type=kind)
        assert (answer.status_code, fields_of(answer)) == (415, ["Content-Type"])
        assert Client().generic("POST", "/api/scripts", b"{}", content_type=kind).status_code in (400, 401)
    good = b'{"content": "true\\n", "name": "x"}'
    kind = "application/merge-patch+json; charset=utf-8"
    assert api.client.generic("POST", "/api/scripts", good, content_type=kind).status_code == 201


# --- only if unchanged ------------------------------------------------------------------------------------------------
def put(api: Rest, path: str, body: Any, tag: str, method: str = "put") -> Any:
    call = getattr(api.client, method)
    return call(f"/api{path}", body, content_type="application/json", headers={"If-Match": tag})


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten() -> None:
    api = Rest()
    address = f"/channels/{api.post('/channels', {'name': 'a', 'url': 'json://localhost/one'}).json()['id']}"
    tag = api.get(address)["ETag"]
    assert put(api, address, {"name": "b"}, tag).status_code == 200
    late = put(api, address, {"name": "c"}, tag)
    assert (late.status_code, fields_of(late)) == (412, ["If-Match"])
    assert put(api, address, None, tag, "delete").status_code == 412
    assert Channel.objects.get().name == "b"
    assert late["ETag"] == api.get(address)["ETag"]
    assert put(api, address, {"name": "d"}, f'"other", W/{late["ETag"]}').status_code == 200
    assert put(api, address, {"name": "e"}, "*").status_code == 200
    assert put(api, address, None, api.get(address)["ETag"], "delete").status_code == 204
    assert put(api, address, {"name": "f"}, "*").status_code == 404


def test_a_changed_secret_is_a_change_although_nobody_sees_it() -> None:
    api = Rest()
    address = f"/channels/{api.post('/channels', {'name': 'a', 'url': 'json://localhost/one'}).json()['id']}"
    tag = api.get(address)["ETag"]
    api.put(address, {"url": "json://localhost/two"})
    assert put(api, address, {"name": "b"}, tag).status_code == 412


def test_a_run_in_between_is_no_reason_to_refuse(make_script: Callable[..., Any]) -> None:
    api, script = Rest(), make_script("stop")
    tag = api.get(f"/scripts/{script.pk}")["ETag"]
    type(script).objects.filter(pk=script.pk).update(usage_count=7, last_used_at=timezone.now())
    assert put(api, f"/scripts/{script.pk}", {"description": "x"}, tag).status_code == 200


@pytest.mark.parametrize("tag", ["", "abc", '"a" "b"', '"a",', "W/*", '"é"'])
def test_a_tag_that_is_none_is_422(tag: str, make_script: Callable[..., Any]) -> None:
    answer = put(Rest(), f"/scripts/{make_script('stop').pk}", {"description": "x"}, tag)
    assert (answer.status_code, fields_of(answer)) == (422, ["If-Match"])


def test_where_there_is_no_tag_none_fits(make_repository: Callable[..., Any]) -> None:
    body = {"hook_type": "pre-backup", "order": []}
    assert put(Rest(), f"/repositories/{make_repository().pk}/scripts/order", body, '"x"').status_code == 412


def test_who_may_not_look_learns_nothing_by_a_condition(make_script: Callable[..., Any]) -> None:
    script = make_script("stop")
    make_user("ben")
    stranger = Client(headers={"Host": "localhost"})
    answer = stranger.put(f"/api/scripts/{script.pk}", {}, content_type="application/json", headers={"If-Match": '"x"'})
    assert answer.status_code == 401
    assert "ETag" not in answer


def test_an_edit_waits_for_another_of_the_same_and_gives_up_in_the_end(
    data_dir: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "PATIENCE", 0.05)
    with edits.one_at_a_time("/api/scripts/1"):
        answer = put(Rest(), "/scripts/1", {}, "*")
        assert answer.status_code == 409
    assert put(Rest(), "/scripts/1", {}, "*").status_code == 404


# --- once -------------------------------------------------------------------------------------------------------------
def start(api: Rest, path: str, key: str, body: Any = None) -> Any:
    return api.client.post(f"/api{path}", body or {}, content_type="application/json", headers={"Idempotency-Key": key})


def test_the_same_key_starts_one_backup_and_answers_the_same(make_repository: Callable[..., Any]) -> None:
    api, address = Rest(), f"/repositories/{make_repository().pk}/backup"
    first, again = start(api, address, "a"), start(api, address, "a")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert start(api, address, "b").json()["id"] != first.json()["id"]
    assert BackupJob.objects.count() == 2


def test_a_key_belongs_to_one_person_and_one_call(make_repository: Callable[..., Any]) -> None:
    api, repository, other = Rest(), make_repository(), make_repository("music")
    start(api, f"/repositories/{repository.pk}/backup", "a")
    for refused in (
        start(api, f"/repositories/{other.pk}/backup", "a"),
        start(api, f"/repositories/{repository.pk}/backup", "a", {"x": 1}),
    ):
        assert (refused.status_code, fields_of(refused)) == (422, ["Idempotency-Key"])
    assert start(Rest(user=make_user("ben")), f"/repositories/{other.pk}/backup", "a").status_code == 202
    assert BackupJob.objects.count() == 2


def test_a_call_that_was_refused_may_be_sent_again(make_script: Callable[..., Any]) -> None:
    api, script = Rest(), make_script("stop")
    address = f"/scripts/{script.pk}/test"
    assert start(api, address, "a", {"repository_id": 99}).status_code == 404
    assert not StartedCall.objects.exists()
    first, again = start(api, address, "a", {}), start(api, address, "a", {})
    assert first.json() == again.json()
    assert ScriptExecution.objects.count() == 1


def test_after_a_day_a_key_is_forgotten(make_repository: Callable[..., Any]) -> None:
    api, address = Rest(), f"/repositories/{make_repository().pk}/backup"
    start(api, address, "a")
    StartedCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    start(api, address, "a")
    assert BackupJob.objects.count() == 2
    assert StartedCall.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "é", "a\tb"])
def test_a_key_that_is_none_is_422(key: str, make_repository: Callable[..., Any]) -> None:
    answer = start(Rest(), f"/repositories/{make_repository().pk}/backup", key)
    assert (answer.status_code, fields_of(answer)) == (422, ["Idempotency-Key"])
    assert not BackupJob.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_starts_and_all_hear_of_it(make_repository: Callable[..., Any]) -> None:
    api, address = Rest(), f"/repositories/{make_repository().pk}/backup"
    answers: list[Any] = []

    def call() -> None:
        try:
            answers.append(start(api, address, "a"))
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert BackupJob.objects.count() == 1
