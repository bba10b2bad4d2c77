"""Real receivers get the messages; those that hang, refuse or answer 500 delay nothing and lose nothing."""

import signal
import socket
import time
from datetime import timedelta
from itertools import repeat

import pytest
from django.utils import timezone

from backups.models import Channel, Delivery, Notification, Ping, ScheduledJob, ScheduleRun
from backups.notifications import answers, apprise_call, mail, outgoing, routing, sending
from backups.notifications.mail import Encryption, Mail
from tests.backups.conftest import eventually

from .receivers import mail_server, web_hook

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


def tell(title="photos: not backed up", event="failure", **fields) -> Notification:
    fields = {"text": "Not backed up. Nothing was written to the repository.", "signature": title, **fields}
    return Notification.objects.create(event=event, title=title, **fields)


def send() -> None:
    routing.route(timezone.now())
    assert sending.run()


def later(minutes: float) -> None:
    """As if the time of every next try had come."""
    Delivery.objects.filter(status="waiting").update(next_try_at=timezone.now() - timedelta(minutes=minutes))


def test_a_web_hook_gets_the_message(make_channel, hook):
    channel = make_channel(url=hook.url)
    tell()

    send()

    assert [(one.title, one.text) for one in hook.got] == [
        ("photos: not backed up", "Not backed up. Nothing was written to the repository.")
    ]
    assert Delivery.objects.get().status == "sent"
    channel.refresh_from_db()
    assert channel.last_sent_at is not None
    assert channel.last_error == ""


def test_a_mailbox_gets_the_message_after_a_sign_in_with_every_kind_of_character(make_channel):
    user, password = "me@example.org", "p%20a+s/s:w#o?r&d='\"@ %"
    with mail_server(user, password) as box:
        address = Mail("127.0.0.1", "borgui <borg@example.org>", "anna@example.org, bob@example.org", box.port)
        url = mail.Mail(**{**vars(address), "user": user, "password": password, "encryption": Encryption.NONE}).url()
        make_channel(url=url)
        tell("Büro: not backed up")
        send()

    assert {one.to[0] for one in box.got} == {"anna@example.org", "bob@example.org"}
    assert box.got[0].title == "Büro: not backed up"
    assert box.got[0].text == "Not backed up. Nothing was written to the repository."


def test_a_wrong_password_is_said_without_it(make_channel):
    with mail_server("me", "right one") as box:
        url = Mail("127.0.0.1", "a@example.org", "b@example.org", box.port, Encryption.NONE, "me", "wrong one").url()
        make_channel(url=url)
        tell()
        send()

    assert Channel.objects.get().last_error == "It did not accept the user name or the password."
    assert Delivery.objects.get().status == "waiting"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_what_is_refused_waits_and_comes_later(make_channel):
    port = free_port()
    channel = make_channel(url=f"json://user:secretsecret@127.0.0.1:{port}/token4711")
    tell()
    send()

    row = Delivery.objects.get()
    assert (row.status, row.attempts, row.error) == ("waiting", 1, "It refused the connection.")
    assert timedelta(seconds=50) < row.next_try_at - timezone.now() <= timedelta(minutes=1)
    channel.refresh_from_db()
    assert channel.last_error == "It refused the connection."


def test_a_receiver_that_answers_500_gets_everything_when_it_is_well_again(make_channel, hook):
    make_channel(url=hook.url)
    hook.answer = 500
    tell("one: not backed up")
    tell("two: not backed up")
    send()
    assert hook.tried == 1, "the second one waits as long as the first"
    assert Channel.objects.get().last_error == "It answered 500, which is an error of its own."

    hook.answer = 200
    send()
    assert hook.got == [], "it is not time yet"
    later(0)
    send()

    assert sorted(hook.titles) == ["one: not backed up", "two: not backed up"]
    assert Channel.objects.get().last_error == ""


def test_a_message_that_is_always_refused_is_not_in_the_way_of_others(make_channel, hook):
    make_channel(url=hook.url)
    hook.answer = 400
    tell("poison")
    send()
    hook.answer = 200
    tell("two: not backed up")
    later(0)
    send()

    assert hook.titles[0] == "two: not backed up", "the least tried first"


def test_a_receiver_that_hangs_delays_no_other_channel(make_channel, hook, monkeypatch):
    with web_hook() as silent:
        silent.answer = "hang"
        monkeypatch.setattr(apprise_call, "READ", 8.0)
        make_channel("silent", silent.url)
        make_channel("well", hook.url)
        tell()
        routing.route(timezone.now())
        begin = time.monotonic()
        assert sending.run()
        took = time.monotonic() - begin

    assert hook.titles == ["photos: not backed up"]
    rows = {row.channel.name: row for row in Delivery.objects.select_related("channel")}
    assert rows["well"].sent_at - rows["well"].created_at < timedelta(seconds=7)
    assert (rows["silent"].status, rows["silent"].error) == ("waiting", "It did not answer in time.")
    assert took < 30


def test_nobody_waits_longer_than_the_limit_for_an_answer_that_drips():
    begin = time.monotonic()

    sent = apprise_call.within(0.2, lambda: time.sleep(5))

    assert sent.error == "It did not answer within 0.2 s."
    assert time.monotonic() - begin < 2


def test_what_is_a_day_old_is_given_up(make_channel, hook):
    make_channel(url=hook.url)
    hook.answer = 500
    tell()
    routing.route(timezone.now())
    Delivery.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59, seconds=30))
    assert sending.run()

    assert Delivery.objects.get().status == "given_up"


