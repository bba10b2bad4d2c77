"""A newer version of a template, on the pages: it is shown, taken, merged or ignored, and nothing happens by itself."""

import html
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from scripts_library import gallery, library, making
from scripts_library.models import Script

from .test_pages_scripts import form_data

pytestmark = pytest.mark.django_db
OURS = Path(__file__).parent / "templates"
FILE = "stop-service.sh"


@pytest.fixture(autouse=True)
def catalogue(data_dir: Path, settings: Any, tmp_path: Path) -> Path:
    settings.CATALOGUE_DIR = Path(shutil.copytree(OURS, tmp_path / "catalogue"))
    return settings.CATALOGUE_DIR


@pytest.fixture
def newer(catalogue: Path) -> Callable[..., str]:
    """newer(("old", "new"), version="1.1"): a later borgui brings this text."""

    def change(*changes: tuple[str, str], version: str = "1.1") -> str:
        text = (OURS / FILE).read_text()
        for old, new in (('version = "1.0"', f'version = "{version}"'), *changes):
            assert old in text
            text = text.replace(old, new)
        (catalogue / FILE).write_text(text)
        return text

    return change


@pytest.fixture
def script() -> Script:
    template = gallery.find(FILE)
    assert template
    return making.make(template, name="Mine")


def edited(script: Script, old: str, new: str) -> str:
    """A person changed the script."""
    revision = library.current_revision(script)
    assert revision
    text = revision.text.replace(old, new)
    assert text != revision.text
    library.update(script, changes={"content": text}, source="editor", base_sha256=script.sha256)
    return text


def words(response: HttpResponse) -> str:
    return html.unescape(response.content.decode())


def page(client: Client, script: Script, **query: str) -> str:
    return words(client.get(f"/scripts/{script.pk}/upgrade/", query))


def decide(client: Client, script: Script, action: str, **fields: str) -> HttpResponse:
    return client.post(f"/scripts/{script.pk}/upgrade/", {"action": action, "sha256": script.sha256, **fields})


def text_of(script: Script) -> str:
    return library.store().path(Script.objects.get(pk=script.pk).file_path).read_text()


def version(script: Script) -> str | None:
    return Script.objects.get(pk=script.pk).template_version


# --- it is shown ------------------------------------------------------------------------------------------------------
def test_a_script_that_is_up_to_date_says_nothing(client: Client, script: Script) -> None:
    assert "has a newer version" not in words(client.get("/scripts/"))
    assert "No script is like that." in words(client.get("/scripts/", {"state": "upgrade"}))
    assert "of its template is there" not in words(client.get(f"/scripts/{script.pk}/"))
    assert "There is no newer version of its template." in page(client, script)


def test_a_newer_version_is_shown_on_both_pages(client: Client, script: Script, newer: Callable[..., str]) -> None:
    newer()
    assert "The template of 1 script has a newer version." in words(client.get("/scripts/"))
    assert f"/scripts/{script.pk}/upgrade/" in words(client.get("/scripts/", {"state": "upgrade"}))
    assert "Version 1.1 of its template is there." in words(client.get(f"/scripts/{script.pk}/"))


def test_a_script_that_was_not_made_from_a_template_has_nothing_to_take(
    client: Client, make_script: Callable[..., Script]
) -> None:
    mine = make_script("Mine")
    assert "was not made from a template" in page(client, mine)
    assert decide(client, mine, "take").status_code == 200


# --- it is decided ----------------------------------------------------------------------------------------------------
def test_an_unchanged_script_takes_it(client: Client, script: Script, newer: Callable[..., str]) -> None:
    text = newer(("# timeout = 60", "# timeout = 90"))
    shown = page(client, script)
    assert "What was changed here" not in shown
    assert "Take version 1.1" in shown
    decide(client, script, "take")
    assert (text_of(script), version(script)) == (text, "1.1")
    assert Script.objects.get(pk=script.pk).timeout == 90
    assert library.current_revision(Script.objects.get(pk=script.pk)).source == "template"  # type: ignore[union-attr]


def test_new_values_are_named(client: Client, script: Script, newer: Callable[..., str]) -> None:
    more = '# [[parameters]]\n# name = "ORDER"\n# label = "Order"\n# required = true\n#\n# [[parameters]]\n# name = "TOKEN"'
    newer(('# [[parameters]]\n# name = "TOKEN"', more))
    assert "New values to give: Order (needed)." in page(client, script)


