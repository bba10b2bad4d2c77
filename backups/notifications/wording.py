"""The message that a channel gets: subject, first the sentences of the backup, then where to look (pages.md, "Words")."""

import re
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from backups.models import Event, Notification, Services
from borgui.ansi import HIDDEN, SEQUENCE

from .events import BY_NAME

MOST_LINES, MOST_CHARACTERS = 60, 4000
ABOUT_A_BACKUP = {Event.FAILURE, Event.WARNING, Event.RECOVERED, Event.SKIPPED, Event.CANCELLED}
UNTOUCHED = "Nothing was stopped."


@dataclass(frozen=True)
class Message:
    """`tone` is one of ok, attention, failed, idle."""

    title: str
    body: str
    tone: str = "idle"


def message_of(notification: Notification) -> Message:
    """Names and output of scripts cannot forge a line of it: control characters are taken out."""
    parts = [text_of(notification), origin(notification), link(notification)]
    tone = BY_NAME[notification.event].tone
    return Message(one_line(notification.title), "\n\n".join(part for part in parts if part), tone)


def text_of(notification: Notification) -> str:
    """What is said of a backup is one line, in which also the services are spoken of."""
    if notification.event == Event.MESSAGE:
        return paragraphs(notification.text)
    first, _, counted = notification.text.rpartition("\n\n") if "\n\n" in notification.text else ("", "", "")
    said = one_line(first or notification.text)
    job = notification.job
    if job is not None and notification.event in ABOUT_A_BACKUP and job.services == Services.UNTOUCHED:
        said = f"{said} {UNTOUCHED}"
    return f"{said}\n\n{one_line(counted)}" if counted else said


def origin(notification: Notification) -> str:
    """Words that are not ours say whose they are."""
    if notification.event != Event.MESSAGE:
        return ""
    backup = f" of the backup of '{one_line(notification.repository.name)}'" if notification.repository else ""
    return f"(Written by a script{backup}.)"


def link(notification: Notification) -> str:
    """To the page where it is shown; '' where nobody has said under which address the pages are reached."""
    if not settings.CSRF_TRUSTED_ORIGINS:
        return ""
    return f"Look: {settings.CSRF_TRUSTED_ORIGINS[0]}{page_of(notification)}"


def page_of(notification: Notification) -> str:
    if notification.job_id:
        return reverse("job", args=[notification.job_id])
    if notification.repository_id:
        return reverse("repository", args=[notification.repository_id])
    return reverse("start")


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", HIDDEN.sub(" ", SEQUENCE.sub("", text))).strip()


def paragraphs(text: str) -> str:
    """At most 60 lines, each clean by itself."""
    lines = [one_line(line) for line in text.replace("\r\n", "\n").split("\n")]
    found = "\n".join(lines[:MOST_LINES]).strip()
    is_cut = len(lines) > MOST_LINES or len(found) > MOST_CHARACTERS
    return f"{found[:MOST_CHARACTERS]}\n…" if is_cut else found
