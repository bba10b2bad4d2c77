"""Scripts leave in a file and come back from it, by hand in a browser; also without JavaScript."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from scripts_library import library
from scripts_library.models import Script


@pytest.fixture(params=["page", "without_javascript"])
def any_page(request: pytest.FixtureRequest) -> Page:
    found: Page = request.getfixturevalue(request.param)
    return found


def test_a_script_leaves_in_a_file_and_comes_back_from_it(any_page: Page, make_script: Any, tmp_path: Path) -> None:
    page, script = any_page, make_script("Stop it", "echo stop")
    make_script("Another")
    page.goto(f"/scripts/{script.pk}/")
    page.get_by_role("link", name="Export this script").click()
    expect(page.get_by_role("checkbox", name="Another")).not_to_be_checked()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the package").click()
    download.value.save_as(tmp_path / "package.tar.gz")
    library.delete(script)

    page.goto("/scripts/")
    page.get_by_role("link", name="Import").click()
    page.get_by_label("Package").set_input_files(tmp_path / "package.tar.gz")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_text("Show the text (2 lines)").click()
    expect(page.get_by_text("echo stop")).to_be_visible()
    assert not Script.objects.kept().filter(name="Stop it").exists()
    page.get_by_role("button", name="Take those with a tick").click()
    expect(page.get_by_role("link", name="Stop it", exact=True)).to_be_visible()
    assert library.look(Script.objects.kept().get(name="Stop it")).state == library.SAME
