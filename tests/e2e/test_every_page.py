"""Every page there is, as everybody meets it: light and dark, at a desk, on a phone, at 400 % zoom, without script.

A page that is added later fails `test_every_address_is_told_apart` until PAGES or NO_PAGES names it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Page, expect

from backups.models import Channel, ScheduledJob
from borgui.accounts.models import User
from tests.backups import scenes

from . import world
from .conftest import DESK, PAINTED, PHONE, PICTURES, THEMES, scrolls_sideways

# The URL name, then what stands in the address: the name of a number in `numbers`, or the word itself.
PAGES = [
    ("start",),
    ("activity",),
    ("change-password",),
    ("repositories",),
    ("repository-new",),
    ("repository", "repository"),
    ("repository", "never backed up"),
    ("repository-scripts", "repository"),
    ("repository-scripts", "never backed up"),
    ("assignment-new", "repository", "pre-backup"),
    ("assignment", "repository", "assignment"),
    ("assignments-copy", "repository"),
    ("repository-archives", "repository"),
    ("repository-schedule", "repository"),
    ("repository-schedule", "never backed up"),
    ("repository-protect", "repository"),
    ("repository-settings", "repository"),
    ("repository-kit", "repository"),
    ("repository-delete", "repository"),
    ("job", "queued job"),
    ("job", "running job"),
    ("job", "job"),
    ("execution", "execution"),
    ("schedules",),
    ("schedule-new",),
    ("schedule", "schedule"),
    ("schedule-delete", "schedule"),
    ("settings",),
    ("notifications",),
    ("channel-new",),
    ("channel", "channel"),
    ("channel-delete", "channel"),
    ("scripts",),
    ("script-new",),
    ("script", "script"),
    ("script-revision", "script", "revision"),
    ("script-history", "script"),
    ("script-delete", "script"),
]
PIECE, FILE, POST = "a piece of a page", "for programs, or a file", "a POST only"
STRANGERS = "for strangers: below and in test_shell.py"
NO_PAGES = {
    "overview-running": PIECE,
    "sources-seen": PIECE,
    "archive-list": PIECE,
    "job-progress": PIECE,
    "job-tail": PIECE,
    "execution-tail": PIECE,
    "health": FILE,
    "kit-download": FILE,
    "job-log-file": FILE,
    "execution-log": FILE,
    "activity-older": PIECE,
    "cron-reading": PIECE,
    "retention-preview": PIECE,
    "activity-news": PIECE,
    "theme": POST,
    "retention-save": POST,
    "retention-confirm": POST,
    "repository-schedule-add": POST,
    "pause-all": POST,
    "resume-all": POST,
    "schedule-pause": POST,
    "schedule-resume": POST,
    "schedule-run": POST,
    "channel-test": POST,
    "inline-move": POST,
    "job-seen": POST,
    "sign-out": POST,
    "overview-backup": POST,
    "kit-saved": POST,
    "repository-backup": POST,
    "repository-break-lock": POST,
    "job-cancel": POST,
    "job-post-backup": POST,
    "promise-close": POST,
    "scripts-register": POST,
    "script-drift": POST,
    "script-merge": POST,
    "script-difference": "two versions are chosen first: test_history.py",
    "script-restore": POST,
    "script-picker": PIECE,
    "script-lint": PIECE,
    "script-block": PIECE,
    "try-stops": PIECE,
    "try-tail": PIECE,
    "script-try": POST,
    "try-go-on": POST,
    "assignment-order": POST,
    "assignment-drop": POST,
    "assignment-run": POST,
    "assignment-move": POST,
    "assignment-switch": POST,
    "assignment-remove": POST,
    "execution-cancel": POST,
    "execution-again": POST,
    "sign-in": STRANGERS,
    "setup-without-link": STRANGERS,
    "setup": STRANGERS,
}
ELSEWHERE = ("admin", "api")  # pages of Django and of Ninja

TOLD = """() => [
  document.querySelectorAll("h1").length === 1 ? "" : "not exactly one h1",
  document.title.includes(" · ") ? "" : `no title that says state and name: ${document.title}`,
  [...document.querySelectorAll("main .btn-primary")].filter(b => b.checkVisibility()).length > 1
    ? "more than one filled button" : "",
].filter(Boolean)"""
OF_COLOURS = ["color-contrast", "link-in-text-block"]
BROKEN_RULES = """async (only) => (await axe.run(document, only ? {runOnly: {type: "rule", values: only}} : {})).violations
  .flatMap(rule => rule.nodes.map(node => `${rule.id} at ${node.target}: ${node.any.map(check => check.message)}`))"""
ZOOMED = {"width": 320, "height": 640}  # 1280 px at 400 %


def names(patterns: Any = None) -> Iterator[str]:
    """Of everything that can be asked for, apart from what is ELSEWHERE."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(entry, URLResolver) and entry.namespace not in ELSEWHERE:
            yield from names(entry.url_patterns)
        elif isinstance(entry, URLPattern) and entry.name:
            yield entry.name


