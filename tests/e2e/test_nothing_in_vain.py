"""Colleagues with fewer rights: no page offers them what would be refused, and at night the phone is enough."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from playwright.sync_api import Page, expect

from backups.models import BackupJob, BrokenPromise
from borgui.accounts import people, rights
from borgui.accounts.models import User
from borgui.accounts.roles import Role, rights_of

from .conftest import PHONE, PICTURES, scrolls_sideways
from .test_every_page import addresses, numbers  # noqa: F401 - the busy installation

VOID = {"input", "br", "img", "meta", "link", "hr", "path", "circle", "rect", "line", "polyline", "polygon", "source"}
ASKS = {"hx-get": "GET", "hx-post": "POST", "hx-put": "POST", "hx-delete": "POST"}


class Offers(HTMLParser):
    """What can be pressed on a page: method and address. What stands in a disabled fieldset cannot."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.offers: set[tuple[str, str]] = set()
        self.forms: dict[str, tuple[str, str]] = {}  # by id
        self.waiting: list[tuple[str, dict[str, str | None]]] = []  # buttons of a form that stands elsewhere
        self.disabled, self.form = list[bool](), list[tuple[str, str]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "fieldset":
            self.disabled.append("disabled" in given)
        if tag == "form":
            self.form.append((str(given.get("method") or "GET").upper(), str(given.get("action") or "")))
            self.forms[given.get("id") or ""] = self.form[-1]
        if any(self.disabled) or "disabled" in given:
            return
        if tag == "a" and given.get("href"):
            self.offer("GET", str(given["href"]))
        if (tag == "button" and given.get("type") != "button") or given.get("type") == "submit":
            self.press(given)
        for name in ASKS.keys() & given.keys():
            self.offer(ASKS[name], str(given[name]))

    def press(self, given: dict[str, str | None]) -> None:
        if given.get("form"):
            self.waiting.append((str(given["form"]), given))
        elif self.form:
            method, action = self.form[-1]
            self.offer(method, str(given.get("formaction") or action))

    def handle_endtag(self, tag: str) -> None:
        if tag == "fieldset":
            self.disabled.pop()
        if tag == "form":
            self.form.pop()

    def close(self) -> None:
        super().close()
        for name, given in self.waiting:
            method, action = self.forms[name]
            self.offer(method, str(given.get("formaction") or action))

    def offer(self, method: str, where: str) -> None:
        target = urlsplit(urljoin(self.address, where))
        if target.scheme in ("", "http", "https") and not target.netloc:
            self.offers.add((method, target.path))


def refused(page: str, address: str, role: str) -> Iterator[str]:
    """What this role is offered there, and may not."""
    reader = Offers(address)
    reader.feed(page)
    reader.close()
    for method, path in sorted(reader.offers):
        try:
            name = resolve(path).url_name or ""
        except Resolver404:
            continue
        if name in rights.PAGES and rights.asked_by_page(name, method) not in rights_of(role):
            yield f"{role} on {address}: {method} {path} ({name})"


def colleague(role: str) -> User:
    user = User.objects.create_user(username="ben", password="long enough")
    people.put_into(user, role)
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.AUTHOR])
def test_no_page_offers_what_would_be_refused(numbers: dict[str, Any], role: str) -> None:  # noqa: F811
    user = colleague(role)
    client = Client(headers={"Host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    found = []
    for address in addresses(numbers).values():
        answer = client.get(address)
        if answer.status_code == 200:
            found += refused(answer.content.decode(), address, role)
    assert not found, "\n".join(found)


# --- at three in the morning, on a phone ------------------------------------------------------------------------------
def test_an_operator_puts_things_right_from_the_phone_in_a_few_taps(
    open_page: Callable[..., Page],
    numbers: dict[str, Any],  # noqa: F811
) -> None:
    phone = open_page(colleague(Role.OPERATOR), viewport=PHONE, has_touch=True)
    broken = BrokenPromise.objects.filter(job=numbers["job"]).get()
    seen(phone, "/", "overview")
    again = f"form[action='/jobs/{numbers['job']}/post-backup/'] button"
    expect(phone.locator(again)).to_have_accessible_name(f"Run it again: {broken.script_name}")
    phone.locator(again).tap()
    expect(phone).to_have_url(re.compile(rf"/jobs/{numbers['job']}/$"))
    assert BackupJob.objects.get(pk=numbers["job"]).phase == "post-backup"

    other = BrokenPromise.objects.filter(closed_at=None, window_run=numbers["closed window"]).get()
    seen(phone, f"/windows/runs/{numbers['closed window']}/", "window-run")
    phone.get_by_label("Put right by hand?").fill("started it by hand")
    phone.get_by_role("button", name=f"Close '{other.script_name}'").tap()
    expect(phone.get_by_text("no longer shown as broken")).to_be_visible()
    other.refresh_from_db()
    assert (other.closed_by_user.username, other.note) == ("ben", "started it by hand")  # type: ignore[union-attr]

    seen(phone, f"/jobs/{numbers['running job']}/", "running")
    phone.get_by_role("button", name="Cancel").tap()
    expect(phone.get_by_text("Stopping, as ben asked")).to_be_visible()


def test_a_viewer_is_told_on_the_phone_who_can_help(
    open_page: Callable[..., Page],
    numbers: dict[str, Any],  # noqa: F811
) -> None:
    phone = open_page(colleague(Role.VIEWER), viewport=PHONE, has_touch=True)
    for address in ("/", f"/jobs/{numbers['job']}/", f"/windows/runs/{numbers['closed window']}/", "/schedules/"):
        seen(phone, address, f"viewer-{address.strip('/').replace('/', '-')}")
        expect(phone.locator("main").get_by_text("Ask anna.").first).to_be_visible()


def seen(phone: Page, address: str, name: str) -> None:
    """Opened, whole, with a picture."""
    phone.goto(address)
    phone.screenshot(path=PICTURES / f"night-{name}.png", full_page=True)
    assert not scrolls_sideways(phone, "phone")
