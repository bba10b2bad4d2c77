"""A real browser on the product: Debian's chromium without a window, the live server, and one person who is signed in.

Every page that a test opens is watched: a console error, an outside request or a page that scrolls sideways fails it.
"""

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from backups.models import BackupJob
from borgui.accounts.models import User
from tests.rest import make_user

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "test-results"  # for people who look at pages: filled where PICTURES=1 is in the environment
# The same engine twice; the whole program also draws windows and menus that nobody sees, which is a third of its work.
CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const isOut = e => e.getBoundingClientRect().left + Math.max(e.scrollWidth, e.offsetWidth) > width + 1;
  const out = [...document.querySelectorAll("main *, header *")].filter(isOut);
  const named = e => e.tagName.toLowerCase() + (e.classList.length ? "." + [...e.classList].join(".") : "");
  return [document.documentElement.scrollWidth - width, out.slice(-5).map(named)];
}"""
THEME_SHOWN = "() => document.documentElement.dataset.bsTheme ?? ''"
OF_COLOURS = ["color-contrast", "link-in-text-block"]
BROKEN_RULES = """async (only) => {
  const asked = only ? {runOnly: {type: "rule", values: only}} : {};
  const {violations} = await axe.run(document, {resultTypes: ["violations"], ...asked});
  return violations.flatMap(rule => rule.nodes.map(node => `${rule.id} at ${node.target}: ${node.failureSummary}`));
}"""
THEMES = ("light", "dark")
PATIENCE = 60_000  # ms that anything may take on a busy machine: borg, ssh, a process of the product, a big page
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser, so it is marked."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@dataclass
class Watch:
    """What must not happen on a page. `expected` are the HTTP errors that the test provokes (422 and 409 are answers),
    `others` the addresses outside that belong to the test."""

    address: str
    others: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=lambda: {409, 422})
    problems: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self.heard)
        context.on("weberror", lambda fault: self.problems.append(f"uncaught: {fault.error}"))
        context.on("request", self.asked)

    def heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self.is_expected(message.text):
            self.problems.append(f"{message.type}: {message.text} ({message.location['url']})")

    def is_expected(self, text: str) -> bool:
        """As the browser and htmx tell of an HTTP error."""
        if text.startswith(("htmx:sendAbort", "htmx:afterRequest")):  # of a question that a newer one replaced
            return True
        told = ("the server responded with a status of {} ", "Response Status Error Code {} ")
        return any(sentence.format(code) in text for sentence in told for code in self.expected)

    def asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, *self.others, "data:", "blob:")):
            self.problems.append(f"outside request: {request.url}")


def once_ready(act: Callable[..., Any]) -> Callable[..., Any]:
    """What a test does to an element waits for the scripts of its page and for htmx to have taken up what it swapped in.

    Before that the form of a button is sent as it is without scripts: right, but another way than the test's.
    """

    @functools.wraps(act)
    def wait_and_act(locator: Locator, *args: Any, **options: Any) -> Any:
        locator.wait_for(state="attached")
        locator.page.wait_for_load_state("domcontentloaded")
        expect(locator.page.locator(".htmx-added")).to_have_count(0)
        return act(locator, *args, **options)

    return wait_and_act


@pytest.fixture(scope="session", autouse=True)
def actions_wait_until_the_page_is_ready() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "check",
            "click",
            "fill",
            "focus",
            "press",
            "select_option",
            "set_input_files",
            "tap",
            "type",
            "uncheck",
        ):
            patch.setattr(Locator, name, once_ready(getattr(Locator, name)))
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    assert finders.find("dist/app.js"), "the assets are missing: run bin/assets"
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def signed_in(transactional_db: None) -> User:
    """The person who is signed in: an administrator."""
    return make_user()


@pytest.fixture
def watch(live_server: Any) -> Iterator[Watch]:
    """Checked at the end of the test; `watch.expected.add(404)` where a test provokes that."""
    watch = Watch(live_server.url)
    yield watch
    assert not watch.problems, "\n".join(watch.problems)


@pytest.fixture
def open_page(browser: Browser, live_server: Any, watch: Watch, data_dir: Path) -> Iterator[Callable[..., Page]]:
    """open_page(user, **options of the context): a watched page, signed in where there is a user."""
    contexts = []

    def make(user: User | None = None, **options: Any) -> Page:
        options = {"viewport": DESK, "reduced_motion": "reduce", "base_url": live_server.url, **options}
        context = browser.new_context(**options)
        contexts.append(context)
        watch.follow(context)
        context.set_default_timeout(PATIENCE)
        if user is not None:
            sign_in(context, user, live_server.url)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def sign_in(context: BrowserContext, user: User, address: str) -> None:
    client = Client(headers={"Host": "localhost"})
    client.force_login(user)
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": address}])


@pytest.fixture
def page(open_page: Callable[..., Page], signed_in: User) -> Page:
    """A page at a desk. Addresses are relative: page.goto("/scripts/")."""
    return open_page(signed_in)


@pytest.fixture
def phone(open_page: Callable[..., Page], signed_in: User) -> Page:
    """A page of 390 px that is touched."""
    return open_page(signed_in, viewport=PHONE, has_touch=True)


@pytest.fixture
def without_javascript(open_page: Callable[..., Page], signed_in: User) -> Page:
    return open_page(signed_in, java_script_enabled=False)


@pytest.fixture
def stranger(open_page: Callable[..., Page]) -> Page:
    """A page on which nobody is signed in."""
    return open_page()


# --- looking at a page in both themes and both widths -----------------------------------------------------------------
def appearances(page: Page) -> Iterator[str]:
    """The page in light and dark, 1280 and 390 px wide; yields the name of each. Then as it was."""
    before = page.viewport_size
    for size in (DESK, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            wait_for_theme(page, theme)
            yield f"{theme}-{size['width']}"
    page.emulate_media(color_scheme="light")
    if before:
        page.set_viewport_size(before)


def wait_for_theme(page: Page, theme: str) -> None:
    """The page hears of it in its own time; a colour on its way to another one has any contrast."""
    for _ in range(100):
        page.evaluate(PAINTED)
        if page.evaluate(THEME_SHOWN) in ("", theme):
            break
    page.evaluate(PAINTED)


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    """Of the whole page, or of what the window shows of it."""
    if os.environ.get("PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


def scrolls_sideways(page: Page, appearance: str) -> list[str]:
    """A line where the page is wider than its window, and what reaches out."""
    wide, culprits = page.evaluate(TOO_WIDE)
    return [f"{appearance}: {page.url} scrolls sideways by {wide} px: {', '.join(culprits)}"] if wide > 0 else []


@pytest.fixture(scope="session")
def look() -> Callable[[Page, str], None]:
    """look(page, "job-failed"): four pictures of the whole page; nothing scrolls sideways."""

    def save(page: Page, name: str) -> None:
        found = []
        for appearance in appearances(page):
            found += scrolls_sideways(page, appearance)
            picture(page, f"{name}-{appearance}")
        assert not found, "\n".join(found)

    return save


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """axe(page): no violation of any rule, in four appearances."""

    def check(page: Page) -> None:
        found = [line for appearance in appearances(page) for line in violations(page, appearance)]
        assert not found, "\n".join([page.url, *found])

    return check


def violations(page: Page, appearance: str) -> list[str]:
    """One line for each element that breaks a rule of axe. The dark has other colours and nothing else, so there only rules
    about colours are asked.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    found = page.evaluate(BROKEN_RULES, OF_COLOURS if appearance.startswith("dark") else None)
    return [f"{appearance}: {line}" for line in found]


@pytest.fixture
def run_queued(installation: Any) -> Callable[[], BackupJob]:
    """The newest job, run by a process of its own as the worker would start it."""

    def run() -> BackupJob:
        job = BackupJob.objects.latest("id")
        installation.manage("run_job", str(job.pk), expect=None)
        job.refresh_from_db()
        return job

    return run
