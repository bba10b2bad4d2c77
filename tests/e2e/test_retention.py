"""What is kept: from the numbers over the preview to the confirmation, on a repository that was there before."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backups import borg
from backups.models import Repository
from tests import bulk_archives

pytestmark = pytest.mark.borg


@pytest.fixture
def web(
    transactional_db: None, make_repository: Callable[..., Repository], settings: Any, tmp_path: Path
) -> Repository:
    """Connected; forty nights of its own, and some archives of another machine."""
    row = make_repository("web", real=True)
    nights = [datetime(2026, 11, 20, 2, 17, tzinfo=UTC) - timedelta(days=days) for days in range(40)]
    named = [(f"{name}-{night:%Y-%m-%dT%H:%M:%S}", night) for name in ("web", "web-2") for night in nights]
    bulk_archives.make(borg.find(settings.BORG).path, row.path, named, tmp_path / "base-of-the-others")
    shutil.rmtree(settings.BORG_DIR)  # as on a machine that has never seen it
    Repository.objects.update(connected=True)
    return row


def test_what_would_be_deleted_is_seen_before_anything_is(
    page: Page, web: Repository, look: Callable[..., None], axe: Callable[..., None]
) -> None:
    page.goto(f"/repositories/{web.pk}/schedule/")
    expect(page.get_by_label("Delete the archives that are not kept")).to_be_disabled()
    page.get_by_label("Days", exact=True).fill("3")
    page.get_by_role("button", name="Show what would be deleted").click()
    piece = page.locator("#retention-preview")
    expect(piece).to_contain_text("Would delete 31 of 80 archives, the oldest from 2026-10-13.")
    piece.get_by_text("Would be kept: 9").click()
    expect(piece).to_contain_text("the newest of its day, 3 of 3")
    look(page, "retention-preview")
    axe(page)

    page.get_by_role("button", name="Confirm: delete these 31 after the next backup").click()
    expect(page.get_by_text("Confirmed. Archives that are not kept are deleted")).to_be_visible()
    expect(page.get_by_label("Delete the archives that are not kept")).to_be_checked()
    web.refresh_from_db()
    assert (web.keep_daily, web.prune_after) == (3, True)


def test_without_javascript_the_preview_is_a_page(without_javascript: Page, web: Repository) -> None:
    without_javascript.goto(f"/repositories/{web.pk}/schedule/")

    without_javascript.get_by_role("button", name="Show what would be deleted").click()

    expect(without_javascript.get_by_role("heading", name="What is kept")).to_be_visible()
    expect(without_javascript.locator("#retention-preview")).to_contain_text("of 80 archives")
