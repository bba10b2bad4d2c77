"""From a problem in somebody's words to a script that runs around a real backup, and to a newer version of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backups.models import BackupJob
from scripts_library.models import RepositoryScript, Script

from . import world

OURS = Path(__file__).parents[1] / "scripts_library" / "templates"


@pytest.mark.borg
def test_a_script_is_made_from_a_template_and_runs_in_a_backup(
    page: Page,
    make_repository: Callable[..., Any],
    settings: Any,
    source: Path,
    run_queued: Callable[[], BackupJob],
    live_server: Any,
) -> None:
    settings.CATALOGUE_DIR = OURS
    photos, mail = make_repository("photos 'of' <b>", real=True), make_repository("mail", source_paths=["/srv/mail"])

    page.goto(f"{live_server.url}/templates/")
    page.get_by_role("searchbox").press_sequentially("memo")
    expect(page.locator(".gallery > li")).to_have_count(1)
    page.get_by_role("link", name="My notes live in a program").click()
    expect(page.locator(".cm-content")).to_contain_text("notes written")
    page.get_by_role("link", name="Make a script").click()

    preview = page.locator("#make-preview")
    page.get_by_label("Folder of the dump").fill(str(source))
    page.get_by_label("photos 'of' <b>").check()
    expect(preview).to_contain_text("Around each backup of photos 'of' <b>")
    expect(preview).to_contain_text(f"DUMP_DIR{source}")
    page.get_by_label("mail").check()
    expect(preview).to_contain_text(f"{source} is inside none of the sources of 'mail' (/srv/mail)")
    page.locator(f"#own-{mail.pk} summary").click()
    page.locator(f"#own-{mail.pk}").get_by_label("Folder of the dump").fill("/srv/mail/dumps")
    expect(preview.get_by_role("listitem").filter(has_text="is inside none")).to_have_count(0)
    page.locator(f"#own-{photos.pk} summary").click()
    page.locator(f"#own-{photos.pk}").get_by_label("How many").fill("2")
    page.locator("#id_name").fill("Dump the notes")
    page.get_by_role("button", name="Create script").click()

    expect(page.locator("#messages")).to_contain_text("runs before each backup of 'mail', 'photos 'of' <b>'")
    assert RepositoryScript.objects.get(repository=mail).parameters == {"DUMP_DIR": "/srv/mail/dumps"}
    page.goto(f"{live_server.url}/repositories/{photos.pk}/")
    page.get_by_role("button", name="Back up now").click()
    job = run_queued()
    page.goto(f"{live_server.url}/jobs/{job.pk}/")
    expect(page.locator("main")).to_contain_text("Dump the notes")
    assert job.status == "success"
    assert (source / "notes.txt").read_text() == "note 1 of photos 'of' <b>\nnote 2 of photos 'of' <b>\n"


def test_without_script_the_form_says_what_is_wrong_and_keeps_what_was_typed(
    without_javascript: Page, make_repository: Callable[..., Any], settings: Any, source: Path, live_server: Any
) -> None:
    settings.CATALOGUE_DIR = OURS
    photos, page = make_repository("photos"), without_javascript
    page.goto(f"{live_server.url}/templates/dump-notes/script/")
    page.get_by_label("Folder of the dump").fill("/elsewhere")
    page.get_by_label("photos").check()
    page.get_by_role("button", name="Show what would run").click()
    expect(page.locator("#make-preview")).to_contain_text("/elsewhere is inside none of the sources of 'photos'")
    page.get_by_role("button", name="Create script").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was made yet.")
    page.locator("summary", has_text="Values of its own").click()
    page.locator(f"#own-{photos.pk}").get_by_label("Folder of the dump").fill(str(source))
    page.get_by_role("button", name="Create script").click()
    expect(page.locator("#messages")).to_contain_text("runs before each backup of 'photos'")
    assert RepositoryScript.objects.get().parameters == {"DUMP_DIR": str(source)}


def test_a_newer_version_is_merged_in_the_editor(page: Page, live_server: Any) -> None:
    script = world.outdated_script()
    page.goto(f"{live_server.url}/scripts/?state=upgrade")
    page.get_by_role("link", name="newer template").click()
    page.get_by_role("link", name="Look at both in the editor first").click()
    expect(page.get_by_role("status").filter(has_text="Both changes are in the editor")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#messages")).to_have_text("Saved.")
    expect(page.locator("#script-drift")).not_to_contain_text("of its template is there")
    saved = Script.objects.get(pk=script.pk)
    assert saved.template_version != "0.1"
    assert saved.template_content_id != saved.sha256
