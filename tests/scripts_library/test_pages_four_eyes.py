"""Four eyes on the pages and in the API: what waits is told everywhere, and another author decides."""

import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backups import four_eyes
from borgui.accounts.models import ApiToken, User
from borgui.accounts.signing_in import STAMP
from scripts_library import approval, library, package
from scripts_library.models import Script
from scripts_library.package import Packed

from .authors import NEW, OLD, author, browser_of, fresh, save
from .stage import PRE, Stage, edit_outside
from .test_pages_scripts import settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def waiting(settings: Any, anna: User, ben: User) -> Script:
    """anna has changed an approved script that a repository uses."""
    script = library.create("Stop it", OLD, source="editor", user=anna)
    Stage().attach(PRE, "Stop it")
    settings.FOUR_EYES = True
    four_eyes.settle()
    return fresh(save(script, NEW, anna))


def page(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.content
    return " ".join(answer.content.decode().split())


def api_of(user: User) -> Client:
    _, secret = ApiToken.make(user, "tests")
    return Client(headers={"Host": "localhost", "Authorization": f"Bearer {secret}"})


def decide(browser: Client, script: Script, **fields: Any) -> Any:
    return browser.post(f"/scripts/{script.pk}/approval/", {"sha256": script.sha256, **fields}, follow=True)


def test_who_wrote_it_sees_that_it_waits_and_who_can_approve_it(waiting: Script, anna: User) -> None:
    browser = browser_of(anna)
    for path in (f"/scripts/{waiting.pk}/", f"/scripts/{waiting.pk}/approval/"):
        shown = page(browser, path)
        assert "You wrote it, or a part of it, so it is for somebody else to approve. ben can." in shown
    assert "Approve this version" not in shown
    assert "Take it back" in shown
    assert "waits for approval" in page(browser, "/scripts/?state=waiting")
    assert "Waits for the approval of another author" in page(browser, "/")
    assert approval.OLDER_RUNS in page(
        browser, f"/repositories/{Script.objects.get().assignments.get().repository_id}/scripts/"
    )
    assert "The newest version waits for approval" not in page(browser, "/scripts/")


def test_another_author_reads_what_changed_and_approves_it(waiting: Script, ben: User) -> None:
    browser = browser_of(ben)
    shown = page(browser, f"/scripts/{waiting.pk}/approval/")
    assert "anna" in shown
    assert "1 line went, 1 came." in shown
    answer = decide(browser, waiting, action="approve")
    assert "Approved: this version of" in answer.content.decode()
    assert approval.state(fresh(waiting)) == "approved"
    assert "approved by ben" in page(browser, f"/scripts/{waiting.pk}/versions/")
    assert "nothing waits" in page(browser, f"/scripts/{waiting.pk}/approval/")


def test_a_version_that_came_in_meanwhile_is_not_approved_by_a_page_that_is_open(
    waiting: Script, anna: User, ben: User
) -> None:
    save(waiting, f"{NEW}echo evil\n", anna)
    answer = decide(browser_of(ben), waiting, action="approve")
    assert "Another version came in meanwhile" in answer.content.decode()
    assert approval.state(fresh(waiting)) == "waiting"


def test_turning_down_needs_a_reason_that_its_writer_reads(waiting: Script, anna: User, ben: User) -> None:
    browser = browser_of(ben)
    answer = decide(browser, waiting, action="turn-down", reason=" ")
    assert answer.status_code == 422
    assert "say why" in answer.content.decode()
    decide(browser, waiting, action="turn-down", reason="<b>wrong</b> container")
    shown = page(browser_of(anna), f"/scripts/{waiting.pk}/versions/")
    assert "turned down by ben: &lt;b&gt;wrong&lt;/b&gt; container" in shown
    assert fresh(waiting).sha256 != waiting.sha256


def test_a_viewer_sees_what_waits_and_who_can_approve_it(waiting: Script) -> None:
    shown = page(browser_of(author("vera", "viewer")), f"/scripts/{waiting.pk}/approval/")
    assert "the right to write and try scripts" in shown
    assert "ben can." in shown
    assert "Turn it down" not in shown


def test_who_is_alone_is_told_that_a_second_author_is_needed(settings: Any) -> None:
    settings.FOUR_EYES = True
    four_eyes.settle()
    Stage()
    browser = browser_of(author("root", "administrator"))
    answer = browser.post("/scripts/new/", {"name": "mine", "content": NEW}, follow=True)
    shown = answer.content.decode()
    assert "It waits for the approval of another author. Before that it does not run" in shown
    assert "four eyes needs a second author" in shown
    assert "Needs a second author" in page(browser, "/")


def test_an_edit_from_outside_is_shown_as_one(waiting: Script, anna: User, ben: User) -> None:
    decide(browser_of(ben), waiting, action="approve")
    edit_outside(waiting, "#!/bin/sh\necho third\n")
    browser = browser_of(anna)
    shown = page(browser, f"/scripts/{waiting.pk}/approval/")
    assert "<span>outside</span>" in shown
    shown = page(browser, f"/scripts/{waiting.pk}/")
    assert "Keep it" not in shown
    answer = decide(browser, fresh(waiting), action="approve")
    assert "Approved" in answer.content.decode()


def test_a_changed_text_is_saved_and_not_tried(waiting: Script, anna: User) -> None:
    browser = browser_of(anna)
    shown = page(browser, f"/scripts/{waiting.pk}/")
    assert "not even to try it" in shown
    sent = {"content": f"{NEW}# more\n", "sha256": waiting.sha256, "hook": "pre-backup", "outcome": "success"}
    answer = browser.post(f"/scripts/{waiting.pk}/try/", sent, follow=True)
    assert "Not tried." in answer.content.decode()
    assert not waiting.executions.exists()
    assert fresh(waiting).sha256 != waiting.sha256


def test_a_sign_in_that_is_long_ago_is_confirmed_first(waiting: Script, ben: User, settings: Any) -> None:
    settings.FRESH_SIGN_IN = 15
    browser = browser_of(ben)
    session = browser.session
    session[STAMP] = time.time() - 3600
    session.save()
    sent = {"sha256": waiting.sha256, "action": "approve"}
    assert browser.post(f"/scripts/{waiting.pk}/approval/", sent).status_code == 401
    by_api = browser.post(f"/api/scripts/{waiting.pk}/approval", sent, content_type="application/json")
    assert by_api.status_code == 403
    assert "fresh sign-in" in by_api.json()["detail"]
    again = browser.post(f"/scripts/{waiting.pk}/approval/", {**sent, "sign-in-password": "long enough"})
    assert again.status_code == 302
    assert approval.state(fresh(waiting)) == "approved"


def test_programs_see_what_runs_and_decide_for_their_account(waiting: Script, anna: User, ben: User) -> None:
    path = f"/api/scripts/{waiting.pk}"
    sent = {"action": "approve", "sha256": waiting.sha256}
    mine, other = api_of(anna), api_of(ben)
    seen = mine.get(path).json()
    assert (seen["approval"], seen["running_sha256"]) == ("waiting", waiting.approved_sha256)
    refused = mine.post(f"{path}/approval", sent, content_type="application/json")
    assert (refused.status_code, "ben can." in refused.json()["detail"]) == (409, True)
    stale = other.post(f"{path}/approval", {**sent, "sha256": "0" * 64}, content_type="application/json")
    assert (stale.status_code, stale.json()["sha256"]) == (409, waiting.sha256)
    empty = other.post(f"{path}/approval", {**sent, "action": "turn_down"}, content_type="application/json")
    assert empty.status_code == 422
    done = other.post(f"{path}/approval", sent, content_type="application/json").json()
    assert (done["approval"], done["running_sha256"]) == ("approved", waiting.sha256)
    newest = other.get(f"{path}/revisions").json()["items"][0]
    assert (newest["decision"], newest["decided_by_user_id"]) == ("approved", ben.pk)


def test_the_list_costs_as_many_queries_with_twenty_scripts_that_wait_as_with_one(
    waiting: Script, anna: User, settings: Any
) -> None:
    browser = browser_of(anna)
    settings.TIME_ZONE_IS_SET = True  # else the answer of the database is kept for half a minute

    def cost() -> int:
        for script in Script.objects.all():
            settle(script)
        with CaptureQueriesContext(connection) as queries:
            page(browser, "/scripts/")
        return len(queries)

    with_one = cost()
    for number in range(20):
        library.create(f"more {number}", f"{NEW}# {number}\n", source="editor", user=anna)
    assert cost() == with_one


def test_what_comes_in_by_a_package_or_from_the_folder_is_told_to_wait(
    waiting: Script, anna: User, settings: Any
) -> None:
    browser = browser_of(anna)
    raw = package.write([Packed("Packed", "#!/bin/sh\necho packed\n")])
    review = browser.post("/scripts/import/", {"package": SimpleUploadedFile("p.tar.gz", raw)})["Location"]
    came = browser.post(review, {"take": "0"}, follow=True).content.decode()
    assert "Nothing runs before it is added to a repository. Each waits for the approval of another author." in came
    (settings.LIBRARY_DIR / "found.sh").write_text("#!/bin/sh\necho found\n")
    found = browser.post("/scripts/register/", follow=True).content.decode()
    assert "Registered: &#x27;found&#x27;. Each waits for the approval of another author." in found
    assert {approval.state(script) for script in Script.objects.all()} == {"waiting"}
