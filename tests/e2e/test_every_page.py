"""Every page there is, as everybody meets it: light and dark, at a desk, on a phone, at 400 % zoom, without script.

A page that is added later fails `test_every_address_is_told_apart` until PAGES or NO_PAGES names it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Page, expect

from backups.models import Channel, ScheduledJob
from borgui.accounts.models import ApiToken, Passkey, User
from scripts_library import assignments, gallery, library, owners, package, uploads
from scripts_library.models import Script
from scripts_library.package import Packed
from tests.backups import scenes, window_scenes

from . import world
from .conftest import DESK, PAINTED, PHONE, THEMES, picture, scrolls_sideways, violations, wait_for_theme

# The URL name, then what stands in the address: the name of a number in `numbers`, or the word itself.
PAGES = [
    ("start",),
    ("activity",),
    ("change-password",),
    ("repositories",),
    ("repository-new",),
    ("inline-texts",),
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
    ("import",),
    ("schedules",),
    ("schedule-new",),
    ("schedule", "schedule"),
    ("schedule-delete", "schedule"),
    ("windows",),
    ("window-new",),
    ("window", "window"),
    ("window-scripts", "window"),
    ("window-script-new", "window", "pre-backup"),
    ("window-script", "window", "window script"),
    ("window-settings", "window"),
    ("window-delete", "window"),
    ("window-run", "open window"),
    ("window-run", "closed window"),
    ("settings",),
    ("account",),
    ("second-factor",),
    ("passkeys",),
    ("passkey", "passkey"),
    ("people",),
    ("people-new",),
    ("person", "person"),
    ("audit",),
    ("notifications",),
    ("channel-new",),
    ("channel", "channel"),
    ("channel-delete", "channel"),
    ("tokens",),
    ("token-new",),
    ("token-revoke", "token"),
    ("scripts",),
    ("script-new",),
    ("scripts-export",),
    ("scripts-import",),
    ("scripts-review", "package"),
    ("scripts-review-text", "package", 0),
    ("script", "script"),
    ("script-revision", "script", "revision"),
    ("script-history", "script"),
    ("script-delete", "script"),
    ("script", "outdated"),
    ("script-upgrade", "outdated"),
    ("script-upgrade", "script"),
    ("templates",),
    ("template", "shipped template"),
    ("template", "own template"),
    ("template-script", "shipped template"),
    ("template-script", "own template"),
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
    "audit-export": FILE,
    "account-confirm": POST,
    "sign-out-everywhere": POST,
    "person-link": POST,
    "person-switch": POST,
    "person-sign-out": POST,
    "person-second-factor": POST,
    "session-end": POST,
    "passkey-sign-in": "a POST only: test_passkeys.py",
    "passkey-question": FILE,
    "passkey-offer": FILE,
    "passkey-remove": POST,
    "account-confirm-passkey": POST,
    "second-factor-codes": "a POST only: test_second_factor.py",
    "second-factor-codes-file": FILE,
    "second-factor-off": POST,
    "sign-in-code": "for strangers: test_second_factor.py",
    "welcome": STRANGERS,
    "kit-download": FILE,
    "job-log-file": FILE,
    "execution-log": FILE,
    "activity-older": PIECE,
    "cron-reading": PIECE,
    "retention-preview": PIECE,
    "activity-news": PIECE,
    "theme": POST,
    "oidc-sign-in": "a POST only: test_single_sign_on.py",
    "oidc-back": "for strangers: test_single_sign_on.py",
    "oidc-done": "test_single_sign_on.py",
    "oidc-welcome": POST,
    "oidc-connect": POST,
    "oidc-confirm": POST,
    "oidc-disconnect": POST,
    "person-oidc": POST,
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
    "windows-dismiss": POST,
    "window-open": POST,
    "window-pause": POST,
    "window-resume": POST,
    "window-script-picker": PIECE,
    "window-script-order": POST,
    "window-script-drop": POST,
    "window-script-run": POST,
    "window-script-move": POST,
    "window-script-switch": POST,
    "window-script-remove": POST,
    "run-progress": PIECE,
    "run-cancel": POST,
    "run-post-scripts": POST,
    "sign-out": POST,
    "overview-backup": POST,
    "kit-saved": POST,
    "repository-backup": POST,
    "repository-break-lock": POST,
    "job-cancel": POST,
    "job-post-backup": POST,
    "promise-close": POST,
    "scripts-register": POST,
    "scripts-import-cancel": POST,
    "script-drift": POST,
    "script-merge": POST,
    "script-offer": POST,
    "template-duplicate": POST,
    "script-difference": "two versions are chosen first: test_history.py",
    "script-restore": POST,
    "script-approval": "what waits is there with four eyes on: test_four_eyes.py",
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
    offered = library.create("My own <b>", "#!/bin/sh\n", source="editor", is_template=True)
    window = window_scenes.make_window("Night <b>", [repository])
    inside = assignments.assign(owners.window(window.pk), assignment.script, "post-backup", custom_run_on="always")
    return {
        "window": window.pk,
        "window script": inside.pk,
        "closed window": window_scenes.broken(window, [repository]).pk,
        "open window": window_scenes.queued(window, [repository]).pk,
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
        "package": package_with(assignment.script, signed_in),
        "shipped template": gallery.shipped()[0].stem,
        "own template": f"own-{offered.pk}",
        "token": ApiToken.make(signed_in, "Monitor <b>")[0].pk,
        "outdated": world.outdated_script().pk,
        "person": signed_in.pk,
        "passkey": Passkey.objects.create(user=signed_in, name="Phone <b>", rp_id="backup.example").pk,
    }


def package_with(script: Script, sender: User) -> str:
    """The name of a package that waits: one script that is here, one whose name is taken, one that is new."""
    texts = {script.name: "rm -rf $X/\n", "Here": "exit 0\n", "New": "# " + "long " * 5000}
    library.create("Here", texts["Here"], source="editor")
    return uploads.keep(package.write(Packed(name, text) for name, text in texts.items()), sender.pk)


def addresses(numbers: dict[str, Any]) -> dict[str, str]:
    """By the name of its picture."""
    made = {}
    for name, *words in PAGES:
        made["-".join([name, *map(str, words)]).replace(" ", "-")] = reverse(
            name, args=[numbers.get(word, word) for word in words]
        )
    return made


# --- what must be true of every page ----------------------------------------------------------------------------------
def faults(page: Page, name: str, address: str) -> Iterator[str]:
    """What is wrong with one page; with a picture of each theme and width."""
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.goto(address)
    yield from page.evaluate(TOLD)
    for size in (DESK, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        yield from scrolls_sideways(page, f"{size['width']}")
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            wait_for_theme(page, theme)
            assert page.locator("html").get_attribute("data-bs-theme") == theme
            appearance = f"{theme}-{size['width']}"
            picture(page, f"page-{name}-{appearance}", whole=False)
            yield from violations(page, appearance)
    page.set_viewport_size(ZOOMED)  # type: ignore[arg-type]
    page.evaluate(PAINTED)
    yield from scrolls_sideways(page, f"{ZOOMED['width']}")


@pytest.mark.parametrize("half", [0, 1])
def test_every_page_is_fit_for_everybody(page: Page, numbers: dict[str, Any], half: int) -> None:
    """In two halves, for the processes that the tests run in."""
    some = list(addresses(numbers).items())[half::2]
    found = [f"{address}: {fault}" for name, address in some for fault in faults(page, name, address)]
    assert not found, "\n".join(found)


def test_pages_of_strangers_are_fit_for_everybody(stranger: Page, watch: Any, signed_in: User) -> None:
    watch.expected.add(404)
    found = [*faults(stranger, "sign-in", "/sign-in/"), *faults(stranger, "not-found", "/nothing/here/")]
    assert not found, "\n".join(found)


def test_every_page_is_there_without_script(without_javascript: Page, numbers: dict[str, Any]) -> None:
    page = without_javascript
    for address in addresses(numbers).values():
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("main")).not_to_have_class("plain")  # as error pages are
