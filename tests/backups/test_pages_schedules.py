"""What runs when: the list of schedules, the form, pausing, the tab of a repository."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backups import maintenance_windows, schedules
from backups.models import BackupJob, Channel, MaintenanceWindow, Repository, RunStatus, ScheduledJob, ScheduleRun
from borgui.accounts.models import Installation
from tests.backups import scenes
from tests.rest import make_user

pytestmark = pytest.mark.django_db
NIGHTLY = "17 2 * * *"


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


@pytest.fixture
def letters(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository("letters")


def make_schedule(*repositories: Repository, name: str = "Every night", **fields: Any) -> ScheduledJob:
    ids = [repository.pk for repository in repositories]
    return schedules.create({"name": name, "repositories": ids, "cron_expression": NIGHTLY, **fields})


def typed(*repositories: Repository, **fields: Any) -> dict[str, Any]:
    """What a browser sends for the form as it comes."""
    ids = [str(repository.pk) for repository in repositories]
    form = {"name": "Every night", "preset": NIGHTLY, "timezone": "Europe/Berlin", "catch_up": "12 h"}
    return {**form, "repositories": ids, "action": "save", **fields}


def text_of(answer: Any) -> str:
    body = answer.content.decode()
    body = body.partition("<main")[2] or body
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").replace("&quot;", '"').split())


def order(schedule: ScheduledJob) -> list[int]:
    return list(schedule.members.order_by("position").values_list("repository_id", flat=True))


# --- the list ---------------------------------------------------------------------------------------------------------
def test_nothing_runs_by_itself_yet(client: Client) -> None:
    assert "Nothing runs by itself yet." in text_of(client.get("/schedules/"))


@pytest.mark.parametrize("address", ["/schedules/", "/windows/"])
@pytest.mark.parametrize("minute", [0, 16, 17, 18, 59])
def test_what_is_due_is_drawn_once_in_every_minute_of_its_hour(
    address: str, minute: int, photos: Repository, time_machine: Any
) -> None:
    """In the hour that has begun, what ran at 02:17 runs again within 24 hours, and a window on the same day of the week."""
    time_machine.move_to(datetime(2026, 11, 29, 2, minute, 30, tzinfo=UTC), tick=False)
    client = Client(headers={"Host": "localhost"})
    client.force_login(make_user())
    if address == "/windows/":
        maintenance_windows.create({"name": "Shop", "cron_expression": "17 2 * * 0"})
    else:
        make_schedule(photos)

    drawn = client.get(address).context["tonight"]

    [row] = drawn.rows
    [bar] = row.bars
    now = timezone.now()
    assert now < bar.start <= now + (drawn.end - drawn.start) - timedelta(hours=1)
    assert bar.start < drawn.end


def test_the_list_says_what_runs_when_and_how_it_went(client: Client, photos: Repository, letters: Repository) -> None:
    schedule = make_schedule(photos, letters)
    run = ScheduleRun.objects.create(scheduled_job=schedule, due_at=timezone.now(), status=RunStatus.QUEUED)
    for repository, status in ((photos, "success"), (letters, "failure")):
        BackupJob.objects.create(repository=repository, status=status, triggered_by="schedule", schedule_run=run)
    text = text_of(client.get("/schedules/"))
    assert "Every night photos, letters At 02:17 every day" in text
    assert "not backed up today" in text  # the worst of both
    assert "The next 24 hours" in text


def test_a_list_of_fifty_asks_no_more_than_one_of_one(
    client: Client, photos: Repository, letters: Repository, django_assert_max_num_queries: Any
) -> None:
    def more(number: int) -> None:
        schedule = make_schedule(photos, letters, name=f"Schedule {number}")
        run = ScheduleRun.objects.create(scheduled_job=schedule, due_at=timezone.now(), status=RunStatus.QUEUED)
        BackupJob.objects.create(repository=photos, status="success", triggered_by="schedule", schedule_run=run)

    more(0)
    for address in ("/schedules/", "/", "/repositories/", f"/repositories/{photos.pk}/schedule/"):
        client.get(address)
    seen = {}
    for address in ("/schedules/", "/", "/repositories/", f"/repositories/{photos.pk}/schedule/"):
        with django_assert_max_num_queries(40) as queries:
            client.get(address)
        seen[address] = len(queries)
    for number in range(1, 50):
        more(number)
    for address, most in seen.items():
        with django_assert_max_num_queries(most):
            assert client.get(address).status_code == 200


# --- the form ---------------------------------------------------------------------------------------------------------
def test_a_new_schedule_is_proposed_every_night_under_a_free_name(client: Client, photos: Repository) -> None:
    make_schedule(photos, name="photos, every night")
    answer = client.get("/schedules/new/", {"repository": photos.pk})
    assert answer.context["form"]["name"].value() == "photos, every night 2"
    assert f'name="repositories" value="{photos.pk}"' in answer.content.decode()
    assert "At 02:17 every day" in text_of(answer)


def test_what_is_saved_is_what_was_typed(client: Client, photos: Repository, letters: Repository) -> None:
    fields = {"preset": "own", "cron_expression": "30 3 * * 1-5", "jitter": "15 min", "catch_up": "0 s"}
    more = {"prune_after": "on", "check_every_days": "30", "ping_url": "https://hc.example.org/abc"}
    answer = client.post("/schedules/new/", typed(letters, photos, **fields, **more))
    made = ScheduledJob.objects.get()
    assert answer["Location"] == f"/schedules/{made.pk}/"
    assert order(made) == [letters.pk, photos.pk]
    assert (made.cron_expression, made.timezone) == ("30 3 * * 1-5", "Europe/Berlin")
    assert (made.jitter, made.catch_up) == (900, 0)
    assert (made.prune_after, made.compact_after, made.check_every_days) == (True, False, 30)
    assert made.ping_url == "https://hc.example.org/abc"
    page = client.get(answer["Location"])
    assert "hc.example.org" not in page.content.decode()
    saved = client.post(answer["Location"], typed(letters, name="Other", preset="own", cron_expression="30 3 * * 1-5"))
    made = ScheduledJob.objects.get()
    assert saved.status_code == 302
    assert (made.name, order(made), made.ping_url) == ("Other", [letters.pk], "https://hc.example.org/abc")
    client.post(answer["Location"], typed(letters, ping_removed="on"))
    assert ScheduledJob.objects.get().ping_url == ""


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"repositories": []}, "at least one repository"),
        ({"preset": "own", "cron_expression": "61 * * * *"}, "minute cannot be '61'"),
        ({"preset": "own", "cron_expression": ""}, "five fields"),
        ({"name": ""}, "This field is required."),
        ({"timezone": "Moon/Base"}, "Moon/Base"),
        ({"jitter": "for ever"}, "Write it like 2 h"),
        ({"ping_url": "ftp://example.org"}, "http"),
        ({"repositories": ["4711"]}, "4711"),
    ],
)
def test_nonsense_is_told_at_its_field_and_nothing_is_lost(
    client: Client, photos: Repository, fields: dict[str, Any], sentence: str
) -> None:
    answer = client.post("/schedules/new/", typed(photos, check_every_days="17", **fields) | fields)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert 'value="17"' in answer.content.decode()
    assert not ScheduledJob.objects.exists()


def test_a_name_that_is_taken_is_told_at_the_name(client: Client, photos: Repository) -> None:
    make_schedule(photos)
    answer = client.post("/schedules/new/", typed(photos))
    assert answer.status_code == 422
    assert "There is a schedule named 'Every night' already." in answer.context["form"].errors["name"]


def test_what_is_chosen_and_not_added_is_meant_all_the_same(
    client: Client, photos: Repository, letters: Repository
) -> None:
    client.post("/schedules/new/", typed(photos, add=str(letters.pk)))
    assert order(ScheduledJob.objects.get()) == [photos.pk, letters.pk]


@pytest.mark.parametrize(
    ("action", "expected"),
    [("up-2", "213"), ("down-1", "213"), ("up-1", "123"), ("down-3", "123"), ("remove-2", "13"), ("up-9", "123")],
)
def test_the_order_is_changed_without_saving(
    client: Client, make_repository: Callable[..., Repository], action: str, expected: str
) -> None:
    made = [make_repository(name) for name in ("one", "two", "three")]
    word, _, number = action.partition("-")
    pk = made[int(number) - 1].pk if int(number) <= 3 else 99
    answer = client.post("/schedules/new/", typed(*made, name="kept", action=f"{word}-{pk}"))
    chosen = [repository.name for repository in answer.context["form"].picker.chosen]
    assert chosen == [made[int(place) - 1].name for place in expected]
    assert 'value="kept"' in answer.content.decode()
    assert answer.status_code == 200
    assert not ScheduledJob.objects.exists()


def test_a_repository_is_added_by_its_button_as_a_piece(
    client: Client, photos: Repository, letters: Repository
) -> None:
    form = typed(photos, action="add", add=str(letters.pk))
    answer = client.post("/schedules/new/", form, headers={"HX-Request": "true"})
    assert answer.content.decode().lstrip().startswith('<div id="schedule-picker">')
    assert "In this order: photos, then letters." in text_of(answer)


# --- what the times mean ----------------------------------------------------------------------------------------------
def read(client: Client, **fields: str) -> Any:
    return client.get("/schedules/reading/", {"preset": "own", "timezone": "Europe/Berlin", **fields})


def test_times_are_read_out_with_the_next_five(client: Client) -> None:
    answer = read(client, cron_expression="0 12 * * *")
    text = text_of(answer)
    assert "At 12:00 every day" in text
    assert text.count("12:00") == 6
    assert "(Europe/Berlin)" in text


@pytest.mark.parametrize("expression", ["", "nonsense", "* * * *", "0 0 31 2 *", "99 * * * *", "@reboot"])
def test_nonsense_is_answered_with_a_sentence(client: Client, expression: str) -> None:
    answer = read(client, cron_expression=expression)
    assert answer.status_code == 422
    assert len(text_of(answer)) > 20


# --- one schedule -----------------------------------------------------------------------------------------------------
def test_the_history_has_every_time_also_the_missed_ones(client: Client, photos: Repository) -> None:
    schedule, now = make_schedule(photos), timezone.now()
    for age in range(25):
        ScheduleRun.objects.create(
            scheduled_job=schedule,
            due_at=now - timedelta(days=age),
            status="missed",
            message=f"The server was off {age}.",
        )
    page = client.get(f"/schedules/{schedule.pk}/")
    assert text_of(page).count("The server was off") == 20
    earlier = client.get(f"/schedules/{schedule.pk}/", {"before": page.context["earlier"]})
    assert text_of(earlier).count("The server was off") == 5
    assert earlier.context["earlier"] is None


def test_run_now_queues_its_backups_and_leads_to_the_only_one(client: Client, photos: Repository) -> None:
    schedule = make_schedule(photos)
    answer = client.post(f"/schedules/{schedule.pk}/run/")
    job = BackupJob.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert "the schedule Every night" in text_of(client.get(answer["Location"]))
    again = client.post(f"/schedules/{schedule.pk}/run/", follow=True)
    assert "still waits" in text_of(again)
    assert BackupJob.objects.count() == 1


def test_pause_and_resume_one(client: Client, photos: Repository) -> None:
    schedule = make_schedule(photos)
    tomorrow = timezone.localtime() + timedelta(days=1)
    client.post(f"/schedules/{schedule.pk}/pause/", {"until": f"{tomorrow:%Y-%m-%dT%H:%M}"})
    assert "paused until tomorrow" in text_of(client.get(f"/schedules/{schedule.pk}/"))
    client.post(f"/schedules/{schedule.pk}/resume/")
    schedule.refresh_from_db()
    assert not schedule.is_paused(timezone.now())
    client.post(f"/schedules/{schedule.pk}/pause/", {"until": ""})
    text = text_of(client.get(f"/schedules/{schedule.pk}/"))
    assert "Not by itself." in text
    assert "Resume" in text


def test_a_pause_into_the_past_is_refused(client: Client, photos: Repository) -> None:
    schedule = make_schedule(photos)
    answer = client.post(f"/schedules/{schedule.pk}/pause/", {"until": "2020-01-01T00:00"}, follow=True)
    assert "Not paused. This is over already." in text_of(answer)
    answer = client.post(f"/schedules/{schedule.pk}/pause/", {"until": "soon"}, follow=True)
    assert "Not paused. Write the day and the time" in text_of(answer)


def test_while_everything_is_paused_every_page_says_so(client: Client, photos: Repository) -> None:
    make_schedule(photos)
    client.post("/schedules/pause/", {"until": ""})
    for address in ("/", "/schedules/", "/repositories/", "/scripts/", f"/repositories/{photos.pk}/"):
        assert "until somebody resumes them" in client.get(address).content.decode()
    client.post("/schedules/resume/")
    assert not Installation.objects.get().schedules_are_paused(timezone.now())
    assert "until somebody resumes them" not in client.get("/").content.decode()


def test_a_schedule_is_deleted_after_a_question(client: Client, photos: Repository) -> None:
    schedule = make_schedule(photos)
    assert "No longer backed up by it: photos." in text_of(client.get(f"/schedules/{schedule.pk}/delete/"))
    assert ScheduledJob.objects.exists()
    client.post(f"/schedules/{schedule.pk}/delete/")
    assert not ScheduledJob.objects.exists()
    assert client.get(f"/schedules/{schedule.pk}/").status_code == 404


def test_a_schedule_without_repositories_says_that_it_does_nothing(client: Client, photos: Repository) -> None:
    schedule = make_schedule(photos)
    Repository.objects.filter(pk=photos.pk).update(deleted_at=timezone.now())
    assert "No repository is left in it, so it does nothing." in text_of(client.get(f"/schedules/{schedule.pk}/"))


# --- the tab of a repository ------------------------------------------------------------------------------------------
def test_one_button_makes_it_run_every_night(client: Client, photos: Repository) -> None:
    address = f"/repositories/{photos.pk}/schedule/"
    assert "Runs only when somebody presses the button. Every night at 02:17?" in text_of(client.get(address))
    client.post(f"{address}add/")
    made = ScheduledJob.objects.get()
    assert (made.name, made.cron_expression, order(made)) == ("photos, every night", NIGHTLY, [photos.pk])
    text = text_of(client.get(address))
    assert "At 02:17 every day" in text
    assert "What is kept" in text


def test_it_is_added_to_a_schedule_that_is_there(client: Client, photos: Repository, letters: Repository) -> None:
    schedule = make_schedule(letters)
    client.post(f"/repositories/{photos.pk}/schedule/add/", {"schedule": schedule.pk})
    assert order(schedule) == [letters.pk, photos.pk]


def test_lists_say_when_the_next_backup_is_due_and_what_is_not_scheduled(
    client: Client, photos: Repository, letters: Repository
) -> None:
    make_schedule(photos)
    Repository.objects.update(last_good_at=timezone.now())
    assert "not scheduled" in text_of(client.get("/repositories/"))
    assert re.search(r"(today|tomorrow) 02:17", text_of(client.get("/repositories/")))
    assert re.search(r"Next: (today|tomorrow) 02:17", text_of(client.get(f"/repositories/{photos.pk}/")))
    overview = text_of(client.get("/"))
    assert "letters Runs only when somebody presses the button." in overview
    assert re.search(r"Every night : photos (today|tomorrow) 02:17", overview)


# --- when does it run, and who is told, on one screen -----------------------------------------------------------------
BY_MAIL = {"told": "mail", "recipients": "anna@example.org", "sender": "borgui@example.org", "server": "127.0.0.1"}
WHEN = {"preset": NIGHTLY, "timezone": "Europe/Berlin"}


def test_a_good_backup_without_a_schedule_offers_the_one_screen(client: Client, photos: Repository) -> None:
    job = scenes.success(photos)
    assert f'href="/repositories/{photos.pk}/protect/"' in client.get(f"/jobs/{job.pk}/").content.decode()
    make_schedule(photos)
    assert "/protect/" not in client.get(f"/jobs/{job.pk}/").content.decode()
    assert client.get(f"/repositories/{photos.pk}/protect/").status_code == 302


def test_one_save_makes_the_schedule_and_the_channel_and_tries_it_out(client: Client, photos: Repository) -> None:
    mail = {**BY_MAIL, "encryption": "insecure", "port": "9", "user": "anna", "password": "s3cret-of-anna"}
    answer = client.post(f"/repositories/{photos.pk}/protect/", {**WHEN, **mail}, follow=True)
    assert ScheduledJob.objects.get().name == "photos, every night"
    channel = Channel.objects.get()
    assert (channel.name, channel.enabled, channel.all_repositories) == ("Mail to anna@example.org", True, True)
    assert "the test mail was not sent. It refused the connection." in text_of(answer)
    assert "s3cret" not in answer.content.decode()


def test_half_an_answer_makes_neither(client: Client, photos: Repository) -> None:
    wrong = [{**WHEN, **BY_MAIL, "server": ""}, {**WHEN, **BY_MAIL, "preset": "own", "cron_expression": "never"}]
    for form in wrong:
        answer = client.post(f"/repositories/{photos.pk}/protect/", form)
        assert answer.status_code == 422, form
        assert not ScheduledJob.objects.exists()
        assert not Channel.objects.exists()


def test_nobody_has_to_be_told_yet(client: Client, photos: Repository) -> None:
    client.post(f"/repositories/{photos.pk}/protect/", {**WHEN, "told": "nobody"})
    assert ScheduledJob.objects.get().timezone == "Europe/Berlin"
    assert not Channel.objects.exists()


# --- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["", "new/", "reading/", "1/", "1/delete/"])
def test_strangers_are_sent_to_sign_in(client: Client, address: str) -> None:
    assert Client(headers={"Host": "localhost"}).get(f"/schedules/{address}")["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("address", ["1/run/", "1/pause/", "1/resume/", "pause/", "resume/"])
def test_nothing_is_done_by_looking(client: Client, address: str) -> None:
    assert client.get(f"/schedules/{address}").status_code == 405


# --- inside a window --------------------------------------------------------------------------------------------------
@pytest.fixture
def night(db: None) -> MaintenanceWindow:
    return maintenance_windows.create({"name": 'The "long" night', "cron_expression": "0 3 * * *"})


def test_without_windows_nobody_is_asked_for_one(client: Client, photos: Repository) -> None:
    assert "It runs" not in text_of(client.get(f"/schedules/{make_schedule(photos).pk}/"))


def test_a_schedule_joins_a_window_and_leaves_it_again(
    client: Client, photos: Repository, night: MaintenanceWindow
) -> None:
    schedule = make_schedule(photos)
    page = text_of(client.get(f"/schedules/{schedule.pk}/"))
    assert "Inside the window 'The \"long\" night'" in page

    client.post(f"/schedules/{schedule.pk}/", typed(photos, maintenance_window_id=str(night.pk)))

    schedule.refresh_from_db()
    assert (schedule.maintenance_window, schedule.next_run) == (night, None)
    page = text_of(client.get(f"/schedules/{schedule.pk}/"))
    assert "By itself: at the times that it had before" in page
    assert "How often" not in page

    client.post(f"/schedules/{schedule.pk}/", {**typed(photos), "maintenance_window_id": ""})

    schedule.refresh_from_db()
    assert (schedule.maintenance_window, schedule.cron_expression) == (None, NIGHTLY)
    assert schedule.next_run is not None


def test_one_that_never_had_times_of_its_own_runs_every_night_then(
    client: Client, photos: Repository, night: MaintenanceWindow
) -> None:
    schedule = make_schedule(photos, cron_expression="", maintenance_window_id=night.pk)

    client.post(f"/schedules/{schedule.pk}/", {**typed(photos), "maintenance_window_id": ""})

    schedule.refresh_from_db()
    assert (schedule.maintenance_window, schedule.cron_expression) == (None, NIGHTLY)


def test_a_window_that_is_gone_is_told_and_nothing_typed_is_lost(
    client: Client, photos: Repository, night: MaintenanceWindow
) -> None:
    form = typed(photos, name="Weekly", maintenance_window_id=str(night.pk + 7))

    answer = client.post("/schedules/new/", form)

    assert answer.status_code == 422
    assert "There is no such window any more. Choose again." in text_of(answer)
    assert 'value="Weekly"' in answer.content.decode()


def test_one_that_is_switched_off_is_resumed_inside_a_window(
    client: Client, photos: Repository, night: MaintenanceWindow
) -> None:
    schedule = make_schedule(photos, enabled=False, maintenance_window_id=night.pk)
    assert "Resume" in text_of(client.get(f"/schedules/{schedule.pk}/"))

    client.post(f"/schedules/{schedule.pk}/resume/")

    schedule.refresh_from_db()
    assert schedule.enabled
