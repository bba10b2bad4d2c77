"""Channels: which addresses are taken, what is kept, and that no address is ever shown again."""

import socket

import pytest

from backups.models import Channel, Delivery, Notification
from backups.notifications import addresses, channels, door
from backups.notifications.mail import Encryption, Mail
from scripts_library.errors import Conflict, Invalid
from tests.rest import Rest, fields_of

pytestmark = pytest.mark.django_db
SECRET = "json://anna:hunter2hunter2@127.0.0.1/hook"


def test_a_channel_hears_the_usual_events_of_everything():
    channel = channels.create({"name": " phone ", "url": SECRET})

    assert (channel.name, channel.kind, channel.enabled, channel.all_repositories) == ("phone", "JSON", True, True)
    assert "failure" in channel.events
    assert "success" not in channel.events


def test_an_empty_address_keeps_the_stored_one():
    channel = channels.create({"name": "phone", "url": SECRET})

    channels.change(channel, {"name": "phone of anna", "url": ""})

    assert Channel.objects.get().url == SECRET


def test_the_address_is_encrypted_in_the_database(db):
    from django.db import connection

    channels.create({"name": "phone", "url": SECRET})

    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM notification_channels")
        assert "hunter2" not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "Where to?"),
        ("hello", "An address begins with"),
        ("https://example.org/hook", "Say which service"),
        ("file:///etc/passwd", "understands"),
        ("syslog://", "Syslog is not supported"),
        ("dbus://", "understands"),
        ("gnome://", "understands"),
        ("windows://", "understands"),
        ("macosx://", "understands"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/?template=/etc/passwd", "'template' names a file"),
        ("fcm://project@apikey/device/?keyfile=/etc/passwd", "'keyfile' names a file"),
        ("mailto://me:pw@example.org/?pgp=sign", "'pgp' names a file"),
        ("vapid://me@example.org/subscriber", "is not supported"),
        ("json://169.254.169.254/latest", "No message is sent to 169.254.169.254"),
        ("json://[fe80::1]/", "No message is sent to"),
        ("json://[::ffff:169.254.169.254]/", "No message is sent to"),
        ("json://metadata.google.internal/", "No message is sent to"),
        ("json://example.org/\nhook", "understands"),
    ],
)
def test_addresses_that_are_refused(url, word):
    with pytest.raises(Invalid) as refused:
        channels.create({"name": "phone", "url": url})

    assert word in refused.value.errors["url"]
    assert not Channel.objects.exists()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("ntfys://ntfy.example.org/topic", "ntfy"),
        ("ntfy://192.168.1.4:8080/topic", "ntfy"),
        ("gotify://nas.lan/TOKEN", "Gotify"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "Telegram"),
        ("matrixs://anna:password@matrix.example.org/#room", "Matrix"),
        ("discord://1234567890/abcdefghijk", "Discord"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "Slack"),
        ("jsons://example.org/path", "JSON"),
        ("mailtos://anna:password@example.org", "E-Mail"),
    ],
)
def test_addresses_that_are_taken(url, kind):
    assert addresses.examine(url) == addresses.Address(kind)


@pytest.mark.parametrize("user", ["", "me@example.org", "DOMAIN\\me", "a%20b+c", "%"])
@pytest.mark.parametrize("password", ["simple", "s%&#/?:@+\"'=", "%25%2B", " with spaces ", "~`!$^*(){}[]|<>.,;\\"])
def test_mail_takes_every_character(user, password):
    mail = Mail("nas.lan", "borgui <b+x@example.org>", "anna@example.org, b.ob@example.org", None, user=user)
    plugin = addresses.plugin_of(Mail(**{**vars(mail), "password": password}).url())

    assert (plugin.smtp_host, plugin.port, plugin.secure_mode) == ("nas.lan", 587, "starttls")
    assert (plugin.user or "", plugin.password) == (user, password)
    assert sorted(plugin.targets) == [(False, "anna@example.org"), (False, "b.ob@example.org")]


