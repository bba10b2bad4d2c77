"""Four eyes: scripts whose newest version waits for another author, told once for each version."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max

from backups import words
from backups.models import Event
from scripts_library import approval
from scripts_library.models import Script

from .of_scripts import tell_once, users_of

SETTLED = timedelta(minutes=10)  # since the last save: who writes saves often


def look(now: datetime) -> None:
    if settings.FOUR_EYES:
        written = Script.objects.waiting().annotate(written_at=Max("revisions__created_at"))
        waiting = written.filter(written_at__lte=now - SETTLED)
        tell_once(Event.APPROVAL, waiting, what="waits for approval", text_of=text_of, now=now)


def text_of(script: Script) -> str:
    """Who can help, and what happens until then."""
    return words.lines(f"Its newest version waits for approval: {approval.who_can(script)}", effect(script))


def effect(script: Script) -> str:
    whom = users_of(script)
    if not whom:
        return "No repository uses it."
    if script.approved_sha256:
        return f"Until then the approved version runs with the backups of {whom}."
    return f"It was never approved, so the next backups of {whom} fail."
