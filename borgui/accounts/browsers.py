"""Where somebody is signed in: one row for each browser, written at sign-in, brought up to date every few minutes.

The session is Django's and stays the truth: a row whose session is gone, has ended, or was begun with another password
is not listed, and ending one deletes the session itself.
"""

import logging
import time
from collections.abc import Callable

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from . import audit
from .models import BrowserSession, User, digest
from .origin import address_of

log = logging.getLogger(__name__)
STAMP = "browser"  # in the session: the number of its row, its key, and when it was seen, in seconds since the epoch
SEEN_EVERY = 5 * 60  # seconds

# What a browser says of itself, the first that fits; those that pretend to be another come before it.
PROGRAMS = [
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"), ("Chrome/", "Chrome"), ("Chromium/", "Chromium"), ("Safari/", "Safari"),
]  # fmt: skip
SYSTEMS = [
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
]  # fmt: skip


def in_words(agent: str) -> str:
    """'Firefox on Linux', from a User-Agent header."""
    program = next((name for sign, name in PROGRAMS if sign in agent), "")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    if not program:
        program = "".join(letter for letter in agent.partition("/")[0][:40] if letter.isprintable()).strip()
    return f"{program or 'a browser'} on {system}" if system else program or "a browser"


def note_sign_in(request: HttpRequest, user: User) -> None:
    """This session has just begun. Rows of this person that are of no use any more go."""
    if request.session.session_key is None:
        request.session.create()
    key, now = str(request.session.session_key), timezone.now()
    with transaction.atomic():
        BrowserSession.objects.filter(user=user).exclude(pk__in=of(user)).delete()
        row = BrowserSession.objects.create(
            user=user,
            session_key=key,
            valid_for=digest(request.session[HASH_SESSION_KEY]),
            begun_at=now,
            seen_at=now,
            address=address_of(request),
            browser=in_words(request.headers.get("User-Agent", "")),
        )
    request.session[STAMP] = {"row": row.pk, "key": key, "seen": time.time()}


def seen(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: brings the row of this session up to date, also when its key has changed."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.session.accessed and STAMP in request.session and HASH_SESSION_KEY in request.session:
            bring_up_to_date(request)
        return response

    return respond


def bring_up_to_date(request: HttpRequest) -> None:
    """A database that cannot be written is no reason to show no page."""
    stamp, key = request.session[STAMP], request.session.session_key
    if stamp["key"] == key and 0 <= time.time() - stamp["seen"] < SEEN_EVERY:
        return
    try:
        with transaction.atomic():
            BrowserSession.objects.filter(pk=stamp["row"]).update(
                session_key=key,
                valid_for=digest(request.session[HASH_SESSION_KEY]),
                seen_at=timezone.now(),
                address=address_of(request),
            )
    except DatabaseError as error:
        log.warning("When a session was last seen could not be written: %s", error)
        return
    request.session[STAMP] = {**stamp, "key": key, "seen": time.time()}


def of(user: User) -> QuerySet[BrowserSession]:
    """Where this person is signed in now, the last seen first; not what a new password or 'sign out everywhere' has ended."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    rows = BrowserSession.objects.filter(
        user=user, valid_for=digest(user.get_session_auth_hash()), session_key__in=alive
    )
    return rows.order_by("-seen_at", "-pk")


def this_one(request: HttpRequest) -> int | None:
    """The number of this browser's row."""
    return (request.session.get(STAMP) or {}).get("row")


@transaction.atomic
def end(user: User, pk: int) -> bool:
    """Sign one browser of this person out; whether it was signed in."""
    row = of(user).filter(pk=pk).first()
    if row is None:
        return False
    Session.objects.filter(session_key=row.session_key).delete()
    audit.record("signed out elsewhere", user, before={"browser": row.browser, "address": row.address})
    row.delete()
    return True


def forget(request: HttpRequest) -> None:
    """This session is about to end."""
    if (pk := this_one(request)) is not None:
        BrowserSession.objects.filter(pk=pk).delete()
