"""Scripts whose file was changed outside their page, told once for each change."""

from datetime import datetime

from django.conf import settings

from backups import words
from backups.models import Event
from scripts_library.models import Script

from .of_scripts import tell_once, users_of


def look(now: datetime) -> None:
    """Write a notification for each change that nobody has seen and nobody was told of (sentence 15, pages.md)."""

    def text_of(script: Script) -> str:
        return words.lines(f"This file was changed outside its page, seen at {words.clock(now)}.", effect(script))

    changed = Script.objects.kept().filter(unseen_edit=True)
    tell_once(Event.OUTSIDE_EDIT, changed, what="changed outside its page", text_of=text_of, now=now)


def effect(script: Script) -> str:
    whom = users_of(script)
    if not whom:
        return "No repository uses it."
    if settings.EXTERNAL_EDITS == "block":
        return f"The next backups of {whom} fail until somebody keeps it or goes back to the last version."
    return f"The new version runs with the next backups of {whom}."
