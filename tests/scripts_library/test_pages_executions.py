"""The page of an execution: what did this script say?"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backups import facts
from backups.models import Repository
from scripts_library import testruns
from scripts_library.models import Script, ScriptExecution
from tests.backups import scenes
from tests.rest import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(make_repository: Callable[..., Repository]) -> scenes.Scene:
    return scenes.begin(make_repository())


def page_of(client: Client, row: ScriptExecution, query: str = "") -> str:
    answer = client.get(f"/executions/{row.pk}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def numbers(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'class="n" href="#L\d+">(\d+)<', page)]


def test_lines_have_numbers_that_are_links_times_and_streams(client: Client, scene: scenes.Scene) -> None:
    row = scene.script("pre-backup", "dump")
    scenes.write_log("executions", str(row.pk), "one\ntwo", "e")
    page = page_of(client, row)
    assert '<div id="L2"><a class="n" href="#L2">2</a><span class="t">0.0</span>' in page
    assert '<span class="visually-hidden">standard error: </span>two' in page


def test_output_cannot_become_anything_but_text(client: Client, scene: scenes.Scene) -> None:
    page = page_of(
        client,
        scene.script(
            "pre-backup", "<script>alert(2)</script>", log=scenes.HOSTILE + "\n\x07\x1b]0;title\x07bell\x1b[2J"
        ),
    )
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page.partition('id="output"')[2].partition("execution-tail")[0]
    assert "␇bell" in page


def test_a_line_of_ten_megabytes_and_a_million_lines_come_in_bearable_pages(
    client: Client, scene: scenes.Scene
) -> None:
    row = scene.script("pre-backup", "flood")
    scenes.write_log("executions", str(row.pk), "\n".join(["x" * 8192] * 1300))
    assert len(page_of(client, row)) < 700_000
    scenes.write_log("executions", str(row.pk), "y\n" * 4500)
    seen: list[int] = []
    query = ""
    for _ in range(3):
        page = page_of(client, row, query)
        seen += numbers(page)
        following = re.search(r'href="/executions/\d+/(\?from=\d+)">Go on with line (\d+)', page)
        query = following[1] if following else ""
    assert seen == list(range(1, 4501))
    assert query == ""


@pytest.mark.parametrize("offset", ["-1", "x", "99999999999999999999", "١", "7", ""])
def test_an_offset_from_anywhere_shows_whole_lines_under_their_numbers(
    client: Client, scene: scenes.Scene, offset: str
) -> None:
    row = scene.script("pre-backup", "dump", log="first\nsecond\nthird")
    page = page_of(client, row, f"?from={offset}")
    shown = numbers(page)
    assert shown == list(range(4 - len(shown), 4))
    assert "third" in page


def test_a_running_script_is_followed_until_it_is_over(client: Client, scene: scenes.Scene) -> None:
    row = scene.script("pre-backup", "dump", "running", log="one")
    page = page_of(client, row)
    address = tail_of(page)
    assert client.get(address).status_code == 204
    scenes.write_log("executions", str(row.pk), "one\ntwo\nthree")
    answer = client.get(address).content.decode()
    assert numbers(answer) == [2, 3]
    assert 'hx-swap-oob="beforeend:#output"' in answer
    ScriptExecution.objects.filter(pk=row.pk).update(status="succeeded", execution_time=2.0)
    last = client.get(tail_of(answer)).content.decode()
    assert "hx-get" not in last
    assert "<title>succeeded · dump" in last
    assert "In 2 s." in last


def test_a_flood_is_not_followed_for_ever(client: Client, scene: scenes.Scene) -> None:
    row = scene.script("pre-backup", "flood", "running", log="y\n" * 20_000)
    page = page_of(client, row)
    count = len(numbers(page))
    while 'id="execution-tail" hx-get' in page:
        page = client.get(tail_of(page)).content.decode()
        count += len(numbers(page))
    assert 5000 <= count <= 7000
    assert f"Go on with line {count + 1}" in page


def tail_of(page: str) -> str:
    match = re.search(r'hx-get="(/executions/\d+/tail/[^"]*)"', page)
    assert match, page
    return match[1].replace("&amp;", "&")


def test_it_says_what_happened(client: Client, scene: scenes.Scene) -> None:
    assert "It printed nothing." in page_of(client, scene.script("pre-backup", "quiet"))
    assert "It did not run, so it printed nothing." in page_of(client, scene.script("post-backup", "no", "not_run"))
    slow = scene.script("pre-backup", "slow", "timed_out", 300, error_message="Stopped at its time limit.")
    assert "Stopped after 5 min, its time limit. What it printed until then is below." in page_of(client, slow)
    running = page_of(client, scene.script("pre-backup", "now", "running"))
    assert "Stop this script" in running
    assert "Nothing printed yet." in running


def test_the_time_limit_can_be_raised_where_it_was_set(
    client: Client, scene: scenes.Scene, attach: Callable[..., Any]
) -> None:
    entry = attach(scene.repository, "pre-backup", "slow")
    row = scene.script("pre-backup", "slow", "timed_out", script=entry.script, assignment_id=entry.pk)
    address = f"/repositories/{scene.repository.pk}/scripts/{entry.pk}/"
    assert f'href="{address}">Raise the limit' in page_of(client, row)
    assert client.get(address).status_code == 200


def test_the_text_that_ran_is_compared_with_the_one_now(
    client: Client, scene: scenes.Scene, make_script: Callable[..., Script]
) -> None:
    script = make_script("dump", "echo one")
    row = scene.script("pre-backup", "dump", script=script, revision=script.revisions.first())
    assert "The script has the same text now." in page_of(client, row)
    Script.objects.filter(pk=script.pk).update(sha256="0" * 64)
    assert "The script has been changed since." in page_of(client, row)
    assert "echo one" in page_of(client, row)


def test_secrets_are_masked(client: Client, scene: scenes.Scene) -> None:
    row = scene.script("pre-backup", "dump", parameters={"TOKEN": "swordfish", "HOST": "db"}, secret_names=["TOKEN"])
    page = page_of(client, row)
    assert "swordfish" not in page
    assert "***" in page
    assert ">db<" in page


def test_the_neighbours_are_those_of_the_chain(client: Client, scene: scenes.Scene) -> None:
    first, second, third = (scene.script("pre-backup", name) for name in ("one", "two", "three"))
    page = page_of(client, second).partition('aria-label="Its neighbours"')[2]
    assert f'href="/executions/{first.pk}/"' in page
    assert f'href="/executions/{third.pk}/"' in page


def test_what_the_row_keeps_is_shown_when_the_log_has_been_removed(client: Client, scene: scenes.Scene) -> None:
    page = page_of(client, scene.script("pre-backup", "old", stdout="kept <b>words</b>\n"))
    assert "The log has been removed by its age." in page
    assert "kept &lt;b&gt;words&lt;/b&gt;" in page


def test_the_output_is_downloaded_as_text(client: Client, scene: scenes.Scene) -> None:
    row = scene.script("pre-backup", 'x"\r\ny', log="one\n\x1b[31mtwo")
    answer = client.get(f"/executions/{row.pk}/log/")
    assert b"".join(answer.streaming_content) == b"one\n\x1b[31mtwo\n"
    assert answer["Content-Disposition"] == f'attachment; filename="execution-{row.pk}.txt"'
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_page_of_a_long_chain_asks_no_more_than_one_of_a_short_one(
    client: Client, scene: scenes.Scene, django_assert_max_num_queries: Any
) -> None:
    row = scene.script("pre-backup", "one", log="one")
    page_of(client, row)
    with django_assert_max_num_queries(14) as seen:
        page_of(client, row)
    for number in range(50):
        scene.script("post-backup", f"script {number}")
    with django_assert_max_num_queries(len(seen)):
        page_of(client, row)


# --- trying it again --------------------------------------------------------------------------------------------------
PARAMETERS = '# [[parameters]]\n# name = "HOST"\n# [[parameters]]\n# name = "TOKEN"\n# type = "secret"\n# ///\n'
BLOCK = '# /// borgui\n# interrupts = "the shop on ${HOST}"\n'
VALUES: dict[str, Any] = {"parameters": {"HOST": "db", "TOKEN": "swordfish"}, "secret_names": ["TOKEN"]}


def again(client: Client, row: ScriptExecution) -> ScriptExecution:
    answer = client.post(f"/executions/{row.pk}/again/")
    assert (answer.status_code, answer["Location"]) != (302, f"/executions/{row.pk}/")
    return ScriptExecution.objects.get(pk=int(answer["Location"].split("/")[2]))


def test_a_script_of_a_backup_is_tried_again_with_its_values(
    client: Client, scene: scenes.Scene, make_script: Callable[..., Script]
) -> None:
    script = make_script("Stop the shop", BLOCK + PARAMETERS)
    row = scene.script(
        "pre-backup", "Stop the shop", "failed", script=script, revision=script.revisions.first(), **VALUES
    )
    scene.end(status="failure", outcome="failure")
    page = page_of(client, row)
    assert "Really runs on this machine, with the values of 'photos'." in page
    assert "Stops the shop on db, and nothing starts it again." in page
    assert "has been changed since; what runs" not in page
    made = again(client, row)
    assert (made.script, made.hook_type, made.triggered_by) == (script, "pre-backup", "test")
    assert (made.repository, made.backup_job, made.status) == (scene.repository, None, "planned")
    assert (made.parameters, made.secret_names) == (VALUES["parameters"], ["TOKEN"])
    assert made.triggered_by_user is not None


def test_a_script_after_a_backup_is_told_how_that_backup_ended(
    client: Client, scene: scenes.Scene, make_script: Callable[..., Script]
) -> None:
    row = scene.script("post-backup", "Ping", "failed", script=make_script("Ping"))
    scene.end(status="failure", outcome="failure")
    assert again(client, row).circumstances["backup_status"] == "failure"


def test_a_test_run_is_tried_again_as_it_was(
    client: Client, make_script: Callable[..., Script], make_repository: Callable[..., Repository]
) -> None:
    facts_of = facts.of(make_repository())
    script = make_script("Stop the shop", BLOCK + PARAMETERS)
    values = {"HOST": "web", "TOKEN": {"secret": "swordfish"}}
    first = testruns.queue(script, facts=facts_of, hook_type="both", backup_status="warning", values=values, pause=2.5)
    ScriptExecution.objects.filter(test_run_id=first.pk).update(status="succeeded")
    page = page_of(client, first)
    assert "May interrupt the shop on web meanwhile." in page
    assert "nothing starts it again" not in page
    made = again(client, first)
    rows = ScriptExecution.objects.filter(test_run_id=made.pk).in_order()
    assert [row.hook_type for row in rows] == ["pre-backup", "post-backup"]
    assert made.circumstances == first.circumstances
    assert made.parameters == {"HOST": "web", "TOKEN": "swordfish"}


def test_a_script_that_was_changed_since_says_so_first(
    client: Client, scene: scenes.Scene, make_script: Callable[..., Script]
) -> None:
    script = make_script("dump", "echo one")
    row = scene.script("pre-backup", "dump", script=script, revision=script.revisions.first())
    scene.end(status="success", outcome="success")
    Script.objects.filter(pk=script.pk).update(sha256="0" * 64)
    assert "has been changed since; what runs is its text of now." in page_of(client, row)


def test_a_broken_promise_is_put_right_by_its_own_backup(
    client: Client, make_repository: Any, make_script: Any
) -> None:
    job = scenes.broken_promise(make_repository())
    row = job.executions.get(script_name="Start Nextcloud")
    page = page_of(client, row)
    assert f'action="/jobs/{job.pk}/post-backup/"' in page
    assert "Run the post-backup scripts again" in page
    assert f"/executions/{row.pk}/again/" not in page


@pytest.mark.parametrize("why", ["it runs", "its backup runs", "no script", "script deleted", "repository deleted"])
def test_what_cannot_be_tried_again_is_not_offered_and_refused(
    client: Client, scene: scenes.Scene, make_script: Callable[..., Script], why: str
) -> None:
    script = make_script("dump")
    row = scene.script(
        "pre-backup", "dump", "running" if why == "it runs" else "failed", script=None if why == "no script" else script
    )
    if why == "its backup runs":
        scene.goes_on("backup")
    else:
        scene.end(status="failure", outcome="failure")
    if why == "script deleted":
        Script.objects.filter(pk=script.pk).update(deleted_at=timezone.now())
    if why == "repository deleted":
        Repository.objects.filter(pk=scene.repository.pk).update(deleted_at=timezone.now())
    assert "/again/" not in page_of(client, row)
    answer = client.post(f"/executions/{row.pk}/again/", follow=True)
    assert "cannot be tried again" in answer.content.decode()
    assert not ScriptExecution.objects.filter(triggered_by="test").exists()


def test_strangers_try_nothing_again(scene: scenes.Scene) -> None:
    row = scene.script("pre-backup", "dump")
    make_user()
    answer = Client(headers={"Host": "localhost"}).post(f"/executions/{row.pk}/again/")
    assert answer.status_code == 401
