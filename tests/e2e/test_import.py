"""Somebody who knows no commands moves from Borg Web UI: from the empty overview to a repository that was tried."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backups import borg, target
from backups.models import Repository
from tests.backups.borg_ui_import.over_there import usual

Look = Callable[[Page, str], None]
Axe = Callable[[Page], None]


@pytest.mark.borg
def test_a_newcomer_brings_everything(
    page: Page, tmp_path: Path, data_dir: Path, settings: Any, look: Look, axe: Axe
) -> None:
    (tmp_path / "there").mkdir()
    there = usual(tmp_path / "there")
    kept = Repository(path=str(tmp_path / "kept"), encryption="repokey", passphrase="of the kept one")
    assert borg.init(borg.find(settings.BORG), target.of(kept), kept.encryption).ok
    there.repository("kept", path=kept.path, encryption="repokey", passphrase=None, source_directories=[str(tmp_path)])

    page.goto("/")
    page.get_by_role("link", name="Coming from Borg Web UI?").click()
    axe(page)
    look(page, "import")
    page.get_by_label("Its data folder on this machine").fill(str(there.folder / "scripts"))
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Nothing to import at that path: no borg.db found.")
    page.get_by_label("Its data folder on this machine").fill(str(there.folder))
    page.get_by_role("button", name="Look", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What comes along")
    axe(page)
    look(page, "import-look")
    page.get_by_label("Passphrase of 'kept'").fill("of the kept one")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Imported")
    axe(page)
    look(page, "import-done")

    page.get_by_role("link", name="To the repositories").click()
    page.get_by_role("link", name="kept", exact=True).click()
    page.get_by_role("link", name="Test it in its settings").click()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("A repository is there")).to_be_visible()
    page.get_by_role("link", name="Overview").last.click()
    expect(page.get_by_text("nobody has tried yet")).to_have_count(0)