def test_the_tries_come_farther_and_farther_apart(make_channel, make_repository):
    row = Delivery.objects.create(notification=tell(), channel=make_channel())
    now = timezone.now()

    waits = []
    for _ in range(6):
        assert outgoing.take(row, now)
        waits.append((outgoing.mark_failed(row, now, "no") - now).total_seconds() / 60)

    assert waits == [1, 5, 15, 60, 60, 60]


def test_one_row_is_taken_by_one_sender(make_channel):
    row = Delivery.objects.create(notification=tell(), channel=make_channel())
    same = Delivery.objects.get()

    assert outgoing.take(row, timezone.now())
    assert not outgoing.take(same, timezone.now())


def test_two_senders_are_never_at_work_on_one_machine(make_channel):
    with sending.alone() as first, sending.alone() as second:
        assert (first, second) == (True, False)
        assert not sending.run()


def test_a_sender_that_is_killed_loses_nothing_and_repeats_at_most_one(make_channel, hook, installation):
    make_channel(url=hook.url)
    for number in range(3):
        tell(f"{number}: not backed up")
    routing.route(timezone.now())
    hook.delay = 3  # it has the message, and its answer is on the way

    process = installation.start("send_notifications")
    eventually(lambda: len(hook.got) == 1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["sending", "waiting", "waiting"]
    hook.delay = 0

    assert not outgoing.lost(Delivery, timezone.now()).exists(), "it may still be on the way"
    Delivery.objects.filter(status="sending").update(taken_at=timezone.now() - timedelta(minutes=6))
    installation.manage("send_notifications")

    assert sorted(hook.titles) == ["0: not backed up", "0: not backed up", "1: not backed up", "2: not backed up"]
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


def test_nothing_is_sent_to_a_channel_that_is_switched_off(make_channel, hook):
    make_channel(url=hook.url, enabled=False)
    tell()
    send()

    assert hook.tried == 0
    assert not Delivery.objects.exists()


def test_a_name_that_leads_to_where_machines_keep_their_credentials_is_refused_when_it_is_sent(make_channel):
    """Written so that it cannot be seen: the number is 169.254.169.254."""
    make_channel(url="json://2852039166/latest/")
    tell()
    send()

    assert Channel.objects.get().last_error == "It leads to an address that no message is sent to."


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/", "/elsewhere"])
def test_no_redirection_is_followed(make_channel, hook, target):
    make_channel(url=hook.url)
    hook.answer, hook.location = 302, target
    tell()
    send()

    assert hook.tried == 1
    assert Channel.objects.get().last_error == "It has moved to another address (it answered 302): enter that one."


def test_the_test_button_says_what_became_of_it(make_channel, hook):
    channel = make_channel(url=hook.url)

    assert sending.test(channel, "anna").ok
    hook.answer = 401
    sent = sending.test(channel, "anna")

    assert hook.got[0].text == "This is a test, asked for by anna. If you read it, 'phone' works."
    assert sent.error == "It did not accept the password or the token (it answered 401)."


def test_no_piece_of_an_address_is_in_what_is_said_of_a_fault():
    url = "slack://TokenATokenA/B%20TokenB/TokenC/?secret=hunter2"
    secrets = apprise_call.secrets_of(url)

    said = apprise_call.sentence([f"Odd: {url} TokenATokenA 'B TokenB' hunter2"], secrets)

    assert "Token" not in said
    assert "hunter2" not in said


# --- pings ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def run(db, hook):
    schedule = ScheduledJob.objects.create(
        name="nightly", cron_expression="17 2 * * *", timezone="UTC", ping_url=hook.web
    )
    return ScheduleRun.objects.create(scheduled_job=schedule, due_at=timezone.now(), status="queued")


def test_pings_go_to_the_address_and_its_endings(run, hook):
    Ping.objects.create(schedule_run=run, kind="start")
    Ping.objects.create(schedule_run=run, kind="failure", text="photos: not backed up")

    assert sending.run()

    assert [(one.path, one.text) for one in hook.got] == [
        ("/ping/abc/start", ""),
        ("/ping/abc/fail", "photos: not backed up"),
    ]


def test_a_ping_is_tried_for_an_hour_and_its_beginning_is_no_news_after_its_end(run, hook):
    hook.answer = 500
    start = Ping.objects.create(schedule_run=run, kind="start")
    assert sending.run()
    start.refresh_from_db()
    assert start.status == "waiting"

    hook.answer = 200
    Ping.objects.create(schedule_run=run, kind="success")
    assert sending.run()
    start.refresh_from_db()
    assert start.status == "given_up"
    assert [one.path for one in hook.got] == ["/ping/abc"]

    hook.answer = 500
    late = Ping.objects.create(schedule_run=run, kind="failure", created_at=timezone.now() - timedelta(minutes=60))
    assert sending.run()
    late.refresh_from_db()
    assert (late.status, late.error) == ("given_up", "It answered 500, which is an error of its own.")


# --- answers without end ----------------------------------------------------------------------------------------------
def test_an_answer_without_end_is_not_read_to_its_end(make_channel, hook):
    hook.body = repeat(b"x" * 65536)
    make_channel(url=hook.url)
    tell()

    send()

    assert Delivery.objects.get().status == "sent", "its status said so"
    assert len(hook.got) == 1
    eventually(lambda: not hook.is_giving)
    assert hook.given < 32 * 1024 * 1024, "what fits into the buffers of the line"


def test_an_answer_that_drips_is_given_up_on_and_counts_by_its_status(make_channel, hook, monkeypatch):
    def drops():
        while True:
            yield b"x"
            time.sleep(0.05)

    monkeypatch.setattr(answers, "LONGEST", 0.3)
    hook.body = drops()
    make_channel(url=hook.url)
    tell()

    began = time.monotonic()
    send()

    assert Delivery.objects.get().status == "sent"
    assert time.monotonic() - began < 10
    eventually(lambda: not hook.is_giving)