def test_what_was_changed_here_is_kept_with_it(client: Client, script: Script, newer: Callable[..., str]) -> None:
    edited(script, "set -euo pipefail", "set -euo pipefail\necho mine")
    newer(("# timeout = 60", "# timeout = 90"))
    shown = page(client, script)
    assert "What was changed here" in shown
    assert "What taking it would change in the script" in shown
    decide(client, script, "merge")
    assert "echo mine" in text_of(script)
    assert "timeout = 90" in text_of(script)
    assert version(script) == "1.1"


def test_or_it_is_taken_without(client: Client, script: Script, newer: Callable[..., str]) -> None:
    edited(script, "set -euo pipefail", "set -euo pipefail\necho mine")
    text = newer()
    decide(client, script, "take")
    assert text_of(script) == text


def test_where_both_touch_a_line_a_person_decides_in_the_editor(
    client: Client, script: Script, newer: Callable[..., str]
) -> None:
    mine = edited(script, "# timeout = 60", "# timeout = 61")
    newer(("# timeout = 60", "# timeout = 90"))
    assert "Both changed the same lines in 1 place" in page(client, script)
    assert "touch the same lines" in words(
        client.post(f"/scripts/{script.pk}/upgrade/", {"action": "merge", "sha256": script.sha256}, follow=True)
    )
    editor = page(client, script, edit="")
    assert ">>>>>>> template" in editor
    assert text_of(script) == mine
    sha256 = gallery.find(FILE).sha256  # type: ignore[union-attr]
    assert f'name="template" value="{sha256}"' in editor

    def save(content: str) -> HttpResponse:
        data = form_data(Script.objects.get(pk=script.pk), content=content, template=sha256)
        return client.post(f"/scripts/{script.pk}/", data)

    assert save("<<<<<<< yours\n=======\n>>>>>>> template\n").status_code == 422
    assert version(script) == "1.0"
    assert save(mine.replace("timeout = 61", "timeout = 75")).status_code == 302
    assert (version(script), Script.objects.get(pk=script.pk).timeout) == ("1.1", 75)
    assert "There is no newer version" in page(client, script)


def test_a_merge_that_comes_to_the_text_of_now_counts_as_taken(
    client: Client, script: Script, newer: Callable[..., str]
) -> None:
    newer()
    sha256 = gallery.find(FILE).sha256  # type: ignore[union-attr]
    client.post(f"/scripts/{script.pk}/", form_data(script, template=sha256))
    assert version(script) == "1.1"


def test_a_version_is_ignored_and_offered_again(client: Client, script: Script, newer: Callable[..., str]) -> None:
    newer()
    decide(client, script, "ignore")
    assert "of its template is there" not in words(client.get(f"/scripts/{script.pk}/"))
    assert "is ignored" in words(client.get(f"/scripts/{script.pk}/"))
    assert "newer version" not in words(client.get("/scripts/"))
    assert "Version 1.1 is ignored." in page(client, script)
    decide(client, script, "want")
    assert "Version 1.1 of its template is there." in words(client.get(f"/scripts/{script.pk}/"))
    decide(client, script, "ignore")
    newer(version="1.2")
    assert "Version 1.2 of its template is there." in words(client.get(f"/scripts/{script.pk}/"))


def test_what_was_saved_meanwhile_is_not_overwritten(client: Client, script: Script, newer: Callable[..., str]) -> None:
    seen = script.sha256
    mine = edited(script, "set -euo pipefail", "set -eu")
    newer()
    for action in ("take", "merge"):
        response = decide(client, script, action, sha256=seen)
        assert response["Location"] == f"/scripts/{script.pk}/upgrade/"
    assert text_of(script) == mine
    assert decide(client, script, "dance").status_code == 404


def test_the_page_of_a_script_says_what_it_was_made_from(
    client: Client, script: Script, catalogue: Path, make_script: Callable[..., Script]
) -> None:
    assert '<a href="/templates/stop-service/">Service: stop and start</a>, version 1.0' in words(
        client.get(f"/scripts/{script.pk}/")
    )
    for suffix in (".sh", ".toml"):
        (catalogue / f"stop-service{suffix}").unlink()
    assert "stop-service.sh, version 1.0" in words(client.get(f"/scripts/{script.pk}/"))
    own = make_script("Own", is_template=True)
    client.post(f"/templates/own-{own.pk}/duplicate/")
    second = Script.objects.get(name="Own (2)")
    assert f'<a href="/templates/own-{own.pk}/">Own</a>' in words(client.get(f"/scripts/{second.pk}/"))
    library.delete(own)
    assert "Made from</dt><dd>Own" in words(client.get(f"/scripts/{second.pk}/"))
