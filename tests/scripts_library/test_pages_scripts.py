"""The pages of scripts without a browser: what they answer, save and refuse, and what they cost."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scripts_library import assignments, library
from scripts_library.models import Script, ScriptExecution
from tests.rest import make_user

from .conftest import TEXT, block

pytestmark = pytest.mark.django_db


@pytest.fixture
def use(make_repository: Callable[..., Any]) -> Callable[..., Any]:
    """use(script, "photos"): attach it there, before the backup."""

    def make(script: Script, name: str = "photos") -> Any:
        repository = make_repository(name)
        assignments.assign(repository.pk, script, "pre-backup")
        return repository

    return make


def page(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200, response
    return response.content.decode()


def form_data(script: Script, **changes: Any) -> dict[str, Any]:
    """What a browser sends for the page of this script as it is now, with some fields changed."""
    values = {"name": script.name, "description": script.description, "timeout": script.timeout}
    values["run_on"] = script.run_on or ""
    hidden = {f"initial-{name}": value for name, value in values.items()}
    text = library.look(script).revision
    content = text.text.replace("\n", "\r\n") if text else ""
    return {**values, **hidden, "sha256": script.sha256, "content": content, **changes}


def save(client: Client, script: Script, **changes: Any) -> HttpResponse:
    return client.post(f"/scripts/{script.pk}/", form_data(script, **changes))


def text_of(script: Script) -> str:
    return (library.store().path(Script.objects.get(pk=script.pk).file_path)).read_text()


# --- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/scripts/"),
        ("get", "/scripts/new/"),
        ("post", "/scripts/register/"),
        ("get", "/scripts/1/"),
        ("post", "/scripts/1/"),
        ("get", "/scripts/1/delete/"),
        ("post", "/scripts/1/drift/"),
        ("get", "/scripts/1/versions/aa/"),
        ("post", "/scripts/1/versions/aa/restore/"),
    ],
)
def test_who_is_not_signed_in_is_asked_to(method: str, path: str) -> None:
    make_user()

    response = getattr(Client(headers={"Host": "localhost"}), method)(path)

    if method == "post":  # what was sent waits behind the question
        assert response.status_code == 401
    else:
        assert response["Location"].startswith("/sign-in/")


def test_a_deleted_script_has_no_page(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script()
    library.delete(script)

    assert client.get(f"/scripts/{script.pk}/").status_code == 404


# --- all scripts ------------------------------------------------------------------------------------------------------
def test_without_scripts_the_list_says_what_one_is_for(client: Client, folder: Path) -> None:
    assert "No scripts yet." in page(client, "/scripts/")


def test_the_list_is_searched_by_name_description_and_newest_text(
    client: Client, make_script: Callable[..., Script]
) -> None:
    by_text = make_script("One", "#!/bin/sh\ndocker stop web\n")
    make_script("Two", description="Stops DOCKER containers")
    make_script("docker three")
    make_script("Four")

    found = page(client, "/scripts/", search="docker")
    library.update(
        by_text, changes={"content": "#!/bin/sh\ntrue\n"}, base_sha256=by_text.sha256, source="editor", user=None
    )
    later = page(client, "/scripts/", search="docker")

    assert [name in found for name in (">One<", ">Two<", ">docker three<", ">Four<")] == [True, True, True, False]
    assert ">One<" not in later


def test_the_list_is_narrowed_by_hook_condition_use_and_state(
    client: Client, make_script: Callable[..., Script], use: Callable[..., Any]
) -> None:
    before = make_script("Before", block('hooks = ["pre-backup"]'))
    make_script("After", block('hooks = ["post-backup"]', 'run_on = "always"'))
    library.store().path(before.file_path).unlink()
    use(before)

    def names(**query: str) -> list[str]:
        html = page(client, "/scripts/", **query)
        return [name for name in ("Before", "After") if f">{name}<" in html]

    assert names(hook="post-backup") == ["After"]
    assert names(run_on="always") == ["After"]
    assert names(state="used") == ["Before"]
    assert names(state="unused") == ["After"]
    assert names(state="missing") == ["Before"]
    assert names(state="changed") == []
    assert names(category="custom") == ["Before", "After"]
    assert names(category="template") == []
    assert names(hook="nonsense", page="nonsense") == ["Before", "After"]


def test_an_outside_edit_is_marked_in_the_list_without_opening_the_script(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script("Stop")
    settle(script)
    library.store().path(script.file_path).write_text("#!/bin/sh\necho other\n")
    settle(script, look=False)

    assert "changed outside</span>" in page(client, "/scripts/")
    assert ">Stop<" in page(client, "/scripts/", state="changed")


def settle(script: Script, *, look: bool = True) -> None:
    """Until the file is old enough for its times to be trusted; then it is looked at."""
    while not library.store().stamp(script.file_path):
        time.sleep(0.02)
    if look:
        library.look(script)


def test_the_list_says_usage_last_result_and_one_line_of_facts(
    client: Client, make_script: Callable[..., Script], use: Callable[..., Any]
) -> None:
    script = make_script("Stop")
    repository = use(script)
    run(script, "failed", repository=repository)
    run(script, "not_run", repository=repository)

    html = page(client, "/scripts/")

    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert "Repositories per script 1.0 (goal: 2 and more)" in said
    assert "Repositories that run scripts 100 % (goal: 50 %) Scripts made from templates 0 % (goal: 70 %)" in said
    assert "Repositories in a maintenance window 0 % (goal: 20 %)" in said
    assert "failed" in html
    assert "did not run" not in html


def run(script: Script, status: str, **fields: Any) -> ScriptExecution:
    return ScriptExecution.objects.create(
        script=script,
        script_name=script.name,
        hook_type="pre-backup",
        status=status,
        started_at=timezone.now(),
        timeout=300,
        triggered_by="api",
        **fields,
    )


def test_the_list_costs_as_many_queries_with_fifty_scripts_as_with_one(
    client: Client, make_script: Callable[..., Script], make_repository: Callable[..., Any]
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client, "/scripts/", search="s")
        return len(queries)

    repository = make_repository()
    assignments.assign(repository.pk, make_script("s 0"), "pre-backup")
    run(Script.objects.get(), "succeeded")
    settle(Script.objects.get(), look=False)
    page(client, "/scripts/")  # looks at what is new on disk
    with_one = cost()
    for number in range(1, 50):
        script = make_script(f"s {number}")
        assignments.assign(repository.pk, script, "pre-backup")
        run(script, "succeeded")
    settle(script, look=False)
    page(client, "/scripts/")

    assert cost() == with_one


def test_the_list_comes_in_pages(client: Client, make_script: Callable[..., Script]) -> None:
    for number in range(51):
        make_script(f"script {number:02}")

    assert "1 to 50 of 51" in page(client, "/scripts/", search="script")
    assert "51 to 51 of 51" in page(client, "/scripts/", search="script", page="2")


def test_of_many_new_files_a_few_are_named(client: Client, folder: Path) -> None:
    for number in range(7):
        (folder / f"{number}.sh").write_text(f"echo {number}\n")
        (folder / f"binary{number}").write_bytes(b"\0")
    html = client.post("/scripts/register/", follow=True).content.decode()
    assert "&#x27;3&#x27;, &#x27;4&#x27; and 2 more." in html
    assert "binary4 is not text: it holds NUL characters and 2 more." in html


def test_new_files_are_offered_and_registered_and_what_is_no_text_is_named(client: Client, folder: Path) -> None:
    (folder / "dump.sh").write_text(block('name = "Dump"'))
    (folder / "picture.sh").write_bytes(b"\x89PNG\xff")
    assert "2 files in the folder are no script yet" in page(client, "/scripts/")

    html = client.post("/scripts/register/", follow=True).content.decode()

    assert "Registered: &#x27;Dump&#x27;." in html
    assert "library/picture.sh" in html
    assert Script.objects.get().name == "Dump"


# --- a new one --------------------------------------------------------------------------------------------------------
def test_a_new_script_starts_with_a_block_that_is_valid_and_takes_its_name_from_the_form(
    client: Client, folder: Path
) -> None:
    start = client.get("/scripts/new/").context["form"]["content"].initial

    response = client.post("/scripts/new/", {"name": "Dump", "content": start.replace("\n", "\r\n")})

    script = Script.objects.get()
    assert response["Location"] == f"/scripts/{script.pk}/"
    assert (script.name, script.hooks, script.run_on) == ("Dump", ["pre-backup"], None)
    assert text_of(script) == start
    assert script.created_by_user.username == "anna"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "", "content": TEXT}, "a script needs a name"),
        ({"name": "New", "content": block("timeout = 0")}, "whole seconds from 1 to 86400"),
        ({"name": "Taken", "content": TEXT}, "There is a script named"),
        ({"name": "New", "content": ""}, "This field is required"),
    ],
)
def test_what_the_library_refuses_is_said_and_the_text_is_kept(
    client: Client, make_script: Callable[..., Script], given: dict[str, str], told: str
) -> None:
    make_script("Taken")

    response = client.post("/scripts/new/", given)

    assert response.status_code == 422
    assert told in response.content.decode()
    assert response.context["form"]["content"].value() == given["content"]
    assert Script.objects.count() == 1


# --- saving -----------------------------------------------------------------------------------------------------------
def test_saving_what_was_not_changed_makes_no_version(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script(description="two\nlines")

    response = save(client, script, description="two\r\nlines", **{"initial-description": "two\r\nlines"})

    assert response.status_code == 302
    assert script.revisions.count() == 1
    assert Script.objects.get().description == "two\nlines"


def test_a_changed_text_is_written_with_unix_line_ends_and_told_who_saved_it(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()

    save(client, script, content="#!/bin/sh\r\necho two\r\n")

    assert text_of(script) == "#!/bin/sh\necho two\n"
    assert script.revisions.first().created_by_user.username == "anna"  # type: ignore[union-attr]


def test_settings_follow_a_changed_block_unless_they_are_changed_with_it(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script(None, block('name = "Stop"', "timeout = 60", 'run_on = "always"'))
    changed = block('name = "Stop"', "timeout = 90", 'run_on = "failure"')

    save(client, script, content=changed, timeout="70")

    script.refresh_from_db()
    assert (script.timeout, script.run_on) == (70, "failure")


def test_an_emptied_setting_goes_back_to_what_the_block_says(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script(None, block('name = "Stop"', "timeout = 60"), timeout=99, run_on="always")

    save(client, script, timeout="", run_on="")

    script.refresh_from_db()
    assert (script.timeout, script.run_on) == (60, None)


def test_settings_that_another_person_changed_meanwhile_are_left_as_they_are(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    opened = form_data(script)
    library.update(script, changes={"timeout": 77}, source="editor")

    client.post(f"/scripts/{script.pk}/", {**opened, "description": "new"})

    script.refresh_from_db()
    assert (script.timeout, script.description) == (77, "new")


def test_default_values_are_saved_and_a_secret_never_comes_back(
    client: Client, make_script: Callable[..., Script]
) -> None:
    text = block('name = "Dump"', "[[parameters]]", 'name = "TOKEN"', 'type = "secret"')
    script = make_script(None, text)

    save(client, script, **{"parameters.TOKEN": "hidden word"})
    html = page(client, f"/scripts/{script.pk}/")

    assert Script.objects.get().parameters == {"TOKEN": {"secret": "hidden word"}}
    assert "hidden word" not in html
    assert "Set; leave it empty to keep it." in html


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content": block("hooks = 1")}, "content"),
        ({"content": ""}, "content"),
        ({"timeout": "0"}, "timeout"),
        ({"name": "Taken"}, "name"),
        ({"run_on": "sometimes"}, "run_on"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_everything_typed_is_kept(
    client: Client, make_script: Callable[..., Script], changes: dict[str, str], field: str
) -> None:
    make_script("Taken")
    script = make_script("Stop")

    response = save(client, script, **{"description": "typed", **changes})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    html = response.content.decode()
    assert "typed" in html
    assert str(changes[field])[:20] in html
    assert Script.objects.get(pk=script.pk).description == ""


def test_a_script_named_like_markup_is_shown_as_text(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script("<script>alert(1)</script>", "#!/bin/sh\n</textarea><script>alert(2)</script>\n")

    html = page(client, f"/scripts/{script.pk}/") + page(client, "/scripts/")

    assert "<script>alert" not in html


def test_where_files_are_read_only_settings_can_be_saved_and_the_text_cannot(
    client: Client, make_script: Callable[..., Script], settings: Any
) -> None:
    script = make_script()
    settings.SCRIPTS_READONLY = True

    assert save(client, script, description="new").status_code == 302
    refused = save(client, script, content="#!/bin/sh\necho other\n")

    assert refused.status_code == 422
    assert "read-only here" in refused.content.decode()
    assert text_of(script) == TEXT


# --- two people -------------------------------------------------------------------------------------------------------
def test_the_second_of_two_sees_both_versions_and_decides(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script()
    mine = form_data(script, content="#!/bin/sh\necho mine\n", description="my words")
    save(client, script, content="#!/bin/sh\necho theirs\n")

    first = client.post(f"/scripts/{script.pk}/", mine)
    again = client.post(f"/scripts/{script.pk}/", mine)
    kept = text_of(script)
    over = first.context["conflict"].sha256
    decided = client.post(f"/scripts/{script.pk}/", {**mine, "over": over})

    html = first.content.decode()
    assert (first.status_code, again.status_code, decided.status_code) == (409, 409, 302)
    assert "Somebody else has changed this script meanwhile." in html
    [changed] = [row for row in first.context["conflict"].lines.rows if row.kind == "changed"]
    assert (changed.old.text, changed.new.text) == ("echo theirs", "echo mine")
    assert "my words" in html
    assert kept == "#!/bin/sh\necho theirs\n"
    assert text_of(script) == "#!/bin/sh\necho mine\n"
    assert script.revisions.count() == 3


def test_a_decision_about_a_version_that_is_no_longer_the_newest_is_asked_again(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    mine = form_data(script, content="#!/bin/sh\necho mine\n")
    save(client, script, content="#!/bin/sh\necho theirs\n")
    over = client.post(f"/scripts/{script.pk}/", mine).context["conflict"].sha256
    script.refresh_from_db()
    save(client, script, content="#!/bin/sh\necho third\n")

    assert client.post(f"/scripts/{script.pk}/", {**mine, "over": over}).status_code == 409
    assert text_of(script) == "#!/bin/sh\necho third\n"


def test_an_edit_of_the_file_while_the_page_is_open_is_a_conflict_too(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    mine = form_data(script, content="#!/bin/sh\necho mine\n")
    library.store().path(script.file_path).write_text("#!/bin/sh\necho on disk\n")

    response = client.post(f"/scripts/{script.pk}/", mine)

    assert response.status_code == 409
    assert "from outside this page" in response.content.decode()


# --- the file ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("action", "left"), [("keep", "echo outside\n"), ("revert", TEXT)])
def test_an_outside_edit_is_kept_or_taken_back(
    client: Client, make_script: Callable[..., Script], use: Callable[..., Any], action: str, left: str
) -> None:
    script = make_script()
    use(script)
    library.store().path(script.file_path).write_text("echo outside\n")
    html = page(client, f"/scripts/{script.pk}/")

    client.post(f"/scripts/{script.pk}/drift/", {"action": action})

    assert "The new version runs with the next backup of 1 repository." in html
    assert "was changed outside this page" not in page(client, f"/scripts/{script.pk}/")
    assert text_of(script) == left


def test_a_missing_file_is_told_with_its_consequence_and_restored(
    client: Client, make_script: Callable[..., Script], use: Callable[..., Any]
) -> None:
    script = make_script()
    use(script)
    library.store().path(script.file_path).unlink()
    html = page(client, f"/scripts/{script.pk}/")

    client.post(f"/scripts/{script.pk}/drift/", {"action": "restore"})

    assert "The file of 'Stop' is gone" in html
    assert "Backups of 1 repository will fail until it is back." in html
    assert text_of(script) == TEXT


def test_what_was_settled_already_is_said_and_nothing_happens(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()

    html = client.post(f"/scripts/{script.pk}/drift/", {"action": "revert"}, follow=True).content.decode()

    assert "No change from outside is waiting." in html
    assert client.post(f"/scripts/{script.pk}/drift/", {"action": "explode"}).status_code == 404


def test_an_older_version_is_shown_and_made_current(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script()
    first = script.sha256
    save(client, script, content="#!/bin/sh\necho two\n")

    html = page(client, f"/scripts/{script.pk}/versions/{first}/")
    client.post(f"/scripts/{script.pk}/versions/{first}/restore/")

    assert "echo one" in html
    assert text_of(script) == TEXT
    assert client.get(f"/scripts/{script.pk}/versions/nothing/").status_code == 404


# --- delete -----------------------------------------------------------------------------------------------------------
def test_a_script_in_use_names_its_users_and_stays(
    client: Client, make_script: Callable[..., Script], use: Callable[..., Any]
) -> None:
    script = make_script()
    use(script)

    response = client.post(f"/scripts/{script.pk}/delete/", {"name": "Stop"})

    assert response.status_code == 409
    assert "photos" in response.content.decode()
    assert Script.objects.kept().count() == 1


def test_a_script_is_deleted_by_its_typed_name(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script()

    assert client.post(f"/scripts/{script.pk}/delete/", {"name": "stop"}).status_code == 422
    assert client.post(f"/scripts/{script.pk}/delete/", {"name": "Stop"}).status_code == 302
    assert not Script.objects.kept().exists()


def test_the_page_of_a_script_costs_as_many_queries_with_many_runs_as_with_one(
    client: Client, make_script: Callable[..., Script], make_repository: Callable[..., Any]
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client, f"/scripts/{script.pk}/")
        return len(queries)

    script, repository = make_script(), make_repository()
    assignments.assign(repository.pk, script, "pre-backup")
    run(script, "succeeded", repository=repository)
    settle(script)
    with_one = cost()
    for number in range(20):
        save(client, Script.objects.get(), content=f"#!/bin/sh\necho {number}\n")
        run(script, "succeeded", repository=repository)
    settle(Script.objects.get())

    assert cost() == with_one
