"""The newcomer's way, on the real thing: a fresh data directory, bin/start, its set-up link, and four screens."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.test_commands_of_the_readme import ROOT, Typed, is_healthy

from .conftest import DESK, Watch

pytestmark = pytest.mark.borg
THREE_MINUTES = 180.0
PATIENCE = 60_000  # ms


@dataclass
class Started:
    """A fresh installation with web and worker; `link` makes its first account."""

    address: str
    link: str


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    typed = Typed(tmp_path)
    child = typed.start(str(ROOT / "bin" / "start"), BORGUI_PORT=str(port), BORGUI_STOP_GRACE="5")
    try:
        deadline = time.monotonic() + 120
        while not is_healthy(port):
            assert child.poll() is None, typed.said
            assert time.monotonic() < deadline, typed.said
            time.sleep(0.1)
        yield Started(f"http://127.0.0.1:{port}", next(line.strip() for line in typed.said if "/setup/" in line))
    finally:
        child.terminate()
        child.wait(timeout=60)
        assert typed.left() == []


@pytest.fixture
def newcomer(browser: Browser, started: Started) -> Iterator[Page]:
    """A browser that was never here. A console error or an outside request fails the test."""
    context = browser.new_context(base_url=started.address, viewport=DESK, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    watch = Watch(started.address)
    watch.follow(context)
    yield context.new_page()
    context.close()
    assert not watch.problems, "\n".join(watch.problems)


def test_from_the_link_to_the_first_archive_in_four_screens(
    newcomer: Page, started: Started, source: Path, tmp_path: Path, look: Callable[[Page, str], None]
) -> None:
    page, screens, began = newcomer, [], time.monotonic()
    page.on("framenavigated", lambda frame: screens.append(frame.url.removeprefix(started.address)))

    page.goto(started.link)
    page.get_by_label("Username").fill("anna")
    page.locator("#id_password1").fill("correct horse battery")
    page.locator("#id_password2").fill("correct horse battery")
    page.get_by_role("button", name="Create account").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is protected yet.")
    page.locator("main").get_by_role("link", name="Add repository").click()

    page.locator("#id_name").fill("photos")
    page.locator("#id_folder").fill(str(tmp_path / "photos"))
    page.locator("#id_source_paths").fill(str(source))
    page.get_by_role("button", name="Create and back up now").last.click()

    expect(page.locator("main")).to_contain_text("Saved: archive photos-", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Back up again")).to_be_visible(timeout=PATIENCE)  # it is over
    assert time.monotonic() - began < THREE_MINUTES
    assert [re.sub(r"/setup/.+", "/setup/", screen) for screen in screens] == [
        "/setup/",
        "/",
        "/repositories/new/",
        "/jobs/1/",
    ]
    look(page, "newcomer-first-archive")

    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("'photos' has a good backup from the last 24 hours.")
    expect(page.get_by_role("link", name="Save the emergency kit of photos")).to_be_visible()
    look(page, "newcomer-overview")
