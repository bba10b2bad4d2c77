"""The panel in which a script is tried, without a browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backups import tasks
from scripts_library import assignments, library, testruns, try_story
from scripts_library.models import Script, ScriptExecution

from .stage import POST, PRE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]

BLOCK = """\
#!/bin/sh
# /// borgui
# hooks = ["pre-backup", "post-backup"]
# interrupts = "${WHAT}"
#
# [[parameters]]
# name = "WHAT"
# required = true
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
"""
HTMX = {"HX-Request": "true"}


@pytest.fixture
def poked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The test runs that a worker was asked to start."""
    poked: list[int] = []
    monkeypatch.setattr(tasks, "start_test", poked.append)
    return poked


@pytest.fixture
def script() -> Script:
    return library.create("it", BLOCK, source="editor")


def sent(script: Script, **fields: Any) -> dict[str, Any]:
    """The form of the editor as a browser sends it, the panel with it."""
    own = {"sha256": script.sha256, "content": BLOCK, "name": script.name, "initial-name": script.name}
    settings = {"timeout": "300", "initial-timeout": "300", "run_on": "", "initial-run_on": ""}
    panel = {"hook": "both", "outcome": "success", "pause": "5", "repository": "", **fields.pop("panel", {})}
    return {**own, **settings, **{f"try-{name}": value for name, value in panel.items()}, **fields}


def page_of(client: Client, script: Script, query: str = "") -> str:
    return client.get(f"/scripts/{script.pk}/{query}").content.decode()


def test_it_saves_and_queues_what_was_chosen(
    client: Client, script: Script, poked: list[int], make_repository: Callable[..., Any]
) -> None:
    photos = make_repository()
    assignments.assign(photos.pk, script, PRE, parameters={"WHAT": "photos", "TOKEN": "stored secret"})
    panel = {"outcome": "failure", "pause": "7", "repository": photos.pk, "parameters.WHAT": "the wiki"}
    answer = client.post(f"/scripts/{script.pk}/try/", sent(script, content=BLOCK + "echo new\n", panel=panel))
    before, after = ScriptExecution.objects.order_by("position")
    assert (answer.status_code, answer["Location"]) == (302, f"/executions/{before.pk}/")
    assert poked == [before.pk]
    assert [row.revision.text for row in (before, after) if row.revision] == [BLOCK + "echo new\n"] * 2
    assert before.circumstances["pause"] == 7
    assert after.circumstances["backup_status"] == "failure"
    assert (before.repository_id, before.parameters) == (photos.pk, {"WHAT": "the wiki", "TOKEN": "stored secret"})
    assert before.secret_names == ["TOKEN"]


def test_what_somebody_else_saved_meanwhile_is_a_conflict_and_nothing_runs(
    client: Client, script: Script, poked: list[int]
) -> None:
    form = sent(script, content=BLOCK + "echo mine\n")
    library.update(script, changes={"content": BLOCK + "echo theirs\n"}, base_sha256=script.sha256, source="editor")
    answer = client.post(f"/scripts/{script.pk}/try/", form)
    assert answer.status_code == 409
    assert "echo mine" in answer.content.decode()
    assert not poked
    assert not ScriptExecution.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("pause", "601", "less than or equal to 600"),
        ("hook", "never", "never is not one of the available choices"),
        ("repository", "99", "99 is not one of the available choices"),
        ("parameters.TOKEN", "abc", "A secret has at least 4 characters"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_cannot_be_tried_is_told_and_not_even_saved(
    client: Client, script: Script, poked: list[int], name: str, value: str, words: str, headers: dict[str, str]
) -> None:
    form = sent(script, content=BLOCK + "echo mine\n", panel={name: value})
    answer = client.post(f"/scripts/{script.pk}/try/", form, headers=headers)
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert words in shown
    assert ("echo mine" in shown) == (not headers), "the whole page brings the text back, a piece leaves it alone"
    assert script.revisions.count() == 1
    assert not poked


def test_the_panel_says_what_is_stopped_for_the_text_that_is_not_saved_yet(client: Client, script: Script) -> None:
    form = sent(script, content=BLOCK.replace("${WHAT}", "everything, also ${WHAT}"), panel={"parameters.WHAT": "<b>"})
    shown = client.post(f"/scripts/{script.pk}/try/stops/", form, headers=HTMX).content.decode()
    assert "Stops everything, also &lt;b&gt; until its second part starts it again." in shown
    alone = client.post(f"/scripts/{script.pk}/try/stops/", sent(script, panel={"hook": PRE, "parameters.WHAT": "web"}))
    assert "Stops web, and nothing in this try starts it again." in alone.content.decode()
    assert "the required parameter WHAT has no value" in page_of(client, script)
    assert script.revisions.count() == 1


def test_the_address_chooses_a_repository_and_a_secret_is_never_shown(
    client: Client, script: Script, make_repository: Callable[..., Any]
) -> None:
    photos = make_repository()
    assignments.assign(photos.pk, script, PRE, parameters={"WHAT": "the frame", "TOKEN": "nobody reads this"})
    shown = page_of(client, script, f"?repository={photos.pk}&hook={PRE}")
    assert "Stops the frame, and nothing in this try starts it again." in shown
    assert f'<option value="{photos.pk}" selected>photos</option>' in shown
    assert "photos says: the frame." in shown
    assert "nobody reads this" not in shown
    assert page_of(client, script, "?repository=99&hook=nonsense&outcome=x")


def test_news_come_once_and_a_pause_says_what_is_left(client: Client, script: Script) -> None:
    first = testruns.queue(script, hook_type=testruns.BOTH, values={"WHAT": "web"}, pause=90)
    shown = page_of(client, script)
    assert f"/executions/{first.pk}/try/tail/?state=" in shown
    story = try_story.story(first)
    address = f"/executions/{first.pk}/try/tail/?state={story.state}"
    assert client.get(address).status_code == 204
    ScriptExecution.objects.filter(pk=first.pk).update(status="succeeded", started_at=timezone.now(), exit_code=0)
    waiting = ScriptExecution.objects.filter(test_run_id=first.pk, hook_type=POST)
    waiting.update(not_before=timezone.now() + timedelta(seconds=90.2))
    news = client.get(address).content.decode()
    assert 'data-countdown="90"' in news
    assert "exit code 0" in news
    assert 'id="last-tries"' not in news
    assert client.post(f"/executions/{first.pk}/try/go-on/", headers=HTMX).status_code == 204
    assert waiting.get().not_before < timezone.now()
    waiting.update(status="failed", exit_code=2, started_at=timezone.now())
    last = client.get(address).content.decode()
    assert "hx-get" not in last
    assert 'id="last-tries"' in last
    assert [tried.status for tried in try_story.latest(script)] == ["failed"], "the worst of both parts"


def test_what_is_not_a_test_run_is_not_found_and_strangers_try_nothing(client: Client, script: Script) -> None:
    assert client.get("/executions/99/try/tail/").status_code == 404
    assert client.post("/executions/99/try/go-on/").status_code == 404
    assert client.get(f"/scripts/{script.pk}/?tried=99").status_code == 404
    stranger = Client(headers={"Host": "localhost"})
    for address in (f"/scripts/{script.pk}/try/", f"/scripts/{script.pk}/try/stops/"):
        assert stranger.post(address).status_code == 401
