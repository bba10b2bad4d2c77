"""The scripts pages in a browser: the editor by keyboard alone, two people, and everything without JavaScript."""

import re
from collections.abc import Callable

from django.conf import settings
from playwright.sync_api import Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from borgui.accounts.models import User
from scripts_library import assignments, library
from scripts_library.models import Script, ScriptExecution

from .conftest import Watch, sign_in

STOP = """\
#!/usr/bin/env bash
# /// borgui
# name = "Containers: stop"
# description = "Stops containers before the backup."
# hooks = ["pre-backup"]
# timeout = 120
#
# [[parameters]]
# name = "CONTAINERS"
# label = "Containers"
# help = "Names, separated by spaces"
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
set -euo pipefail

for name in $CONTAINERS; do
    docker stop "$name" >/dev/null  # one after another
done
"""


def make(name: str | None = None, content: str = STOP) -> Script:
    return library.create(name, content, source="editor")


def text_of(script: Script) -> str:
    return library.store().path(Script.objects.get(pk=script.pk).file_path).read_text()


def test_a_script_is_made_and_changed_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/scripts/new/")
    page.get_by_label("Name").focus()
    page.keyboard.type("Ping")
    page.keyboard.press("Tab")
    expect(page.locator(".cm-content")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("#!/usr/bin/env python3\nprint('one')")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", name="Ping")).to_be_visible()
    script = Script.objects.get()

    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nprint('two')")
    expect(page.locator(".unsaved")).to_have_text("Unsaved changes")
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_have_text("Saved.")
    expect(page.locator(".unsaved")).to_have_text("")
    expect(page.locator(".cm-content")).to_be_focused()
    assert text_of(script) == "#!/usr/bin/env python3\nprint('one')\nprint('two')"

    page.keyboard.type("\nprint('three')")
    page.keyboard.press("Control+s")
    expect(page.locator("#versions-title ~ ul li")).to_have_count(3)
    page.keyboard.press("Control+z")
    expect(page.locator(".cm-content")).not_to_contain_text("three")


def test_the_editor_is_no_trap_and_has_what_an_editor_has(page: Page) -> None:
    script = make()
    page.goto(f"/scripts/{script.pk}/")
    content = page.locator(".cm-content")
    expect(content).to_have_attribute("aria-label", "Text")
    expect(page.locator(".cm-lineNumbers")).to_contain_text("20")
    assert page.locator(".cm-line span[class]").count() > 10, "nothing is highlighted"

    content.click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(page.locator(".cm-line").first).to_have_text(re.compile(r"^    #!"))
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+End")
    page.keyboard.type("one one one")
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("Control+d")
    page.keyboard.type("two")
    expect(page.locator(".cm-line").last).to_have_text("two two two")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(content).not_to_be_focused()


def test_search_and_replace(page: Page) -> None:
    script = make()
    page.goto(f"/scripts/{script.pk}/")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+f")
    page.get_by_role("textbox", name="Find").fill("docker")
    page.get_by_role("textbox", name="Replace").fill("podman")
    page.get_by_role("button", name="replace all").click()
    page.get_by_role("button", name="close").click()
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_have_text("Saved.")
    assert "podman stop" in text_of(script)


def test_of_two_people_the_second_sees_both_versions_and_chooses(
    page: Page, open_page: Callable[..., Page], axe: Callable[[Page], None]
) -> None:
    script = make()
    ben = open_page(User.objects.create_superuser(username="ben", password="long enough"))
    for one, words in ((page, "mine"), (ben, "of ben")):
        one.goto(f"/scripts/{script.pk}/")
        one.locator(".cm-content").click()
        one.keyboard.press("Control+End")
        one.keyboard.type(f"echo {words}")
    ben.keyboard.press("Control+s")
    expect(ben.locator("#messages")).to_have_text("Saved.")

    page.keyboard.press("Control+s")
    conflict = page.locator("#script-state")
    expect(conflict.get_by_role("heading")).to_have_text("Somebody else has changed this script meanwhile.")
    expect(conflict.locator("tr.changed .text.before")).to_have_text("echo of ben")
    expect(conflict.locator("tr.changed .text.after")).to_have_text("echo mine")
    expect(page.locator(".unsaved")).to_have_text("Unsaved changes")
    axe(page)
    page.evaluate("document.querySelectorAll('[style=\"\"]').forEach((one) => one.removeAttribute('style'))")  # axe's
    assert text_of(script).endswith("echo of ben")

    page.get_by_role("button", name="Save mine over it").click()
    expect(page.locator("#messages")).to_have_text("Saved.")
    expect(conflict.get_by_role("heading")).to_have_count(0)
    assert text_of(script).endswith("echo mine")
    assert script.revisions.count() == 3


def test_what_is_wrong_with_the_block_is_told_and_leaving_unsaved_asks(page: Page) -> None:
    asked: list[str] = []
    script = make()
    page.goto(f"/scripts/{script.pk}/")
    page.locator(".cm-line", has_text="timeout = 120").click()
    page.keyboard.press("End")
    page.keyboard.type("s")
    page.keyboard.press("Control+s")
    expect(page.locator("#content-error")).to_contain_text("line 6")
    expect(page.locator(".cm-content")).to_contain_text("120s")

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", stay)
    page.get_by_role("link", name="Overview").click(no_wait_after=True)
    expect(page.locator(".cm-content")).to_contain_text("120s")
    assert asked == ["beforeunload"]

    page.locator(".cm-content").focus()
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+s")
    expect(page.locator(".unsaved")).to_have_text("")
    page.get_by_role("link", name="Scripts", exact=True).first.click()
    expect(page.get_by_role("heading", name="Scripts", level=1)).to_be_visible()


def test_text_outlives_a_session_that_ended_and_a_fresh_sign_in(
    page: Page, signed_in: User, live_server: LiveServer, watch: Watch
) -> None:
    watch.expected.add(401)
    script = make()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"/scripts/{script.pk}/")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("echo not lost")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.keyboard.press("Control+s")
    expect(page.locator(".unsaved")).to_have_text("Unsaved changes")
    page.wait_for_timeout(600)

    sign_in(page.context, signed_in, live_server.url)
    page.reload()
    page.get_by_role("button", name="Bring it back").click()
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_have_text("Saved.")
    assert text_of(script).endswith("echo not lost")
    page.reload()
    expect(page.get_by_role("button", name="Bring it back")).to_be_hidden()


