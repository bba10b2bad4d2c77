"""Pages of jobs, executions and the scripts of a repository in a real browser; backups that really run, watched live."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backups.models import BackupJob, Repository
from scripts_library.models import RepositoryScript
from tests.backups import scenes
from tests.e2e.conftest import appearances, picture, scrolls_sideways, violations


@pytest.fixture
def run_job(installation: Any) -> Iterator[Callable[[BackupJob], Any]]:
    """The process of a job, as the worker starts it; ended with the test."""
    started = []

    def start(job: BackupJob) -> Any:
        started.append(installation.start("run_job", str(job.pk)))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture
def gate(tmp_path: Any) -> Callable[[str], tuple[str, Callable[[], None]]]:
    """gate("a"): the shell command that waits, and what lets it go on."""

    def make(name: str) -> tuple[str, Callable[[], None]]:
        path = tmp_path / f"gate-{name}"
        return f"while [ ! -e {path} ]; do sleep 0.1; done", path.touch

    return make


# --- real backups -----------------------------------------------------------------------------------------------------
@pytest.mark.borg
def test_a_backup_is_watched_live_from_the_button_to_its_end(
    page: Page, make_repository: Any, attach: Any, run_job: Any, gate: Any
) -> None:
    photos = make_repository(real=True)
    wait_before, go_before = gate("before")
    wait_after, go_after = gate("after")
    interrupts = '# /// borgui\n# interrupts = "Nextcloud"\n# ///\n'
    attach(
        photos,
        "pre-backup",
        "Stop Nextcloud",
        f"{interrupts}echo stopping\n{wait_before}\necho stopped",
        run_on="always",
    )
    attach(photos, "post-backup", "Start Nextcloud", f"{interrupts}echo starting\n{wait_after}", run_on="always")
    page.goto(f"/repositories/{photos.pk}/")
    expect(page.get_by_text("Stops meanwhile: Nextcloud")).to_be_visible()
    page.get_by_role("button", name="Back up now").click()
    expect(page.get_by_text("Nothing has been stopped yet.")).to_be_visible()
    run_job(BackupJob.objects.get())
    expect(page.get_by_text("stopping", exact=True)).to_be_visible()
    expect(page.get_by_text("Nextcloud is stopped for this backup.")).to_be_visible()
    page.get_by_role("button", name="Cancel").focus()
    go_before()
    expect(page.get_by_text("stopped", exact=True)).to_be_visible()
    expect(page.get_by_text("starting", exact=True)).to_be_visible()
    expect(page.get_by_text("Saved: archive photos-")).to_be_visible()
    go_after()
    expect(page.locator("#job-progress")).to_contain_text("Running again after")
    expect(page).to_have_title("backed up · photos · " + page.title().rpartition(" · ")[2])
    expect(page.get_by_role("heading", name="What was stored")).to_be_visible()
    expect(page.get_by_role("button", name="Back up again")).to_be_visible()
    expect(page.locator("#job-tail")).not_to_have_attribute("hx-get", re.compile(""))  # it has looked for the last time


@pytest.mark.borg
def test_a_running_backup_is_cancelled_and_what_was_stopped_starts_again(
    page: Page, make_repository: Any, attach: Any, run_job: Any, gate: Any
) -> None:
    photos = make_repository(real=True)
    wait, _ = gate("never")
    attach(photos, "pre-backup", "Stop it", f"echo waiting\n{wait}")
    attach(photos, "post-backup", "Start it", "echo started again", run_on="always")
    page.goto(f"/repositories/{photos.pk}/")
    page.get_by_role("button", name="Back up now").click()
    run_job(BackupJob.objects.get())
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#job-progress")).to_contain_text("Stopped by anna at")
    expect(page.locator("#job-progress")).to_contain_text("No archive was made.")
    assert BackupJob.objects.get().executions.get(script_name="Start it").status == "succeeded"


@pytest.mark.borg
def test_a_broken_promise_is_run_again_from_the_bar_on_every_page(
    page: Page, make_repository: Any, attach: Any, installation: Any, run_job: Any, tmp_path: Any
) -> None:
    photos = make_repository(real=True)
    attach(photos, "post-backup", "Start it", f"echo trying; [ -e {tmp_path}/free ]", run_on="always")
    installation.manage("backup", "photos", expect=4)
    page.goto(f"/repositories/{photos.pk}/scripts/")
    (tmp_path / "free").touch()
    page.locator(".promise").get_by_role("button").click()
    expect(page.get_by_text("The scripts after the backup run again.")).to_be_visible()
    run_job(BackupJob.objects.get())
    expect(page.locator("#promises")).to_contain_text("later good run")
    expect(page.get_by_role("heading", name="Run again")).to_be_visible()


def test_a_script_is_followed_on_its_own_page_and_the_log_can_be_paused(
    page: Page, make_repository: Callable[..., Repository]
) -> None:
    scene = scenes.begin(make_repository())
    row = scene.script("pre-backup", "dump", "running", log="line 1")
    page.goto(f"/executions/{row.pk}/")
    output = page.get_by_role("group", name="Output of dump")
    expect(output).to_contain_text("line 1")
    scenes.write_log("executions", str(row.pk), "\n".join(f"line {number}" for number in range(1, 200)))
    expect(output).to_contain_text("line 199")
    assert output.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 40
    page.get_by_role("button", name="Pause").click()
    row.status, row.execution_time = "succeeded", 2.0
    row.save()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("In 2 s.")).to_be_visible()
    expect(page.get_by_role("button", name="Stop this script")).to_have_count(0)


# --- the scripts of a repository --------------------------------------------------------------------------------------
def test_scripts_are_ordered_by_the_keyboard_and_the_button_keeps_the_focus(
    page: Page, make_repository: Any, attach: Any
) -> None:
    photos = make_repository()
    for name in ("one", "two", "three"):
        attach(photos, "pre-backup", name)
    page.goto(f"/repositories/{photos.pk}/scripts/")
    down = page.get_by_role("button", name="Move 'one' down")
    down.focus()
    for last in ("two", "three"):
        with page.expect_response("**/move/"):
            page.keyboard.press("Enter")
        expect(down).to_be_focused()
        expect(page.locator(".cards h3").nth(["two", "three"].index(last))).to_have_text(last)
    expect(down).to_have_attribute("aria-disabled", "true")
    names = [row.script.name for row in RepositoryScript.objects.chain(photos.pk, "pre-backup")]
    assert names == ["two", "three", "one"]
    page.get_by_role("link", name="failed", exact=True).click()
    expect(page.get_by_role("link", name="failed", exact=True)).to_have_attribute("aria-current", "true")
    assert page.url.endswith("?outcome=failure")
    page.get_by_role("button", name="Switch off 'one'").click()
    expect(page.get_by_text("it is switched off here")).to_be_visible()


def test_a_script_is_added_without_javascript(without_javascript: Page, make_repository: Any, make_script: Any) -> None:
    photos, page = make_repository(), without_javascript
    make_script("start it")
    page.goto(f"/repositories/{photos.pk}/scripts/")
    page.get_by_role("link", name="Add a script after").click()
    page.get_by_role("link", name="Choose 'start it'").click()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose after which backups it runs")
    page.get_by_label("every backup, also failed").check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Runs after every backup.")).to_be_visible()


# --- every state, looked at -------------------------------------------------------------------------------------------
def test_every_state_of_a_job_can_be_looked_at(page: Page, make_repository: Any) -> None:
    """Pictures of all of them; in both themes and both widths no violation of any rule, and nothing scrolls sideways."""
    found = []
    for state, make in scenes.STATES.items():
        page.goto(f"/jobs/{make(make_repository(state)).pk}/")
        for appearance in appearances(page):
            found += scrolls_sideways(page, appearance)
            found += [f"{state}, {line}" for line in violations(page, appearance)]
            picture(page, f"job-{state}-{appearance}")
    assert found == []


def test_a_row_of_the_timeline_leads_to_its_part_of_the_log(page: Page, make_repository: Any) -> None:
    job = scenes.success(make_repository())
    page.goto(f"/jobs/{job.pk}/")
    part = page.get_by_role("group", name="Output of Dump PostgreSQL")
    expect(part).to_be_hidden()
    page.get_by_role("link", name="Dump PostgreSQL", exact=True).click()
    expect(part).to_be_visible()
    shown = "rects => rects.map((rect) => rect.parentNode.getBoundingClientRect().right - rect.getBoundingClientRect().left)"
    assert min(page.locator(".timeline rect[width='3']").evaluate_all(shown)) >= 3


def test_the_other_pages_can_be_looked_at(page: Page, make_repository: Any, attach: Any, look: Any, axe: Any) -> None:
    photos = make_repository(pre_backup_script="echo old", post_backup_script="echo old too")
    block = '# /// borgui\n# run_on = "always"\n# [[parameters]]\n# name = "SERVICE"\n# required = true\n'
    secret = '# [[parameters]]\n# name = "TOKEN"\n# type = "secret"\n# help = "From the web page"\n# ///\n'
    entry = attach(
        photos, "post-backup", "Start Nextcloud", block + secret, parameters={"SERVICE": "x", "TOKEN": "swordfish"}
    )
    attach(photos, "post-backup", "Tell the failure", run_on="failure", enabled=False)
    attach(photos, "post-backup", "Ping")
    for make in (scenes.success, scenes.warning, scenes.failure_before_borg, scenes.running_borg):
        job = make(photos)
    failed = job.executions.model.objects.get(status="failed")
    limit = scenes.begin(photos).script(
        "pre-backup", "Slow dump", "timed_out", 300, error_message="Stopped at its time limit."
    )
    stops = attach(photos, "pre-backup", "Stop Nextcloud", '# /// borgui\n# interrupts = "Nextcloud"\n# ///\n')
    scene = scenes.begin(photos)
    stopped = scene.script("pre-backup", "Stop Nextcloud", script=stops.script, log="stopping\nstopped")
    scene.end(status="success", outcome="success", data="good")
    for name, path in {
        "execution-to-try": f"/executions/{stopped.pk}/",
        "repository-overview": f"/repositories/{photos.pk}/",
        "repository-scripts": f"/repositories/{photos.pk}/scripts/",
        "repository-scripts-failure": f"/repositories/{photos.pk}/scripts/?outcome=failure",
        "assignment": f"/repositories/{photos.pk}/scripts/{entry.pk}/",
        "assignment-pick": f"/repositories/{photos.pk}/scripts/add/pre-backup/",
        "execution-failed": f"/executions/{failed.pk}/",
        "execution-timed-out": f"/executions/{limit.pk}/",
    }.items():
        page.goto(path)
        look(page, name)
        if not name.endswith(("-failure", "-pick", "-out")):
            axe(page)