def test_every_address_is_told_apart() -> None:
    known = {name for name, *_ in PAGES} | set(NO_PAGES)
    assert set(names()) - known == set(), "give a new page a line in PAGES, or say in NO_PAGES why it is none"
    assert known - set(names()) == set(), "is gone"


# --- the world --------------------------------------------------------------------------------------------------------
@pytest.fixture
def numbers(signed_in: User, make_repository: Callable[..., Any], attach: Callable[..., Any]) -> dict[str, Any]:
    """A busy installation with a broken promise; by name, what the addresses of PAGES need."""
    world.busy_installation(make_repository)
    repository = make_repository("cloud <b>", passphrase="a secret phrase", post_backup_script="echo the old way\n")
    job = scenes.broken_promise(repository)
    for name in ("Stop Nextcloud", "Dump PostgreSQL"):
        attach(repository, "pre-backup", name, on_failure="skip")
    assignment = attach(repository, "post-backup", "Start Nextcloud", "echo started", run_on="always")
    schedule = ScheduledJob.objects.create(name="Every night", cron_expression="17 2 * * *", timezone="UTC")
    schedule.members.create(repository=repository, position=1)
    return {
        "repository": repository.pk,
        "schedule": schedule.pk,
        "channel": Channel.objects.create(name="Mail", kind="E-Mail", url="mailto://example.org", enabled=False).pk,
        "never backed up": make_repository("empty").pk,
        "queued job": scenes.queued(repository).pk,
        "running job": scenes.running_borg(make_repository("mail archive")).pk,
        "job": job.pk,
        "execution": job.executions.last().pk,
        "script": assignment.script_id,
        "revision": assignment.script.sha256,
        "assignment": assignment.pk,
    }


def addresses(numbers: dict[str, Any]) -> dict[str, str]:
    """By the name of its picture."""
    made = {}
    for name, *words in PAGES:
        made["-".join([name, *words]).replace(" ", "-")] = reverse(
            name, args=[numbers.get(word, word) for word in words]
        )
    return made


# --- what must be true of every page ----------------------------------------------------------------------------------
def violations(page: Page, theme: str) -> list[str]:
    """All rules of axe in the light; the dark only has other colours, so there only those rules that are about them."""
    found: list[str] = page.evaluate(BROKEN_RULES, OF_COLOURS if theme == "dark" else None)
    return found


def faults(page: Page, name: str, address: str, theme: str) -> Iterator[str]:
    """What is wrong with one page in one theme; leaves a picture for each width."""
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.goto(address)
    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    assert page.locator("html").get_attribute("data-bs-theme") == theme
    yield from page.evaluate(TOLD)
    for size in (DESK, PHONE, ZOOMED):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.evaluate(PAINTED)
        appearance = f"{theme}-{size['width']}"
        yield from scrolls_sideways(page, appearance)
        if size is not ZOOMED:
            page.screenshot(path=PICTURES / f"page-{name}-{appearance}.png")
            yield from (f"{appearance}: {fault}" for fault in violations(page, theme))


def in_theme(page: Page, theme: str, address: str) -> None:
    page.context.add_cookies([{"name": "theme", "value": theme, "url": address}])


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_is_fit_for_everybody(page: Page, numbers: dict[str, Any], live_server: Any, theme: str) -> None:
    in_theme(page, theme, live_server.url)
    found = [
        f"{address}: {fault}"
        for name, address in addresses(numbers).items()
        for fault in faults(page, name, address, theme)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", THEMES)
def test_pages_of_strangers_are_fit_for_everybody(
    stranger: Page, watch: Any, signed_in: User, live_server: Any, theme: str
) -> None:
    watch.expected.add(404)
    in_theme(stranger, theme, live_server.url)
    found = [*faults(stranger, "sign-in", "/sign-in/", theme), *faults(stranger, "not-found", "/nothing/here/", theme)]
    assert not found, "\n".join(found)


def test_every_page_is_there_without_script(without_javascript: Page, numbers: dict[str, Any]) -> None:
    page = without_javascript
    for address in addresses(numbers).values():
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("main")).not_to_have_class("plain")  # as error pages are
