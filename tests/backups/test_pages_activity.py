"""The feed: what happened?"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backups import activity, queue
from backups.models import BackupJob, Repository, ScheduledJob, ScheduleRun
from scripts_library import testruns
from scripts_library.models import Script, ScriptExecution
from tests.backups import scenes
from tests.rest import make_user

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


def page_of(client: Client, address: str = "/activity/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).replace("&#x27;", "'").split())


def keys(page: str) -> list[str]:
    """j1 is the job 1, t2 the test run 2, m3 the due time 3 that was missed."""
    return re.findall(r'<li id="([jtm]\d+)"', page)


def address_in(page: str, view: str) -> str:
    found = re.search(rf'hx-get="(/activity/{view}/[^"]*)"', page)
    return found[1].replace("&amp;", "&") if found else ""


def missed(name: str = "Nightly", *repositories: Repository, **fields: Any) -> ScheduleRun:
    schedule = ScheduledJob.objects.create(name=name, cron_expression="17 2 * * *", timezone="UTC")
    for position, repository in enumerate(repositories):
        schedule.members.create(repository=repository, position=position)
    return ScheduleRun.objects.create(
        scheduled_job=schedule, **{"due_at": timezone.now() - timedelta(hours=9), "status": "missed", **fields}
    )


def at(row: Any, **ago: float) -> Any:
    """The same row, made so long ago."""
    type(row).objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(**ago))
    return row


# --- what is listed ---------------------------------------------------------------------------------------------------
def test_before_anything_has_run_the_page_says_what_will_be_here(client: Client) -> None:
    assert "Nothing has run yet. Every backup, script and test run appears here" in text_of(page_of(client))


def test_backups_test_runs_and_missed_times_are_one_list_newest_first(
    client: Client, photos: Repository, make_script: Make
) -> None:
    job = at(scenes.success(photos), hours=1)
    test = at(testruns.queue(make_script("dump")), hours=2)
    due = at(missed(), hours=3)
    older = at(scenes.failure_before_borg(photos), days=2)
    page = page_of(client)
    assert keys(page) == [f"j{job.pk}", f"t{test.pk}", f"m{due.pk}", f"j{older.pk}"]
    assert page.count('<section class="day">') >= 2
    shown = text_of(page)
    assert "4 scripts, 1 did not run" in shown
    assert "Test run: dump" in shown
    assert "Tried as before the backup. With sample values." in shown
    assert "missed Nightly It was due" in shown
    assert "'Dump PostgreSQL' failed before the backup started" in shown


@pytest.mark.parametrize("state", scenes.STATES)
def test_a_backup_in_any_state_has_its_row(client: Client, photos: Repository, state: str) -> None:
    job = scenes.STATES[state](photos)
    page = page_of(client)
    assert keys(page) == [f"j{job.pk}"]
    assert all(f'href="/executions/{row.pk}/"' in page for row in job.executions.all())
    assert "<script>alert" not in page
    assert "style=" not in page.partition("<main")[2]


def test_both_verdicts_are_told(client: Client, photos: Repository) -> None:
    scenes.broken_promise(photos)
    shown = text_of(page_of(client))
    assert "backed up, with a warning" in shown
    assert "Services: a promise is broken" in shown


def test_a_pair_that_was_tried_shows_its_worst_end(client: Client, make_script: Make) -> None:
    first = testruns.queue(make_script("stop"), hook_type="both")
    ScriptExecution.objects.filter(pk=first.pk).update(status="succeeded")
    ScriptExecution.objects.exclude(pk=first.pk).update(status="failed", error_message="exit 3")
    page = page_of(client)
    assert keys(page) == [f"t{first.pk}"]
    assert "failed Test run: stop Tried as a pair. With sample values. exit 3" in text_of(page)
    assert keys(page_of(client, "/activity/?state=failure")) == [f"t{first.pk}"]
    assert keys(page_of(client, "/activity/?state=success")) == []


# --- what is looked for -----------------------------------------------------------------------------------------------
@pytest.fixture
def mixed(photos: Repository, make_repository: Make, make_script: Make) -> dict[str, str]:
    """Rows by what they are, and their keys."""
    music = make_repository("music")
    dump, other = make_script("dump"), make_script("other")
    scene = scenes.begin(photos)
    scene.script("pre-backup", "dump", "failed", script=dump, on_failure="continue")
    good = scene.end(status="warning", outcome="warning", data="good", message="Backed up. Saved: archive alpha.")
    scene = scenes.begin(music)
    scene.script("post-backup", "dump", script=dump, run_on="always")
    bad = scene.end(status="failure", outcome="failure", triggered_by="schedule", message="The disk is full.")
    return {
        "warned": f"j{good.pk}",
        "failed": f"j{at(bad, days=10).pk}",
        "tested": f"t{testruns.queue(other).pk}",
        "missed": f"m{missed('Nightly', photos).pk}",
    }


LOOKED_FOR = {
    "": {"warned", "failed", "tested", "missed"},
    "state=failure": {"failed"},
    "state=warning": {"warned"},
    "state=running": {"tested"},
    "state=missed": {"missed"},
    "state=nonsense&hook=x&repository=y&since=z&before=q": {"warned", "failed", "tested", "missed"},
    "repository={photos}": {"warned", "missed"},
    "script={dump}": {"warned", "failed"},
    "script={dump}&state=failure": {"warned"},
    "script={other}": {"tested"},
    "hook=pre-backup": {"warned", "tested"},
    "hook=post-backup": {"failed"},
    "hook=pre-backup&state=failure": {"warned"},
    "hook=post-backup&state=success": {"failed"},
    "by=schedule": {"failed", "missed"},
    "by=test": {"tested"},
    "by=command": set(),
    "since={lately}": {"warned", "tested", "missed"},
    "until={lately}": {"failed"},
    "search=alpha": {"warned"},
    "search=full": {"failed"},
    "search=MUSIC": {"failed"},
    "search=dump": {"warned", "failed"},
    "search=night": {"missed"},
    "search=othe": {"tested"},
    "search=100%25": set(),
}


@pytest.mark.parametrize("query", LOOKED_FOR)
def test_the_list_is_filtered(client: Client, mixed: dict[str, str], photos: Repository, query: str) -> None:
    scripts = dict(Script.objects.values_list("name", "pk"))
    lately = timezone.localdate() - timedelta(days=5)  # from midnight on, what was made just now is of yesterday
    address = f"/activity/?{query.format(photos=photos.pk, lately=lately, **scripts)}"
    page = page_of(client, address)
    assert set(keys(page)) == {mixed[name] for name in LOOKED_FOR[query]}
    assert ("Nothing that happened is like that." in page) == (not LOOKED_FOR[query])


def test_what_was_chosen_stays_chosen(client: Client, mixed: dict[str, str]) -> None:
    pk = Script.objects.get(name="dump").pk
    page = page_of(client, f"/activity/?script={pk}&state=failure&search=a+b%26c")
    assert f'<option value="{pk}" selected>dump' in page
    assert '<option value="failure" selected>' in page
    assert 'value="a b&amp;c"' in page
    assert f"script={pk}" in address_in(page, "news")


def test_the_scripts_that_were_looked_for_are_unfolded(client: Client, mixed: dict[str, str]) -> None:
    script = Script.objects.get(name="dump")
    page = page_of(client, f"/activity/?script={script.pk}&state=failure")
    assert f'<details id="{mixed["warned"]}-scripts" open>' in page
    assert page.count('class="fits"') == 1


# --- pages ------------------------------------------------------------------------------------------------------------
def many(repository: Repository, count: int, scripts: int = 0) -> None:
    moment = timezone.now() - timedelta(hours=1)
    jobs = BackupJob.objects.bulk_create(
        BackupJob(repository=repository, status="success", triggered_by="schedule", created_at=moment)
        for _ in range(count)
    )
    ScriptExecution.objects.bulk_create(
        ScriptExecution(
            backup_job=job,
            repository=repository,
            hook_type="pre-backup",
            script_name="dump",
            status="succeeded",
            position=position,
            timeout=5,
            triggered_by="schedule",
        )
        for job in jobs
        for position in range(scripts)
    )


def test_pages_by_cursor_show_each_row_once_also_those_of_one_moment(
    client: Client, photos: Repository, make_script: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.activity.feed.PAGE", 7)
    many(photos, 20)
    for number in range(5):
        testruns.queue(make_script(f"script {number}"))
        missed(f"schedule {number}")
    one_moment = timezone.now() - timedelta(hours=2)
    for model in (BackupJob, ScriptExecution, ScheduleRun):
        model.objects.update(created_at=one_moment)  # type: ignore[attr-defined]
    page = page_of(client)
    seen = keys(page)
    first = text_of(page)
    while older := address_in(page, "older"):
        page = page_of(client, older)
        seen += keys(page)
        assert "<h2>" not in page
    assert len(seen) == len(set(seen)) == 30
    assert "That is the beginning." in page
    assert "That is the beginning." not in first


def test_older_ones_come_without_javascript_too(
    client: Client, photos: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backups.activity.feed.PAGE", 2)
    many(photos, 3)
    link = re.search(r'href="(/activity/\?[^"]*before=[^"]*)"', page_of(client))
    assert link
    page = page_of(client, link[1].replace("&amp;", "&"))
    assert len(keys(page)) == 1
    assert "<h2>" in page
    assert "Go to the newest" in page
    assert address_in(page, "news") == ""


def test_a_list_of_fifty_asks_no_more_than_one_of_one(
    client: Client, photos: Repository, make_script: Make, django_assert_max_num_queries: Any
) -> None:
    def add(count: int) -> None:
        many(photos, count, scripts=3)
        for _ in range(count):
            testruns.queue(make_script(f"script {Script.objects.count()}"), hook_type="both")
        missed(f"schedule {count}")

    add(1)
    page_of(client)
    with django_assert_max_num_queries(23) as seen:
        page_of(client)
    add(30)
    with django_assert_max_num_queries(len(seen)):
        assert len(keys(page_of(client))) == activity.PAGE


# --- news -------------------------------------------------------------------------------------------------------------
def news_of(client: Client, page: str) -> str:
    """'' for nothing new."""
    answer = client.get(address_in(page, "news"))
    assert answer.status_code in (200, 204)
    return answer.content.decode()


def test_nothing_new_is_nothing(client: Client, photos: Repository, django_assert_max_num_queries: Any) -> None:
    scenes.running_borg(photos)
    many(photos, 10)
    address = address_in(page_of(client), "news")
    with django_assert_max_num_queries(8):
        assert client.get(address).status_code == 204


def test_what_begins_comes_on_top_and_is_followed_to_its_end(client: Client, photos: Repository) -> None:
    scenes.success(photos)
    page = page_of(client)
    job = queue.enqueue(photos, triggered_by="manual")
    first = news_of(client, page)
    assert keys(first) == [f"j{job.pk}"]
    assert 'hx-swap-oob="afterbegin:#' in first
    assert "<title>1 running · Activity" in first
    assert news_of(client, first) == ""
    BackupJob.objects.filter(pk=job.pk).update(status="running", phase="backup")
    second = news_of(client, first)
    assert keys(second) == []
    assert f'id="j{job.pk}-head" hx-swap-oob="true"' in second
    assert "borg is making the archive." in second
    BackupJob.objects.filter(pk=job.pk).update(status="success", phase="", completed_at=timezone.now())
    last = news_of(client, second)
    assert "<title>Activity" in last
    assert "activity-said" in last
    assert news_of(client, last) == ""


def test_the_first_row_takes_the_place_of_the_empty_page(client: Client, photos: Repository) -> None:
    page = page_of(client)
    due = missed()
    news = news_of(client, page)
    assert keys(news) == [f"m{due.pk}"]
    assert '<div id="activity-empty" hx-swap-oob="delete">' in news
    assert 'hx-swap-oob="afterbegin:#activity-days"' in news
    assert "<h2>" in news


def test_news_are_only_what_is_looked_for(client: Client, photos: Repository, make_repository: Make) -> None:
    page = page_of(client, f"/activity/?repository={photos.pk}")
    queue.enqueue(make_repository("music"), triggered_by="manual")
    assert news_of(client, page) == ""
    job = queue.enqueue(photos, triggered_by="manual")
    assert keys(news_of(client, page)) == [f"j{job.pk}"]


def test_a_backup_that_fails_appears_among_the_failed_ones(client: Client, photos: Repository) -> None:
    job = scenes.running_borg(photos)
    page = page_of(client, "/activity/?state=failure")
    assert keys(page) == []
    assert news_of(client, page) == ""
    BackupJob.objects.filter(pk=job.pk).update(status="failure", phase="")
    news = news_of(client, page)
    assert keys(news) == [f"j{job.pk}"]
    assert news_of(client, news) == ""


def test_a_row_that_was_written_late_is_new_all_the_same(client: Client, photos: Repository) -> None:
    scenes.queued(photos)
    page = page_of(client)
    late = at(scenes.success(photos), minutes=10)
    assert keys(news_of(client, page)) == [f"j{late.pk}"]


@pytest.mark.parametrize("cursor", ["", "seen=", "seen=1.2.3", "seen=1.2.x.", "seen=1.2.3.2026-99-99",
                                    "seen=1.2.3.&live=j1", "seen=1.2.3.&live=x1:a", "seen=1.2.3.&not_yet=é"])  # fmt: skip
def test_nonsense_is_no_news(client: Client, photos: Repository, cursor: str) -> None:
    assert client.get(f"/activity/news/?{cursor}").status_code in (200, 204)


def test_a_stranger_sees_nothing(photos: Repository) -> None:
    make_user()
    stranger = Client(headers={"Host": "localhost"})
    for address in ("/activity/", "/activity/older/", "/activity/news/"):
        assert stranger.get(address).status_code == 302
