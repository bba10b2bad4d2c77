"""Trying a script beside the editor: saved and run in one step, followed live, stopped, and tried as a pair."""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backups import tasks
from scripts_library import assignments, library
from scripts_library.models import Script, ScriptExecution

PAIR = """\
#!/bin/sh
# /// borgui
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# interrupts = "${SERVICE}"
#
# [[parameters]]
# name = "SERVICE"
# label = "Service"
# default = "Nextcloud"
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
if [ "$HOOK_TYPE" = pre-backup ]; then
    echo "stopped $SERVICE" | tee "$STATE_DIR/down"
else
    echo "starting what was $(cat "$STATE_DIR/down")"
fi
"""
SLOW = 5.0  # seconds from being printed to being read; 1.5 are promised, on a machine that does nothing else
NOTE_DELAYS = """() => {
  window.delays = [];
  const note = (line) => window.delays.push(Date.now() / 1000 - parseFloat(line.textContent.slice(3)));
  const lines = (node) => (node.querySelectorAll ? [...node.querySelectorAll(".said")] : []);
  new MutationObserver((changes) => changes.flatMap((one) => [...one.addedNodes]).flatMap(lines).forEach(note)).observe(
    document.getElementById("try"), { childList: true, subtree: true });
}"""


@pytest.fixture(autouse=True)
def started(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a worker does when it is poked: a process for the test run."""
    children: list[subprocess.Popen[str]] = []

    def start(pk: int) -> None:
        children.append(installation.start("run_script", str(pk), start_new_session=True))

    monkeypatch.setattr(tasks, "start_test", start)
    yield
    for child in children:
        child.communicate(timeout=60)


def make(content: str, name: str = "Stop and start") -> Script:
    return library.create(name, content, source="editor")


def type_at_the_end(page: Page, text: str) -> None:
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_what_is_in_the_editor_is_saved_tried_and_followed_in_one_step(page: Page) -> None:
    script = make("#!/bin/sh\necho one\n")
    page.goto(f"/scripts/{script.pk}/")
    type_at_the_end(page, "echo two; exit 3")
    page.get_by_role("button", name="Save and try").click()
    run = page.locator("#try-run")
    expect(run).to_contain_text("exit code 3", timeout=30_000)
    expect(run.locator(".log .said")).to_have_text(["one", "two"])
    expect(page.locator(".unsaved")).to_have_text("")
    expect(page.locator("#last-tries li")).to_contain_text("failed")
    assert library.store().path(script.file_path).read_text().endswith("echo two; exit 3")

    page.get_by_role("button", name="Save and try").focus()
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_have_text("Saved.")
    assert ScriptExecution.objects.count() == 1, "Ctrl-S saves, whatever has the focus"

    run.get_by_role("link", name="Everything about this run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop and start")


def test_a_pair_says_what_it_stops_and_goes_on_when_told(
    page: Page, make_repository: Callable[..., Any], axe: Callable[[Page], None], look: Callable[[Page, str], None]
) -> None:
    script = make(PAIR)
    photos = make_repository()
    for hook in ("pre-backup", "post-backup"):
        assignments.assign(photos.pk, script, hook, parameters={"SERVICE": "the photo frame"})
    page.goto(f"/scripts/{script.pk}/")
    stops = page.locator("#try-stops")
    expect(stops).to_contain_text("Stops Nextcloud until its second part starts it again.")
    page.get_by_label("With the values of").select_option("photos")
    expect(stops).to_contain_text("Stops the photo frame until")
    page.get_by_text("Values for this try alone").click()
    page.locator("#try").get_by_label("TOKEN").fill("a token nobody sees")
    page.locator("#try").get_by_label("Service").fill("the wiki")
    page.get_by_label("Pause (s)").fill("300")
    expect(stops).to_contain_text("Stops the wiki until")

    page.get_by_role("button", name="Save and try").click()
    expect(page.locator(".countdown")).to_contain_text("4 min", timeout=30_000)
    expect(page.locator("#try").get_by_label("TOKEN")).to_have_value("a token nobody sees")
    look(page, "try-pause")
    axe(page)
    page.evaluate("document.querySelectorAll('[style=\"\"]').forEach((one) => one.removeAttribute('style'))")  # axe's
    page.get_by_role("button", name="Go on now").click()
    expect(page.locator("#last-tries li")).to_contain_text("succeeded", timeout=30_000)
    expect(page.locator("#try-run .log .said")).to_have_text(["stopped the wiki", "starting what was stopped the wiki"])


def test_output_is_there_within_a_moment_and_the_script_can_be_stopped(phone: Page) -> None:
    script = make('#!/bin/sh\nwhile :; do echo "at $(date +%s.%N)"; sleep 0.6; done\n', "Forever")
    phone.goto(f"/scripts/{script.pk}/")
    phone.get_by_role("button", name="Save and try").tap()
    phone.evaluate(NOTE_DELAYS)
    expect(phone.locator("#try-run .log .said").nth(7)).to_be_visible(timeout=30_000)
    delays = phone.evaluate("() => window.delays")
    assert statistics.median(delays) < SLOW, delays
    phone.get_by_role("button", name="Stop", exact=True).tap()
    expect(phone.locator("#last-tries li")).to_contain_text("cancelled", timeout=30_000)


def test_what_is_wrong_in_the_panel_is_told_and_nothing_is_saved_or_run(page: Page) -> None:
    script = make(PAIR)
    page.goto(f"/scripts/{script.pk}/")
    type_at_the_end(page, "# mine")
    page.get_by_label("Pause (s)").fill("9999")
    page.get_by_role("button", name="Save and try").click()
    expect(page.locator("#try-form")).to_contain_text("less than or equal to 600")
    expect(page.locator(".unsaved")).to_have_text("Unsaved changes")
    expect(page.locator(".cm-content")).to_contain_text("# mine")
    assert script.revisions.count() == 1
    assert not ScriptExecution.objects.exists()
    page.get_by_label("Pause (s)").fill("0")
    page.keyboard.press("Enter")
    expect(page.locator("#last-tries li")).to_contain_text("succeeded", timeout=30_000)


def test_a_script_is_tried_without_javascript(without_javascript: Page) -> None:
    page = without_javascript
    script = make("#!/bin/sh\necho one\n")
    page.goto(f"/scripts/{script.pk}/")
    page.get_by_label("Text").fill('#!/bin/sh\necho "$HOOK_TYPE $BACKUP_STATUS"\n')
    page.get_by_label("Run it as").select_option("after the backup")
    page.get_by_label("The backup was").select_option("failed")
    page.get_by_role("button", name="Save and try").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop and start")
    row = ScriptExecution.objects.get()
    for _ in range(100):
        row.refresh_from_db()
        if row.is_over:
            break
        time.sleep(0.2)
    page.reload()
    expect(page.locator("#output .said")).to_have_text("post-backup failure")
