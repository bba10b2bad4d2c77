"""From nothing to the first archive, in a browser: on this machine, over SSH, and with a repository of borg alone."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from backups import ssh
from backups.models import BackupJob, Repository
from tests import sshd
from tests.sshd import HOST, Sshd

Look = Callable[[Page, str], None]
Axe = Callable[[Page], None]

PATIENCE = 60_000  # ms: borg and ssh answer when they answer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with sshd.running(tmp_path / "sshd") as running:
        yield running


def fill(page: Page, name: str, source: Path, folder: str) -> None:
    page.locator("#id_name").fill(name)
    page.locator("#id_folder").fill(folder)
    page.locator("#id_source_paths").fill(str(source))


def create(page: Page) -> None:
    page.get_by_role("button", name="Create and back up now").last.click()


# --- on this machine --------------------------------------------------------------------------------------------------
def test_from_an_empty_overview_to_the_first_archive(
    page: Page, run_queued: Callable[[], BackupJob], source: Path, tmp_path: Path, look: Look, axe: Axe
) -> None:
    page.goto("/")  # the first screen
    page.locator("main").get_by_role("link", name="Add").first.click()
    expect(page).to_have_url("/repositories/new/")  # the second
    fill(page, "photos", source, str(tmp_path / "disk" / "photos"))
    page.locator("#id_source_paths").blur()
    expect(page.locator("#sources-seen")).to_contain_text("3 files", timeout=PATIENCE)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".finding")).to_contain_text("No such folder", timeout=PATIENCE)
    page.get_by_role("button", name=f"Make the folder {tmp_path}/disk").click()
    expect(page.locator(".finding")).to_contain_text(
        "Nothing is there yet: a new repository will be made.", timeout=PATIENCE
    )
    axe(page)
    look(page, "repository-new")
    create(page)
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"), timeout=PATIENCE)  # the third
    expect(page.locator("main")).to_contain_text("Made 'photos'. Its first backup is on the way.")
    assert run_queued().data == "good"
    page.goto(f"/repositories/{Repository.objects.get().pk}/archives/")  # the fourth
    expect(page.locator("#archive-list")).to_contain_text("1 archive, the newest first", timeout=PATIENCE)
    expect(page.locator("#archive-list")).to_contain_text("borg photos -- list ::photos-", timeout=PATIENCE)
    axe(page)
    look(page, "repository-archives")


def test_the_kit_is_kept_elsewhere_before_the_list_is_content(
    page: Page, make_repository: Callable[..., Any], look: Look, axe: Axe
) -> None:
    make_repository("photos", real=True, passphrase="correct horse battery")
    page.goto("/repositories/")
    page.get_by_role("link", name="Kit not saved").click()
    expect(page.locator("main")).not_to_contain_text("correct horse battery")
    page.get_by_role("button", name="Show it, to print").click()
    expect(page.locator(".kit")).to_contain_text("correct horse battery", timeout=PATIENCE)
    axe(page)
    look(page, "repository-kit")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as a file").click()
    assert "correct horse battery" in Path(download.value.path()).read_text()
    page.get_by_role("button", name="I have stored it elsewhere").click()
    expect(page.locator("#messages")).to_contain_text("is stored elsewhere", timeout=PATIENCE)
    page.goto("/repositories/")
    expect(page.get_by_role("link", name="Kit not saved")).to_have_count(0)


def test_settings_and_farewell(page: Page, make_repository: Callable[..., Any], look: Look, axe: Axe) -> None:
    repository = make_repository("photos", real=True, passphrase="correct horse battery")
    page.goto(f"/repositories/{repository.pk}/settings/")
    page.get_by_text("Advanced", exact=True).click()
    axe(page)
    look(page, "repository-settings")
    page.get_by_label("Longest interruption").fill("for ever")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("alert")).to_contain_text("Write it like 2 h, 90 min or 45 s.")
    axe(page)
    look(page, "repository-settings-wrong")
    page.get_by_label("Longest interruption").fill("2 h")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#messages")).to_contain_text("Saved.", timeout=PATIENCE)
    page.get_by_role("link", name="Forget photos").click()
    axe(page)
    look(page, "repository-delete")
    page.get_by_label("Its name").fill("photos")
    page.get_by_role("button", name="Forget photos").click()
    expect(page.locator("main")).to_contain_text("'photos' is forgotten here.")
    assert (Path(repository.path) / "config").exists()


# --- over SSH ---------------------------------------------------------------------------------------------------------
@pytest.mark.services
def test_over_ssh_step_by_step(
    page: Page, server: Sshd, run_queued: Callable[[], BackupJob], source: Path, look: Look, axe: Axe
) -> None:
    page.goto("/repositories/new/")
    fill(page, "off-site", source, f"{server.home}/photos")
    over_ssh(page, server)
    tried(page, "Unknown machine", ssh.scan(HOST, server.port).keys[0].fingerprint)
    axe(page)
    look(page, "repository-new-unknown-machine")
    page.get_by_role("button", name="trust this machine").click()
    expect(page.locator(".finding")).to_contain_text("Not let in", timeout=PATIENCE)
    server.let_in(page.locator("#public-key").inner_text())
    tried(page, "Free", "Nothing is there yet")
    create(page)
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"), timeout=PATIENCE)
    assert run_queued().data == "good"

    server.install_again()
    page.goto(f"/repositories/{Repository.objects.get().pk}/settings/")
    tried(page, "The machine shows another key than before", "somebody else may be answering")
    axe(page)
    look(page, "repository-settings-other-key")
    page.get_by_role("button", name="trust the new key").click()
    expect(page.locator(".finding")).to_contain_text("A repository with one archive is there", timeout=PATIENCE)


@pytest.mark.services
def test_over_ssh_what_is_missing_or_wrong_is_said(
    page: Page, server: Sshd, source: Path, tmp_path: Path, look: Look, axe: Axe
) -> None:
    place = server.home / "of another machine"
    by_borg_alone(tmp_path, "init", "--encryption=repokey", str(place))
    by_borg_alone(tmp_path, "create", f"{place}::old", str(source))
    shown = ssh.scan(HOST, server.port).keys
    ssh.trust(HOST, server.port, {key.fingerprint for key in shown})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/repositories/new/")
    fill(page, "off-site", source, str(place))
    over_ssh(page, server)
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    key = page.evaluate("navigator.clipboard.readText()")
    assert key == ssh.public_key()
    server.let_in(key, only_borg=False)
    page.get_by_text("Advanced", exact=True).click()
    page.locator("#id_remote_path").fill("/opt/no/borg")
    tried(page, "No borg over there", "Install borg there, or give its place under Advanced.")
    axe(page)
    look(page, "repository-new-no-borg-there")
    page.locator("#id_remote_path").fill("")
    tried(page, "Another passphrase", "enter the one it was made with")
    create(page)
    expect(page.get_by_role("alert").first).to_contain_text("this passphrase does not open it", timeout=PATIENCE)
    look(page, "repository-new-wrong-passphrase-there")
    page.locator("#id_passphrase").fill("three brown bears")
    tried(page, "A repository with one archive is there")


def over_ssh(page: Page, server: Sshd) -> None:
    page.get_by_label("On another machine, over SSH").check()
    page.locator("#id_host").fill(HOST)
    page.locator("#id_user").fill(server.user)
    page.locator("#id_port").fill(str(server.port))


def tried(page: Page, *words: str) -> None:
    page.get_by_role("button", name="Test", exact=True).click()
    for text in words:
        expect(page.locator(".finding")).to_contain_text(text, timeout=PATIENCE)


# --- a repository that borg made without us ---------------------------------------------------------------------------
@pytest.mark.borg
def test_a_repository_of_borg_alone_is_connected_to(
    page: Page, run_queued: Callable[[], BackupJob], source: Path, tmp_path: Path, look: Look
) -> None:
    place = tmp_path / "borg-alone"
    by_borg_alone(tmp_path, "init", "--encryption=repokey", str(place))
    for number in range(3):
        by_borg_alone(tmp_path, "create", f"{place}::old-{number}", str(source))
    page.goto("/repositories/new/")
    fill(page, "old photos", source, str(place))
    tried(page, "Another passphrase", "enter the one it was made with")
    page.locator("#id_passphrase").fill("three brown bears")
    tried(page, "A repository with 3 archives is there")
    look(page, "repository-new-connect")
    create(page)
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"), timeout=PATIENCE)
    assert run_queued().data == "good"
    page.goto(f"/repositories/{Repository.objects.get().pk}/archives/")
    expect(page.locator("#archive-list")).to_contain_text("4 archives, the newest first", timeout=PATIENCE)


def by_borg_alone(folder: Path, *words: str) -> None:
    program = os.environ.get("BORGUI_BORG") or "borg"
    environment = {**os.environ, "BORG_BASE_DIR": str(folder / "alone"), "BORG_PASSPHRASE": "three brown bears"}
    subprocess.run([program, *words], env=environment, check=True, capture_output=True)


# --- the list ---------------------------------------------------------------------------------------------------------
def test_the_list_is_narrowed_while_one_types(
    page: Page, make_repository: Callable[..., Any], look: Look, axe: Axe
) -> None:
    states = [("success", "good"), ("warning", "good_with_warnings"), ("failure", "none"), ("skipped", None)]
    for number, (status, data) in enumerate(states * 3):
        repository = make_repository(f"{'photos' if number < 6 else 'letters'} {number}", path=f"/srv/borg/{number}")
        history(repository, status, data)
    page.goto("/repositories/")
    axe(page)
    look(page, "repositories")
    page.get_by_label("Name or path").press_sequentially("photos", delay=10)
    expect(page.locator("tbody tr")).to_have_count(6)
    page.get_by_label("Show").select_option("attention")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url("/repositories/?search=photos&show=attention")
    page.get_by_label("Name or path").fill("nonesuch")
    expect(page.locator("#repository-rows")).to_contain_text("No repository matches.")


def history(repository: Repository, status: str, data: str | None) -> None:
    """A fortnight of good backups, and today's."""
    now = timezone.now()
    for days in reversed(range(14)):
        ended = {"status": "success", "data": "good"} if days else {"status": status, "data": data}
        began = now - timedelta(days=days)
        BackupJob.objects.create(
            repository=repository, triggered_by="api", created_at=began, completed_at=began, **ended
        )
    Repository.objects.filter(pk=repository.pk).update(
        last_good_at=now - timedelta(days=status != "success"),
        stats={"repository": {"unique_csize": 123_456_789 * repository.pk}},
    )


# --- without JavaScript -----------------------------------------------------------------------------------------------
def test_everything_works_without_javascript(
    without_javascript: Page, run_queued: Callable[[], BackupJob], source: Path, tmp_path: Path
) -> None:
    page = without_javascript
    page.goto("/repositories/")
    page.get_by_role("link", name="Add repository").click()
    fill(page, "photos", source, str(tmp_path / "photos"))
    tried(page, "Nothing is there yet")
    expect(page.locator("#sources-seen")).to_contain_text("3 files", timeout=PATIENCE)
    expect(page.locator("#id_folder")).to_have_value(str(tmp_path / "photos"))
    page.locator("#id_name").press("Enter")
    expect(page).to_have_url(re.compile(r"/jobs/\d+/$"), timeout=PATIENCE)
    assert run_queued().data == "good"
    page.goto(f"/repositories/{Repository.objects.get().pk}/archives/")
    page.get_by_role("link", name="Show the list").click()
    expect(page.locator("#archive-list")).to_contain_text("1 archive, the newest first", timeout=PATIENCE)
