"""Telling somebody, in a browser: from "nobody is told" to a mail that arrives."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from backups.models import Channel, Delivery, Notification
from backups.notifications import channels
from tests.backups.notifications.receivers import mail_server

from . import world

pytestmark = pytest.mark.e2e
Look = Callable[[Page, str], None]
Axe = Callable[[Page], None]


def test_from_nobody_is_told_to_a_mail_by_keyboard_and_mouse(
    page: Page, make_repository: Any, look: Look, axe: Axe
) -> None:
    world.make_worker()
    world.finished(make_repository())
    page.goto("/settings/notifications/")
    expect(page.locator("main")).to_contain_text("Nobody is told when a backup fails.")
    axe(page)
    look(page, "notifications-none")
    page.goto("/scripts/")
    page.get_by_role("region", name="Notifications").get_by_role("link", name="Add channel").click()
    axe(page)
    look(page, "channel-new")

    with mail_server("me", "p%20w +&") as box:
        page.get_by_label("Name").fill("Mail to Anna")
        page.get_by_label("To", exact=True).fill("anna@example.org")
        page.get_by_label("From", exact=True).fill("borg@example.org")
        page.get_by_label("Mail server").fill("127.0.0.1")
        page.get_by_label("Encryption").select_option("insecure")
        page.get_by_role("spinbutton", name="Port").fill(str(box.port))
        page.get_by_label("User", exact=True).fill("me")
        page.get_by_label("Password", exact=True).fill("p%20w +&")
        page.get_by_role("button", name="Add channel").press("Enter")
        page.get_by_role("button", name="Send a test to Mail to Anna").press("Enter")
        expect(page.locator("main")).to_contain_text("'Mail to Anna' took the message.")
        assert [one.title for one in box.got] == ["borgui: a test"]

    page.get_by_role("button", name="Send a test to Mail to Anna").click()
    expect(page.locator("main")).to_contain_text("'Mail to Anna' did not get the message. It refused the connection.")
    page.goto("/scripts/")
    expect(page.get_by_role("region", name="Notifications")).to_have_count(0)


def test_an_address_that_is_refused_is_said_at_its_field(page: Page, axe: Axe, look: Look) -> None:
    page.goto("/settings/notifications/new/")
    page.get_by_label("Name").fill("log")
    page.get_by_label("By another service").check()
    expect(page.get_by_label("Mail server")).to_be_hidden()
    page.get_by_label("Address", exact=True).fill("syslog://")
    page.get_by_role("button", name="Add channel").click()
    expect(page.locator("main")).to_contain_text("Syslog is not supported")
    axe(page)
    look(page, "channel-refused")


def test_channels_and_what_became_of_every_message(page: Page, make_repository: Any, axe: Axe, look: Look) -> None:
    fill(make_repository)
    page.goto("/settings/notifications/")
    expect(page.get_by_role("row", name="ntfy on the phone ntfy")).to_contain_text("It refused the connection.")
    axe(page)
    look(page, "notifications")
    page.get_by_role("link", name="Mail to Anna", exact=True).click()
    axe(page)
    look(page, "channel")
    page.goto("/settings/")
    axe(page)
    look(page, "settings")
    page.goto("/")
    axe(page)
    look(page, "overview-channel-fails")


def fill(make_repository: Any) -> None:
    """Two channels, one of which fails, and something of every kind that was told."""
    world.make_worker()
    repository = make_repository("nextcloud", kit_saved_at=timezone.now())
    job = world.finished(repository)
    mail = channels.create({"name": "Mail to Anna", "url": "mailto://127.0.0.1/?from=a@example.org&to=b@example.org"})
    phone = channels.create({"name": "ntfy on the phone", "url": "ntfy://127.0.0.1:9/topic"})
    now = timezone.now()
    Channel.objects.filter(pk=mail.pk).update(last_sent_at=now - timedelta(hours=2))
    Channel.objects.filter(pk=phone.pk).update(last_error="It refused the connection.", last_error_at=now)
    titles = {
        "works_again": "nextcloud: works again",
        "failure": "nextcloud: not backed up",
        "broken_promise": "nextcloud: services may still be stopped",
        "overdue": "nextcloud: overdue",
        "success": "nextcloud: backed up",
    }
    for hours, (event, title) in enumerate(titles.items(), start=1):
        at = now - timedelta(hours=hours)
        row = Notification.objects.create(
            event=event, title=title, repository=repository, job=job, created_at=at, routed_at=at
        )
        if event != "success":
            Delivery.objects.create(notification=row, channel=mail, status="sent", sent_at=at, attempts=1)
            error = "It refused the connection."
            status = "given_up" if event == "overdue" else "waiting"
            Delivery.objects.create(notification=row, channel=phone, status=status, attempts=3, error=error)
