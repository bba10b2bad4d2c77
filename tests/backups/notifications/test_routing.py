"""Who is told what, and what is counted instead of told again."""

from datetime import UTC, datetime, timedelta

import pytest

from backups import notices
from backups.models import Delivery, Event, Notification
from backups.notifications import routing
from backups.notifications.events import BY_NAME, USUAL
from backups.notifications.wording import message_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 2, 17, tzinfo=UTC)


def tell(minutes=0, event="failure", repository=None, **fields) -> Notification:
    at = NOW + timedelta(minutes=minutes)
    title = fields.pop("title", "photos: not backed up")
    row = Notification.objects.create(event=event, title=title, repository=repository, created_at=at, **fields)
    routing.route(at)
    row.refresh_from_db()
    return row


def told() -> list[str]:
    """The texts of what was sent, in order."""
    rows = Notification.objects.exclude(deliveries=None).order_by("pk").distinct()
    return [row.text for row in rows]


def test_every_event_has_words_and_the_loud_ones_are_told_by_default():
    assert set(BY_NAME) == set(Event.values)
    assert set(Event.values) - set(USUAL) == {"warning", "success", "skipped", "cancelled", "outside_edit"}


def test_a_script_that_says_something_else_is_heard_and_one_that_repeats_itself_is_counted(
    make_channel, make_repository
):
    make_channel()
    photos = make_repository("photos")

    tell(0, "message", photos, title="Disk", text="90 % full")
    tell(1, "message", photos, title="Disk", text="90 % full")
    tell(2, "message", photos, title="Certificate", text="ends in 3 days")

    assert told() == ["90 % full", "ends in 3 days"]
    assert Notification.objects.order_by("pk").first().repeats == 1


def test_a_channel_hears_its_events_of_its_repositories(make_channel, make_repository):
    photos, mail = make_repository("photos"), make_repository("mail")
    make_channel("all", events=["failure"])
    make_channel("of photos", events=["failure"], all_repositories=False, repositories=[photos.pk])
    make_channel("other events", events=["overdue"])

    of_photos, of_mail, of_none = tell(repository=photos), tell(repository=mail), tell()

    def heard(row):
        return sorted(row.deliveries.values_list("channel__name", flat=True))

    assert heard(of_photos) == ["all", "of photos"]
    assert heard(of_mail) == ["all"]
    assert heard(of_none) == ["all", "of photos"], "what is about no repository is for everybody"


def test_what_is_routed_is_not_routed_again(make_channel):
    make_channel()
    tell()

    assert routing.route(NOW) == 0
    assert Delivery.objects.count() == 1


def test_the_same_within_an_hour_is_counted_and_the_next_one_says_how_many_there_were(make_channel, make_repository):
    make_channel()
    photos = make_repository()
    first = tell(0, repository=photos, text="one")
    second = tell(20, repository=photos, text="two")
    tell(40, repository=photos, text="three")

    first.refresh_from_db()
    assert (first.repeats, second.counted_in) == (2, first)
    assert told() == ["one"]

    tell(60, repository=photos, text="four")
    routing.route(NOW + timedelta(hours=3))

    assert told() == ["one", "four\n\nAnd 2 more times since 02:17."]


def test_at_the_end_of_a_quiet_hour_a_line_says_how_many_there_were(make_channel, make_repository):
    make_channel()
    photos = make_repository()
    tell(0, repository=photos, text="one")
    tell(20, repository=photos, text="two")

    routing.route(NOW + timedelta(minutes=59))
    assert told() == ["one"]
    for minute in (60, 61, 200):
        routing.route(NOW + timedelta(minutes=minute))

    assert told() == ["one", "two\n\nAnd 1 more time since 02:17."]


def test_others_are_not_counted_with_it(make_channel, make_repository):
    make_channel()
    photos, mail = make_repository("photos"), make_repository("mail")

    rows = [
        tell(repository=photos),
        tell(repository=mail),
        tell(repository=photos, event="overdue"),
        tell(repository=photos, event="broken_promise", signature="broken_promise:1:broken_promise:4"),
        tell(repository=photos, event="broken_promise", signature="broken_promise:1:broken_promise:5"),
    ]

    assert all(row.deliveries.exists() for row in rows)


def test_a_failure_after_it_has_worked_again_is_news(make_channel, make_repository):
    make_channel()
    photos = make_repository()

    rows = [
        tell(0, repository=photos),
        tell(5, "works_again", photos),
        tell(10, repository=photos),
        tell(15, "works_again", photos),
    ]

    assert all(row.deliveries.exists() for row in rows)


def test_what_nobody_was_told_is_not_counted_against_what_is_told_later(make_channel, make_repository):
    photos = make_repository()
    tell(0, repository=photos)
    make_channel()

    assert tell(5, repository=photos).deliveries.exists()


def test_a_good_backup_that_ends_a_bad_time_is_told_once(make_channel, make_repository, make_job):
    photos = make_repository()
    job = make_job(photos)
    make_channel("everything")
    make_channel("only success", events=["success"])
    Notification.objects.create(event="works_again", title="photos: works again", repository=photos, job=job)

    row = tell(event="success", repository=photos, job=job)

    assert list(row.deliveries.values_list("channel__name", flat=True)) == ["only success"]


# --- the message ------------------------------------------------------------------------------------------------------
def test_nothing_that_a_script_printed_can_look_like_a_line_of_ours(make_repository, make_job):
    job = make_job(make_repository())
    job.services = "up"
    row = Notification(
        event="failure",
        job=job,
        title="photos\r\nBcc: eve@example.org: not backed up",
        text="'Dump\nServices are running again.' failed: \x1b[2J\x1b[31mred\x1b[0m \u202eevil\x07",
    )

    message = message_of(row)

    assert message.title == "photos Bcc: eve@example.org: not backed up"
    assert message.body == "'Dump Services are running again.' failed: red evil"


def test_a_message_of_a_script_says_whose_words_they_are(make_repository):
    row = Notification(event="message", repository=make_repository(), title="Disk", text="nearly full\n\n  90 %\x00")

    assert message_of(row).body == "nearly full\n\n90 %\n\n(Written by a script of the backup of 'photos'.)"


def test_a_message_leads_to_its_page_where_the_address_of_the_pages_is_known(settings, make_repository, make_job):
    job = make_job(make_repository())
    row = Notification(event="recovered", job=job, job_id=job.pk, title="t", text="x")
    assert "Look:" not in message_of(row).body

    settings.CSRF_TRUSTED_ORIGINS = ["https://backup.example.org"]

    assert message_of(row).body.endswith(f"\n\nLook: https://backup.example.org/jobs/{job.pk}/")


def test_the_first_line_of_a_failure_always_speaks_of_the_services(make_repository, make_job):
    job = make_job(make_repository())
    row = Notification(event="failure", job=job, title="t", text="Not backed up:\nfirst reason\nsecond reason")

    assert message_of(row).body == "Not backed up: first reason second reason Nothing was stopped."


def test_failures_of_another_cause_are_told_and_those_of_the_same_are_counted_whatever_their_times(
    make_channel, make_repository, make_job
):
    make_channel()
    photos = make_repository("photos")

    for message in (
        "'Dump' failed before the backup started (exit 1: row 17).",
        "'Dump' failed before the backup started (exit 3: row 18).",
        "borg could not reach nas.example.org.",
    ):
        job = make_job(photos)
        job.status, job.outcome, job.data, job.message = "failure", "failure", "none", message
        notices.of_finished(job, [], [])
        routing.route(NOW)

    assert [row.counted_in_id is not None for row in Notification.objects.order_by("pk")] == [False, True, False]