def test_everything_works_without_javascript(without_javascript: Page) -> None:
    page = without_javascript
    page.goto("/scripts/new/")
    page.get_by_label("Name").fill("Plain")
    page.get_by_label("Text", exact=True).fill("#!/bin/sh\necho one\n")
    page.get_by_role("button", name="Create script").click()
    page.get_by_label("Text", exact=True).fill("#!/bin/sh\necho two\n")
    page.get_by_label("Time limit").fill("60")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#messages")).to_have_text("Saved.")
    script = Script.objects.get()
    assert (text_of(script), script.timeout) == ("#!/bin/sh\necho two\n", 60)

    page.locator("#versions-title ~ ul li a").last.click()
    page.get_by_role("button", name="Make this the current version").click()
    assert text_of(script) == "#!/bin/sh\necho one\n"
    page.get_by_role("link", name="Delete this script").click()
    page.get_by_label("Type its name").fill("Plain")
    page.get_by_role("button", name="Delete the script").click()
    expect(page.locator("#messages")).to_contain_text("'Plain' is deleted")


def test_how_the_pages_look(
    page: Page,
    make_repository: Callable[..., object],
    look: Callable[[Page, str], None],
    axe: Callable[[Page], None],
) -> None:
    script, repository = make(), make_repository("nextcloud")
    make("Ping monitor", "#!/bin/sh\ncurl -fsS https://ping.example.org/ >/dev/null\n")
    gone = make("Start containers", "#!/bin/sh\n# /// borgui\n# hooks = ['post-backup']\n# run_on = 'always'\n# ///\n")
    assignments.assign(repository.pk, script, "pre-backup")  # type: ignore[attr-defined]
    assignments.assign(repository.pk, gone, "post-backup")  # type: ignore[attr-defined]
    for status in ("succeeded", "failed", "timed_out"):
        run(script, repository, status)
    library.store().path(gone.file_path).unlink()
    library.store().path(script.file_path).write_text(STOP.replace("docker", "podman").replace("120", "90"))
    (library.store().folder / "dump.sh").write_text("#!/bin/sh\npg_dump\n")

    pages = {
        "script-changed": f"/scripts/{script.pk}/",
        "scripts-list": "/scripts/",
        "script-version": f"/scripts/{script.pk}/versions/{script.sha256}/",
    }
    for name, path in pages.items():
        page.goto(path)
        if name == "script-changed":
            page.get_by_text("Show what changed").click()
        look(page, name)
        axe(page)


def run(script: Script, repository: object, status: str) -> None:
    ScriptExecution.objects.create(
        script=script,
        script_name=script.name,
        repository=repository,
        hook_type="pre-backup",
        status=status,
        started_at=script.created_at,
        execution_time=12.3,
        timeout=120,
        triggered_by="api",
    )


def test_the_list_is_narrowed_while_one_types(page: Page) -> None:
    make("Alpha", "#!/bin/sh\necho alpha\n")
    make("Beta", "#!/bin/sh\necho beta\n")
    page.goto("/scripts/")
    page.get_by_label("Search").fill("alph")
    expect(page.get_by_role("link", name="Beta")).to_have_count(0)
    expect(page.get_by_role("link", name="Alpha")).to_be_visible()
    expect(page).to_have_url(re.compile(r"search=alph"))
