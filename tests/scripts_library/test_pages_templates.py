"""The gallery without a browser: what its pages say, what a form makes, and that it makes all of it or nothing."""

import html
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scripts_library import library, making
from scripts_library.models import RepositoryScript, Script
from tests.rest import make_user

pytestmark = pytest.mark.django_db
OURS = Path(__file__).parent / "templates"
STOP, DUMP = "/templates/stop-service/", "/templates/dump-notes/"
VALUES = {"parameters.SERVICE": "web", "parameters.TOKEN": "", "parameters.CONTAINER": ""}


@pytest.fixture(autouse=True)
def catalogue(data_dir: Path, settings: Any, tmp_path: Path) -> Path:
    settings.CATALOGUE_DIR = Path(shutil.copytree(OURS, tmp_path / "catalogue"))
    return settings.CATALOGUE_DIR


def page(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200, response
    return words(response)


def words(response: HttpResponse) -> str:
    return html.unescape(response.content.decode())


def make(
    client: Client, template: str = STOP, *repositories: Any, action: str = "create", **fields: str
) -> HttpResponse:
    values = VALUES if template == STOP else {"parameters.DUMP_DIR": "", "parameters.NUMBER": "3"}
    chosen = {"repositories": [one.pk for one in repositories], "on_failure": "abort", "action": action}
    return client.post(f"{template}script/", {"name": "Mine", **values, **chosen, **fields})


def nothing_was_made() -> bool:
    return not Script.objects.exists() and not RepositoryScript.objects.exists() and not files()


def files() -> list[str]:
    from django.conf import settings

    return [path.name for path in settings.LIBRARY_DIR.iterdir()]


# --- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["/templates/", STOP, f"{STOP}script/"])
def test_who_is_not_signed_in_is_asked_to(path: str) -> None:
    make_user()
    assert Client(headers={"Host": "localhost"}).get(path)["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("name", ["nothing", "own-1", "own-x", "own-99999999999999999999", "..", "%2e%2e%2fsettings"])
def test_a_template_that_is_none_has_no_page(client: Client, name: str) -> None:
    assert client.get(f"/templates/{name}/").status_code == 404
    assert client.post(f"/templates/{name}/duplicate/").status_code == 404


# --- the gallery ------------------------------------------------------------------------------------------------------
def test_the_gallery_says_what_each_does_and_what_is_missing_here(client: Client) -> None:
    text = page(client, "/templates/")
    for said in (
        "My service must not write while it is backed up.",
        "Stops the service, if it runs.",
        "Starts it again, if it ran before.",
        "borgui-no-such-program or borgui-nor-this-one",
        "is not on this machine",
        "three notes",
        "version 2.1",
    ):
        assert said in text


def test_a_search_that_finds_nothing_offers_an_empty_script(client: Client) -> None:
    assert "Notes: dump" not in page(client, "/templates/", search="daemon")
    assert "No template for '<b>'. Start with an empty script?" in page(client, "/templates/", search="<b>")
    assert "&lt;b&gt;" in client.get("/templates/", {"search": "<b>"}).content.decode()
    assert client.get("/templates/", {"search": "\0 " * 3000}).status_code == 200


def test_a_sentence_finds_what_has_some_of_its_words(client: Client) -> None:
    text = page(client, "/templates/", search="how do I export my notes and memos")
    assert "Notes: dump" in text
    assert "Service: stop and start" not in text


def test_a_long_gallery_costs_no_more_queries(client: Client, make_script: Callable[..., Script]) -> None:
    def cost(number: int) -> int:
        for one in range(number):
            make_script(f"mine {number} {one}", is_template=True)
        with CaptureQueriesContext(connection) as queries:
            assert f"mine {number} 0" in page(client, "/templates/")
        return len(queries)

    assert cost(1) == cost(50)


def test_the_page_of_a_template_explains_it_and_shows_its_text(client: Client, catalogue: Path) -> None:
    text = page(client, STOP)
    assert '<pre class="command" tabindex="0">cat "$STATE_DIR/stopped"</pre>' in text
    assert "Only that is started again." in text
    assert (catalogue / "stop-service.sh").read_text() in text
    assert "borgui-no-such-program or borgui-nor-this-one is not on this machine." in text
    assert "or give CONTAINER" in text
    assert "cat notes.txt" in page(client, DUMP)


# --- a script made from one -------------------------------------------------------------------------------------------
def test_a_pair_is_made_and_assigned_at_both_hooks(client: Client, make_repository: Callable[..., Any]) -> None:
    photos, mail = make_repository("photos"), make_repository("mail")

    response = make(client, STOP, photos, mail, **{"parameters.TOKEN": "a secret", "on_failure": "skip"})

    script = Script.objects.get()
    assert response["Location"] == f"/scripts/{script.pk}/"
    assert (script.name, script.category, script.template_name) == ("Mine", "template", "stop-service.sh")
    assert script.parameters == {"SERVICE": "web", "TOKEN": {"secret": "a secret"}}
    rows = RepositoryScript.objects.order_by("repository__name", "-hook_type")
    assert [(row.repository.name, row.hook_type, row.run_on, row.on_failure) for row in rows] == [
        ("mail", "pre-backup", "always", "skip"),
        ("mail", "post-backup", "always", "abort"),
        ("photos", "pre-backup", "always", "skip"),
        ("photos", "post-backup", "always", "abort"),
    ]
    assert all(row.parameters == {} for row in rows)


def test_a_repository_has_values_of_its_own(client: Client, make_repository: Callable[..., Any]) -> None:
    photos, mail = make_repository("photos"), make_repository("mail")
    own = {f"repository-{mail.pk}-parameters.SERVICE": "dovecot", f"repository-{mail.pk}-parameters.TOKEN": "of mail"}

    make(client, STOP, photos, mail, **own)

    of_mail = RepositoryScript.objects.filter(repository=mail)
    assert [row.parameters for row in of_mail] == [{"SERVICE": "dovecot", "TOKEN": {"secret": "of mail"}}] * 2
    assert [row.parameters for row in RepositoryScript.objects.filter(repository=photos)] == [{}, {}]


def test_without_a_repository_only_the_script_is_made(client: Client) -> None:
    make(client, **{"parameters.SERVICE": ""})
    assert Script.objects.get().parameters == {}
    assert not RepositoryScript.objects.exists()


def test_a_value_that_is_needed_is_asked_for_by_the_name_of_the_repository(
    client: Client, make_repository: Callable[..., Any]
) -> None:
    photos = make_repository("photos")
    response = make(client, STOP, photos, **{"parameters.SERVICE": " "})
    assert response.status_code == 422
    assert "Needed for 'photos': give it for all, or for 'photos' alone." in words(response)
    assert nothing_was_made()
    assert make(client, STOP, photos, **{f"repository-{photos.pk}-parameters.SERVICE": "web"}).status_code == 302


def test_a_folder_outside_the_sources_is_refused_with_what_to_do(
    client: Client, make_repository: Callable[..., Any], source: Path
) -> None:
    photos, mail = make_repository("photos"), make_repository("mail", source_paths=["/srv/mail"])
    inside = {"parameters.DUMP_DIR": f"{source}/dumps"}

    response = make(client, DUMP, photos, mail, **inside)

    assert response.status_code == 422
    text = words(response)
    assert f"{source}/dumps is inside none of the sources of 'mail' (/srv/mail)" in text
    assert f"add {source}/dumps to the sources of 'mail' first" in text
    assert "sources of 'photos'" not in text
    assert nothing_was_made()
    own = {f"repository-{mail.pk}-parameters.DUMP_DIR": "/srv/mail/dumps"}
    assert make(client, DUMP, photos, mail, **inside, **own).status_code == 302


def test_all_that_is_wrong_is_said_at_once_and_what_was_typed_stays(
    client: Client, make_repository: Callable[..., Any]
) -> None:
    photos = make_repository("photos")
    own = {f"repository-{photos.pk}-parameters.NUMBER": "many"}
    response = make(client, DUMP, photos, name="", **{"parameters.DUMP_DIR": "here", "parameters.NUMBER": "x"}, **own)
    text = words(response)
    assert response.status_code == 422
    for said in ("This field is required.", "An absolute path is expected.", 'value="here"', 'value="many"'):
        assert said in text
    assert text.count("A whole number is expected.") >= 2
    assert nothing_was_made()


def test_a_short_secret_and_a_taken_name_make_nothing(client: Client, make_script: Callable[..., Script]) -> None:
    response = make(client, **{"parameters.TOKEN": "abc"})
    assert "A secret has at least 4 characters." in words(response)
    assert "type them again" in words(response)
    assert nothing_was_made()
    make_script("Mine")
    assert "There is a script named 'Mine' already." in words(make(client))
    assert Script.objects.count() == 1


def test_an_assignment_that_fails_takes_the_script_with_it(
    client: Client, make_repository: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts_library import assignments
    from scripts_library.errors import Refused

    asked = []
    real = assignments.assign

    def second_time_not(*args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        if len(asked) == 2:
            raise Refused("Not now.")
        return real(*args, **kwargs)

    monkeypatch.setattr(assignments, "assign", second_time_not)
    response = make(client, STOP, make_repository("photos"))
    assert (response.status_code, len(asked)) == (422, 2)
    assert "Not now." in words(response)
    assert nothing_was_made()


def test_a_repository_that_is_gone_is_refused(client: Client, make_repository: Callable[..., Any]) -> None:
    photos = make_repository("photos")
    photos.delete()
    response = client.post(f"{STOP}script/", {"name": "Mine", **VALUES, "repositories": ["7", "x"], "action": "create"})
    assert response.status_code == 422
    assert "One of the repositories is not there any more." in words(response)
    assert nothing_was_made()


def test_a_repository_can_be_ticked_by_the_address(client: Client, make_repository: Callable[..., Any]) -> None:
    photos = make_repository("photos")
    text = page(client, f"{STOP}script/", repository=photos.pk)
    assert f'value="{photos.pk}" id="repository-{photos.pk}" checked' in text
    assert "Around each backup of photos" in text


def test_who_comes_from_a_repository_goes_back_to_it(client: Client, make_repository: Callable[..., Any]) -> None:
    photos = make_repository("photos")
    query = f"?repository={photos.pk}"
    assert f'href="/templates/{query}"' in page(client, f"/repositories/{photos.pk}/scripts/")
    assert f'href="{STOP}{query}"' in page(client, "/templates/", repository=photos.pk)
    assert f'href="{STOP}script/{query}"' in page(client, STOP, repository=photos.pk)
    sent = {"name": "Mine", **VALUES, "repositories": [photos.pk], "action": "create"}
    assert client.post(f"{STOP}script/{query}", sent)["Location"] == f"/repositories/{photos.pk}/scripts/"


def test_an_old_inline_text_that_would_no_longer_run_is_named(
    client: Client, make_repository: Callable[..., Any]
) -> None:
    make_repository("photos", pre_backup_script="echo old\n")
    assert "photos (its old inline text before the backup no longer runs then)" in page(client, f"{STOP}script/")


def test_files_that_are_read_only_are_said_to_be(client: Client, settings: Any) -> None:
    settings.SCRIPTS_READONLY = True
    assert "read-only" in words(make(client))
    assert "read-only" in words(client.post(f"{STOP}duplicate/", follow=True))
    assert nothing_was_made()


# --- what would run ---------------------------------------------------------------------------------------------------
def piece(client: Client, target: str, *repositories: Any, template: str = STOP, **fields: str) -> str:
    chosen = {"repositories": [one.pk for one in repositories]}
    values = {**VALUES, "name": "", **fields, **chosen}
    response = client.post(f"{template}script/", values, headers={"HX-Request": "true", "HX-Target": target})
    assert response.status_code == 200
    return words(response)


def test_the_preview_shows_each_repository_with_its_values_and_no_secret(
    client: Client, make_repository: Callable[..., Any]
) -> None:
    photos, mail = make_repository("photos"), make_repository("mail")
    own = {f"repository-{mail.pk}-parameters.SERVICE": "dovecot"}
    text = piece(client, "make-preview", photos, mail, **{"parameters.TOKEN": "a secret"}, **own)
    assert "<html" not in text
    assert "Around each backup of photos" in text
    assert "Down meanwhile: <strong>dovecot</strong>" in text
    assert "Down meanwhile: <strong>web</strong>" in text
    assert text.count("***") == 2
    assert "a secret" not in text
    assert "it will fail until that is installed" in text
    assert "it will fail" not in piece(client, "make-preview", photos, **{"parameters.CONTAINER": "web_1"})
    assert nothing_was_made()


def test_ticking_a_repository_brings_its_own_fields_alone(client: Client, make_repository: Callable[..., Any]) -> None:
    photos = make_repository("photos")
    ticked = piece(client, f"own-{photos.pk}", photos)
    assert f'name="repository-{photos.pk}-parameters.SERVICE"' in ticked
    assert "What will run" not in ticked
    assert "parameters" not in piece(client, f"own-{photos.pk}")


def test_without_script_a_button_shows_what_would_run(client: Client, make_repository: Callable[..., Any]) -> None:
    response = make(client, STOP, make_repository("photos"), action="preview")
    assert response.status_code == 200
    assert "Around each backup of photos" in words(response)
    assert nothing_was_made()


# --- duplicate, and one's own -----------------------------------------------------------------------------------------
def test_a_template_is_duplicated_as_it_is(client: Client, catalogue: Path) -> None:
    for _ in range(2):
        assert client.post(f"{STOP}duplicate/").status_code == 302
    assert [one.name for one in Script.objects.order_by("pk")] == [
        "Service: stop and start",
        "Service: stop and start (2)",
    ]
    assert {path.read_text() for path in Path(catalogue).parent.rglob("library/*.sh")} == {
        (catalogue / "stop-service.sh").read_text()
    }


def test_a_script_of_one_s_own_is_offered_renamed_and_taken_back(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script("Mine <b>", description="When the fridge must be quiet")
    address = f"/scripts/{script.pk}/offer/"
    assert client.post(address, {"action": "offer"})["Location"] == f"/templates/own-{script.pk}/"
    assert "When the fridge must be quiet" in page(client, "/templates/", search="fridge")
    client.post(address, {"action": "rename", "name": "Fridge"})
    assert page(client, f"/templates/own-{script.pk}/").count("Fridge") > 2
    assert "is empty" in words(client.post(address, {"action": "rename", "name": " "}, follow=True))
    client.post(address, {"action": "withdraw"})
    assert "fridge" not in page(client, "/templates/")
    assert client.post(address, {"action": "dance"}).status_code == 404


def test_what_the_block_of_one_s_own_does_not_say_is_asked(
    client: Client, make_script: Callable[..., Script], make_repository: Callable[..., Any]
) -> None:
    script, photos = make_script("Fridge", is_template=True), make_repository("photos")
    address = f"/templates/own-{script.pk}/"

    def sent(**fields: Any) -> HttpResponse:
        return client.post(
            f"{address}script/", {"name": "F", "repositories": [photos.pk], "action": "create", **fields}
        )

    assert "Choose where it runs" in words(sent())
    assert "Choose after which backups it runs" in words(sent(hooks=["post-backup"]))
    assert sent(hooks=["post-backup"], run_on="failure").status_code == 302
    assert [(row.hook_type, row.run_on) for row in RepositoryScript.objects.all()] == [("post-backup", "failure")]
    assert Script.objects.get(name="F").template_script_id == script.pk


def test_one_s_own_with_a_broken_block_is_no_template_until_it_is_put_right(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script("Fridge", is_template=True)
    path = library.store().path(script.file_path)
    path.write_text("#!/bin/sh\n# /// borgui\n# timeout = never\n# ///\n")
    assert "The block" in words(client.post(f"/templates/own-{script.pk}/duplicate/", follow=True))
    sent = {"name": "F", "hooks": ["pre-backup"], "run_on": "always", "action": "create"}
    assert "The block" in words(client.post(f"/templates/own-{script.pk}/script/", sent))
    path.unlink()
    assert client.get(f"/templates/own-{script.pk}/").status_code == 200
    assert Script.objects.count() == 1


def test_two_people_at_once_get_two_names(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.post(f"{STOP}duplicate/")
    names = iter(["Service: stop and start", "Free"])
    monkeypatch.setattr(making, "free_name", lambda template: next(names))
    client.post(f"{STOP}duplicate/")
    assert Script.objects.filter(name="Free").exists()