@pytest.mark.parametrize(("encryption", "port"), [(Encryption.TLS, 465), (Encryption.NONE, 25)])
def test_each_encryption_has_its_port(encryption, port):
    plugin = addresses.plugin_of(Mail("::1", "a@example.org", "b@example.org", encryption=encryption).url())

    assert (plugin.smtp_host, plugin.port, plugin.secure_mode) == ("::1", port, encryption.value)


def test_a_name_is_taken_once_and_unknown_events_and_repositories_are_refused():
    channel = channels.create({"name": "phone", "url": SECRET})

    with pytest.raises(Conflict):
        channels.create({"name": "phone", "url": SECRET})
    with pytest.raises(Invalid) as refused:
        channels.change(channel, {"events": ["failure", "nonsense"], "repositories": [4711], "name": ""})

    assert set(refused.value.errors) == {"name", "events", "repositories"}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31mb", "\u202e", "x" * 101])
def test_a_name_is_one_line_that_can_be_read(db, name):
    with pytest.raises(Invalid) as refused:
        channels.create({"name": name, "url": SECRET})

    assert list(refused.value.errors) == ["name"]


def test_switching_off_forgets_what_waits(make_channel):
    channel = make_channel()
    told = Notification.objects.create(event="failure", title="old news")
    row = Delivery.objects.create(notification=told, channel=channel)

    channels.change(channel, {"enabled": False})

    row.refresh_from_db()
    assert (row.status, row.error) == ("given_up", "The channel was switched off.")


# --- the door ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "192.168.1.4", "fd12::1", "8.8.8.8", "nas.lan", "::1"])
def test_machines_of_a_home_are_welcome(host):
    assert not door.is_forbidden(host)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "fe80::1%eth0",
        "::ffff:169.254.1.1",
        "64:ff9b::a9fe:a9fe",
        "fd00:ec2::254",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_addresses_of_the_machine_itself_are_not(host):
    assert door.is_forbidden(host)


def test_names_are_looked_up_freely_outside_the_door():
    with door.guarded(), pytest.raises(door.Forbidden):
        socket.getaddrinfo("169.254.169.254", 80)

    assert socket.getaddrinfo("169.254.169.254", 80)


# --- REST -------------------------------------------------------------------------------------------------------------
def test_channels_by_the_api(make_repository, hook):
    rest, repository = Rest(), make_repository()

    made = rest.post(
        "/channels", {"name": "phone", "url": hook.url, "all_repositories": False, "repositories": [repository.pk]}
    )
    pk = made.json()["id"]

    assert made.status_code == 201
    assert "url" not in made.json()
    assert made.json()["repositories"] == [repository.pk]
    assert rest.put(f"/channels/{pk}", {"url": "", "events": ["overdue"]}).json()["events"] == ["overdue"]
    assert Channel.objects.get().url == hook.url
    assert rest.put(f"/channels/{pk}", {"events": None}).json()["events"][0] == "failure"
    assert rest.post(f"/channels/{pk}/test").json() == {"sent": True, "error": None}
    assert rest.get("/channels").json()["count"] == 1
    assert rest.get("/status").json()["channels"] == {"count": 1}
    assert rest.delete(f"/channels/{pk}").status_code == 204
    assert rest.get(f"/channels/{pk}").status_code == 404


def test_the_api_says_what_is_wrong():
    rest = Rest()

    assert fields_of(rest.post("/channels", {"name": "phone", "url": "syslog://"})) == ["url"]
    assert rest.post("/channels", {"name": "phone", "url": SECRET}).status_code == 201
    assert rest.post("/channels", {"name": "phone", "url": SECRET}).status_code == 409
    assert Rest("read").post("/channels", {"name": "two", "url": SECRET}).status_code == 403
    assert Rest("run").post(f"/channels/{Channel.objects.get().pk}/test").status_code == 200
