"""The pages of maintenance windows: the list, making one, its scripts, its openings, and what people do with it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client

from backups import schedules
from backups.models import MaintenanceWindow, Repository, ScheduledJob, WindowRun
from scripts_library import assignments, owners
from scripts_library.models import RepositoryScript, Script, WindowScript
from tests.rest import make_user

from . import window_scenes

pytestmark = pytest.mark.django_db
STOPS = """# /// borgui
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# interrupts = "Nextcloud"
# ///
exit 0"""
FORM = {"name": "Night", "preset": "17 2 * * *", "timezone": "UTC", "max_parallel": "1", "action": "save"}


@pytest.fixture
def three(make_repository: Callable[..., Repository]) -> list[Repository]:
    return [make_repository(name) for name in ("nextcloud", "photos", "mail")]


@pytest.fixture
def window(three: Sequence[Repository]) -> MaintenanceWindow:
    return window_scenes.make_window(repositories=three)


@pytest.fixture
def stops(make_script: Callable[..., Script]) -> Script:
    return make_script("Stop Nextcloud", STOPS)


def text_of(page: Any) -> str:
    body = page.content.decode().partition("<main")[2] or page.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").split())


def ids(repositories: Sequence[Repository]) -> list[int]:
    return [one.pk for one in repositories]


# --- the list ---------------------------------------------------------------------------------------------------------
def test_without_windows_the_page_says_what_one_is_for(client: Client) -> None:
    assert "A window stops services once and runs several backups inside." in text_of(client.get("/windows/"))


def test_the_list_says_when_each_opens_what_it_stops_and_how_it_went(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository], stops: Script
) -> None:
    assignments.assign(owners.window(window.pk), stops, "pre-backup")
    assert re.search(r"Opens in \d+ (h|min)", text_of(client.get("/windows/")))
    window_scenes.closed(window, three)
    shown = text_of(client.get("/windows/"))
    assert "Closed: 2 of 3 backed up, down 30 min 15 s" in shown
    assert "Nextcloud" in shown
    window_scenes.inside(window, three)
    assert "Open: 1 of 3 backups done, Nextcloud is stopped" in text_of(client.get("/windows/"))


def test_a_list_of_many_asks_no_more_than_one_of_one(
    client: Client, three: Sequence[Repository], stops: Script, django_assert_max_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for number in range(count):
            window = window_scenes.make_window(f"window {count}.{number}", three[:2])
            assignments.assign(owners.window(window.pk), stops, "pre-backup")
            window_scenes.closed(window, three[:2])
            window_scenes.queued(window, three[:2])

    add(1)
    client.get("/windows/")
    with django_assert_max_num_queries(25) as seen:
        client.get("/windows/")
    add(20)
    with django_assert_max_num_queries(len(seen)):
        assert text_of(client.get("/windows/")).count("Closed: 1 of 2 backed up") == 21


# --- making and changing ----------------------------------------------------------------------------------------------
def test_a_window_with_three_jobs_is_made_on_one_page(client: Client, three: Sequence[Repository]) -> None:
    assert "New window" in text_of(client.get("/windows/new/"))
    answer = client.post("/windows/new/", {**FORM, "repositories": ids(three)[:2], "add": three[2].pk})
    window = MaintenanceWindow.objects.get()
    assert answer["Location"] == f"/windows/{window.pk}/"
    assert schedules.members_of(ScheduledJob.objects.get()) == ids(three)
    shown = text_of(client.get(f"/windows/{window.pk}/"))
    assert "No scripts. Nothing is stopped." in shown
    assert "'Night' opens by itself from now on." in shown


def test_nothing_typed_is_lost_where_something_is_wrong(client: Client, three: Sequence[Repository]) -> None:
    wrong = {**FORM, "name": "", "preset": "own", "cron_expression": "99 * * * *", "max_duration": "soon"}
    answer = client.post("/windows/new/", {**wrong, "repositories": ids(three)})
    assert answer.status_code == 422
    body = answer.content.decode()
    assert "99 * * * *" in body
    assert "Write it like 2 h" in body
    assert body.count('name="repositories"') == 3
    assert not MaintenanceWindow.objects.exists()


def test_buttons_of_the_picker_work_with_and_without_htmx(client: Client, three: Sequence[Repository]) -> None:
    typed = {**FORM, "name": "Half", "repositories": ids(three), "action": f"up-{three[2].pk}"}
    page = client.post("/windows/new/", typed)
    assert 'value="Half"' in page.content.decode()
    piece = client.post("/windows/new/", typed, headers={"HX-Request": "true"})
    order = [int(pk) for pk in re.findall(r'name="repositories" value="(\d+)"', piece.content.decode())]
    assert order == [three[0].pk, three[2].pk, three[1].pk]
    assert not MaintenanceWindow.objects.exists()


def test_settings_are_changed_and_the_name_must_be_free(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    window_scenes.make_window("Day")
    address = f"/windows/{window.pk}/settings/"
    changed = {**FORM, "repositories": ids(three)[:1], "max_parallel": "2", "max_duration": "90 min", "catch_up": "0 s"}
    assert client.post(address, changed).status_code == 302
    window.refresh_from_db()
    assert (window.max_parallel, window.max_duration, window.catch_up) == (2, 5400, 0)
    taken = client.post(address, {**changed, "name": "Day"})
    assert taken.status_code == 422
    assert "There is a window named 'Day' already." in text_of(taken)


def test_scheduled_jobs_of_a_program_keep_pages_of_their_own(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    other = schedules.create({"name": "other", "repositories": ids(three)[:1], "maintenance_window_id": window.pk})
    page = client.get(f"/windows/{window.pk}/settings/")
    assert f"/schedules/{other.pk}/" in page.content.decode()
    assert "When the window Night opens, inside it" in text_of(client.get(f"/schedules/{other.pk}/"))
    saved = client.post(f"/schedules/{other.pk}/", {"name": "renamed", "repositories": ids(three), "action": "save"})
    assert saved.status_code == 302
    assert schedules.members_of(other) == ids(three)
    assert client.post(f"/windows/{window.pk}/settings/", FORM).status_code == 302


def test_a_window_is_paused_and_resumed(client: Client, window: MaintenanceWindow) -> None:
    shown = text_of(client.post(f"/windows/{window.pk}/pause/", follow=True))
    assert "Paused: it opens only when somebody opens it" in shown
    assert "Not by itself." in shown
    assert "opens by itself again" in text_of(client.post(f"/windows/{window.pk}/resume/", follow=True))


def test_deleting_names_what_is_no_longer_backed_up(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    schedules.create({"name": "also", "repositories": ids(three)[:1], "cron_expression": "0 3 * * *"})
    shown = text_of(client.get(f"/windows/{window.pk}/delete/"))
    assert "No longer backed up by it: nextcloud, photos, mail." in shown
    assert "Without any other schedule then: photos, mail." in shown
    run = window_scenes.inside(window, three)
    assert "open at the moment" in text_of(client.get(f"/windows/{window.pk}/delete/"))
    assert "open at the moment" in text_of(client.post(f"/windows/{window.pk}/delete/", follow=True))
    WindowRun.objects.filter(pk=run.pk).update(status="success")
    client.post(f"/windows/{window.pk}/delete/")
    assert not MaintenanceWindow.objects.exists()
    assert "Night" in text_of(client.get(f"/windows/runs/{run.pk}/"))


# --- its scripts ------------------------------------------------------------------------------------------------------
def test_its_board_is_that_of_a_repository_in_words_of_a_window(
    client: Client, window: MaintenanceWindow, stops: Script, three: Sequence[Repository]
) -> None:
    base = f"/windows/{window.pk}/scripts/"
    assert "No scripts before the backups. Nothing is stopped." in text_of(client.get(base))
    client.post(f"{base}add/pre-backup/?script={stops.pk}", {"on_failure": "abort"})
    client.post(f"{base}add/post-backup/?script={stops.pk}", {"run_on": ""})
    pre, post = WindowScript.objects.in_order()
    shown = text_of(client.get(base))
    assert "Runs before the backups." in shown
    assert "Runs after the backups, whatever became of them." in shown
    assert "nextcloud" in shown
    client.post(f"{base}{pre.pk}/switch/", {"enabled": "false"})
    client.post(f"{base}{post.pk}/", {"run_on": "", "timeout": "77", "enabled": "on"})
    pre.refresh_from_db()
    post.refresh_from_db()
    assert (pre.enabled, post.custom_timeout) == (False, 77)
    assert "of this window" in text_of(client.post(f"{base}{post.pk}/remove/", follow=True))


def test_an_assignment_of_a_repository_is_none_of_a_window(
    client: Client, window: MaintenanceWindow, stops: Script, three: Sequence[Repository]
) -> None:
    entry = assignments.assign(three[0].pk, stops, "pre-backup")
    for path in ("", "move/", "switch/", "remove/", "run/"):
        assert client.post(f"/windows/{window.pk}/scripts/{entry.pk}/{path}").status_code == 404
    assert RepositoryScript.objects.get().enabled


def test_a_script_that_a_window_uses_says_so_and_is_not_deleted(
    client: Client, window: MaintenanceWindow, stops: Script
) -> None:
    assignments.assign(owners.window(window.pk), stops, "pre-backup")
    assert f"/windows/{window.pk}/scripts/" in client.get(f"/scripts/{stops.pk}/").content.decode()
    assert "the window Night , before the backups" in text_of(client.get(f"/scripts/{stops.pk}/delete/"))
    refused = client.post(f"/scripts/{stops.pk}/delete/", {"name": stops.name})
    assert refused.status_code == 409


def test_open_now_names_what_stops_before(
    client: Client, window: MaintenanceWindow, stops: Script, three: Sequence[Repository]
) -> None:
    assert "Stops nothing" in text_of(client.get(f"/windows/{window.pk}/"))
    assignments.assign(owners.window(window.pk), stops, "pre-backup")
    assert "Stops meanwhile: Nextcloud" in text_of(client.get(f"/windows/{window.pk}/"))
    answer = client.post(f"/windows/{window.pk}/open/")
    run = WindowRun.objects.get()
    assert answer["Location"] == f"/windows/runs/{run.pk}/"
    assert client.post(f"/windows/{window.pk}/open/")["Location"] == f"/windows/{window.pk}/"


# --- one opening ------------------------------------------------------------------------------------------------------
SAID = {
    "queued": ["Waiting for 'photos' to finish, which interrupts Nextcloud too.", "Nothing has been stopped."],
    "inside": ["Open: 1 of 3 backups done, Nextcloud is stopped", "stopped meanwhile", "Cancel"],
    "closing": ["Closing: starting services", "3 of 3 repositories have a new archive.", "Stop 'Start Nextcloud'"],
    "closed": ["Closed: 2 of 3 backed up, down 30 min 15 s", "running again", "Not saved: photos."],
    "did-not-open": ["Did not open: 'Stop Nextcloud' failed", "so none of the 3 backups ran", "not saved"],
    "broken": ["a promise is broken", "Run the scripts after it again", "3 of 3 repositories have a new archive."],
    "missed": ["Missed: the server was off at 02:17", "Nothing was stopped."],
}


@pytest.mark.parametrize("state", window_scenes.STATES)
def test_the_page_of_an_opening_answers_whether_everything_is_back(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository], state: str
) -> None:
    run = window_scenes.STATES[state](window, three)
    page = client.get(f"/windows/runs/{run.pk}/")
    shown = text_of(page)
    for sentence in SAID[state]:
        assert sentence in shown
    live = state in ("queued", "inside", "closing")
    assert ("hx-get" in page.content.decode().partition("<main")[2]) == live
    assert ("Cancel" in shown) == (state in ("queued", "inside"))


def test_the_page_follows_only_while_there_is_something_new(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    run = window_scenes.inside(window, three)
    page = client.get(f"/windows/runs/{run.pk}/").content.decode()
    address = re.search(r'hx-get="(/windows/runs/[^"]+)"', page)
    assert address
    assert client.get(address[1]).status_code == 204
    run.jobs.filter(status="running").update(status="success", phase="")
    assert client.get(address[1]).status_code == 200
    WindowRun.objects.filter(pk=run.pk).update(status="success", phase="")
    last = client.get(address[1])
    assert "hx-trigger" not in last.content.decode()
    assert "<title>" in last.content.decode()


def test_the_queries_of_an_opening_do_not_grow_with_its_jobs(
    client: Client, make_repository: Callable[..., Repository], django_assert_max_num_queries: Any
) -> None:
    many = [make_repository(f"number {number}") for number in range(30)]
    window = window_scenes.make_window(repositories=many)
    small, large = window_scenes.closed(window, many[:2], 99_999), window_scenes.closed(window, many)
    client.get(f"/windows/runs/{small.pk}/")
    with django_assert_max_num_queries(20) as seen:
        client.get(f"/windows/runs/{small.pk}/")
    with django_assert_max_num_queries(len(seen)):
        client.get(f"/windows/runs/{large.pk}/")


def test_a_broken_promise_stands_on_every_page_and_is_closed_with_a_note(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    run = window_scenes.broken(window, three)
    bar = client.get("/repositories/").content.decode()
    assert f'action="/windows/runs/{run.pk}/post-scripts/"' in bar
    assert f'href="/windows/runs/{run.pk}/#promises"' in bar
    promise = run.broken_promises.get()
    refused = client.post(f"/promises/{promise.pk}/close/", {"note": ""})
    assert refused.status_code == 422
    assert "Put right by hand?" in text_of(refused)
    closed = client.post(f"/promises/{promise.pk}/close/", {"note": "Restarted it by hand."}, follow=True)
    assert "Restarted it by hand." in text_of(closed)
    assert "post-scripts/" not in client.get("/repositories/").content.decode()


# --- elsewhere --------------------------------------------------------------------------------------------------------
def test_the_feed_folds_the_backups_of_a_window_below_it(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    run = window_scenes.closed(window, three)
    page = client.get("/activity/").content.decode()
    assert f'id="w{run.pk}"' in page
    assert "3 backups, 1 not backed up; 2 scripts" in page
    assert not re.search(r'id="j\d+"', page)
    looked_for = client.get(f"/activity/?repository={three[1].pk}").content.decode()
    assert re.search(r'id="j\d+"', looked_for)
    assert f'id="w{run.pk}"' in looked_for
    assert f'id="w{run.pk}"' in client.get("/activity/?search=nigh").content.decode()
    assert f'id="w{run.pk}"' not in client.get("/activity/?state=success").content.decode()


def test_pages_of_backups_and_scripts_lead_to_the_opening_they_belong_to(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    run = window_scenes.closed(window, three)
    address = f'href="/windows/runs/{run.pk}/"'
    assert address in client.get(f"/jobs/{run.jobs.earliest('pk').pk}/").content.decode()
    assert address in client.get(f"/executions/{run.executions.earliest('pk').pk}/").content.decode()


def test_schedules_and_the_repository_show_the_window(
    client: Client, window: MaintenanceWindow, three: Sequence[Repository]
) -> None:
    for page in ("/schedules/", f"/repositories/{three[0].pk}/schedule/"):
        assert f'href="/windows/{window.pk}/"' in client.get(page).content.decode()
    assert "Runs only when somebody presses the button" not in text_of(
        client.get(f"/repositories/{three[0].pk}/schedule/")
    )


def test_strangers_change_nothing(window: MaintenanceWindow, three: Sequence[Repository]) -> None:
    make_user()
    run = window_scenes.inside(window, three)
    stranger = Client(headers={"Host": "localhost"})
    for path in (
        *(f"{window.pk}/{name}/" for name in ("open", "pause", "resume", "delete", "settings", "scripts/order")),
        *(f"runs/{run.pk}/{name}/" for name in ("cancel", "post-scripts")),
        "new/",
        "dismiss/",
    ):
        assert stranger.post(f"/windows/{path}").status_code == 401, path
    window.refresh_from_db()
    assert window.enabled


def test_an_opening_that_saved_nothing_says_so_with_a_dash(client: Client, make_repository: Any) -> None:
    """One backup alone would have been one interruption, too."""
    window = window_scenes.make_window(repositories=[make_repository("alone")])
    window_scenes.closed(window, [make_repository("another")])

    page = client.get(f"/windows/{window.pk}/").content.decode()

    assert '<td data-label="Saved" class="number">–</td>' in page
