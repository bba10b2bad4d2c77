"""Will somebody hear it? The pages of channels and of what there was to tell."""

import re

import pytest
from django.test import Client

from backups.models import Channel, Delivery, Notification, Repository
from backups.notifications import addresses
from tests.backups import scenes
from tests.rest import make_user

pytestmark = pytest.mark.django_db
NOBODY = "Nobody is told when a backup fails."
MAIL = {
    "name": "Mail to Anna",
    "way": "mail",
    "recipients": "anna@example.org",
    "sender": "borg@example.org",
    "server": "smtp.example.org",
    "encryption": "starttls",
    "user": "me@example.org",
    "password": "a%20b+c",
    "events": ["failure", "overdue"],
    "all_repositories": "on",
    "enabled": "on",
}


def text_of(page) -> str:
    body = page.content.decode().partition("<body")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").split())


def shown(client: Client, path: str = "/settings/notifications/", **options) -> str:
    page = client.get(path, **options)
    assert page.status_code == 200
    return text_of(page)


def test_without_a_channel_every_page_says_so_once_there_is_something_that_can_fail(client, make_repository):
    assert NOBODY not in shown(client, "/scripts/")
    repository = make_repository()

    for path in ("/scripts/", "/repositories/", f"/repositories/{repository.pk}/", "/", "/settings/"):
        assert shown(client, path).count(NOBODY) in ({1, 2} if path == "/settings/" else {1}), path
    assert NOBODY in shown(client)


def test_with_a_channel_no_page_says_so_and_with_one_that_is_switched_off_they_do(
    client, make_repository, make_channel
):
    make_repository()
    channel = make_channel()
    assert NOBODY not in shown(client, "/scripts/") + shown(client, "/") + shown(client)

    Channel.objects.filter(pk=channel.pk).update(enabled=False)

    assert NOBODY in shown(client, "/scripts/")
    assert "every channel is switched off" in shown(client)


def test_mail_is_set_up_in_fields_of_its_own(client, data_dir):
    answer = client.post("/settings/notifications/new/", MAIL, follow=True)

    assert "'Mail to Anna' is told from now on." in text_of(answer)
    channel = Channel.objects.get()
    plugin = addresses.plugin_of(channel.url)
    assert (plugin.user, plugin.password, plugin.smtp_host) == ("me@example.org", "a%20b+c", "smtp.example.org")
    assert (channel.events, channel.kind) == (["failure", "overdue"], "E-Mail")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"server": ""}, "Enter the name or the address of the mail server."),
        ({"recipients": ""}, "Enter at least one address."),
        ({"server": "https://smtp.example.org"}, "Only its name or address"),
        ({"password": "pässword"}, "letters, digits and signs of ASCII only"),
        ({"server": "169.254.169.254"}, "No message is sent to 169.254.169.254"),
        ({"recipients": "anna@example.org, nobody"}, "One of these is no address of mail."),
        ({"way": "other", "url": ""}, "Where to? It needs an address."),
        ({"way": "other", "url": "syslog://"}, "Syslog is not supported"),
        ({"all_repositories": ""}, "Choose the repositories, or all of them."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(client, fields, sentence):
    answer = client.post("/settings/notifications/new/", {**MAIL, **fields})

    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert not Channel.objects.exists()


def test_the_address_is_never_shown_again_and_stays_when_nothing_is_entered(client, make_channel):
    channel = make_channel(url="json://anna:hunter2hunter2@127.0.0.1/hook")
    path = f"/settings/notifications/{channel.pk}/"
    assert "hunter2" not in client.get(path).content.decode()

    fields = {"name": "pager", "way": "keep", "events": ["failure"], "all_repositories": "on", "enabled": "on"}
    assert client.post(path, fields).status_code == 302

    channel.refresh_from_db()
    assert (channel.name, channel.url) == ("pager", "json://anna:hunter2hunter2@127.0.0.1/hook")
    assert "hunter2" not in client.get("/settings/notifications/").content.decode()


def test_the_test_button_says_what_the_receiver_said(client, make_channel, hook, transactional_db):
    channel = make_channel(url=hook.url)

    good = client.post(f"/settings/notifications/{channel.pk}/test/", follow=True)
    hook.answer = 500
    bad = client.post(f"/settings/notifications/{channel.pk}/test/", follow=True)

    assert "'phone' took the message." in text_of(good)
    assert "'phone' did not get the message. It answered 500, which is an error of its own." in text_of(bad)


def test_a_channel_that_does_not_get_its_messages_is_on_the_overview(client, make_repository, make_channel):
    scenes.success(make_repository())
    channel = make_channel()
    Channel.objects.filter(pk=channel.pk).update(last_error="It refused the connection.")

    assert "phone This channel does not get its messages. It refused the connection." in shown(client, "/")


def test_an_overdue_repository_is_on_the_overview(client, make_repository):
    repository = make_repository()
    scenes.success(repository)
    Repository.objects.update(overdue_since="2026-11-20T00:00Z")

    assert "photos Overdue. Last good backup:" in shown(client, "/")


def test_deleting_asks_and_says_what_it_means(client, make_channel):
    channel = make_channel()
    path = f"/settings/notifications/{channel.pk}/delete/"
    assert "Then nobody is told when a backup fails." in shown(client, path)

    client.post(path)

    assert not Channel.objects.exists()


def test_the_last_notifications_say_what_became_of_them(client, make_channel):
    channel = make_channel()
    for status, error in (("sent", ""), ("given_up", "It refused the connection."), ("waiting", "It hangs.")):
        row = Notification.objects.create(event="failure", title=f"one {status}", routed_at="2026-11-23T02:17Z")
        sent_at = "2026-11-23T02:17Z" if status == "sent" else None
        fields = {"status": status, "error": error, "attempts": 2, "sent_at": sent_at}
        Delivery.objects.create(notification=row, channel=channel, **fields)
    Notification.objects.create(event="failure", title="counted", counted_in=row, routed_at="2026-11-23T02:17Z")
    Notification.objects.create(event="success", title="unwanted", routed_at="2026-11-23T02:17Z")

    text = shown(client)

    assert "one sent Not backed up" in text
    assert "phone given up. It refused the connection." in text
    assert "phone waits, tried 2 times. It hangs." in text
    assert "counted, for the same was told an hour before at most" in text
    assert "no channel wants to hear it" in text


def test_the_number_of_queries_does_not_grow(client, make_channel, django_assert_max_num_queries):
    def fill(count: int) -> None:
        for number in range(count):
            channel = make_channel(f"channel {Channel.objects.count()}")
            row = Notification.objects.create(event="failure", title=f"{number}", routed_at="2026-11-23T02:17Z")
            Delivery.objects.create(notification=row, channel=channel)

    fill(1)
    with django_assert_max_num_queries(30) as first:
        shown(client)
    fill(49)

    with django_assert_max_num_queries(len(first)):
        shown(client)


@pytest.mark.parametrize("path", ["", "new/", "1/", "1/delete/"])
def test_strangers_see_nothing(path):
    make_user()

    answer = Client(headers={"Host": "localhost"}).get(f"/settings/notifications/{path}")

    assert answer.status_code == 302
    assert "/sign-in/" in answer["Location"] or "login" in answer["Location"]
