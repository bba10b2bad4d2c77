"""Scripts whose file was changed outside their page, told once for each change."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from backups import words
from backups.models import Event, Notification
from scripts_library.models import RepositoryScript, Script


def look(now: datetime) -> None:
    """Write a notification for each change that nobody has seen and nobody was told of."""
    changed = {signature(script): script for script in Script.objects.kept().filter(unseen_edit=True)}
    if not changed:
        return
    with transaction.atomic():
        told = Notification.objects.filter(event=Event.OUTSIDE_EDIT, signature__in=changed)
        for one in changed.keys() - set(told.values_list("signature", flat=True)):
            tell(changed[one], one, now)


def signature(script: Script) -> str:
    return f"{Event.OUTSIDE_EDIT}:{script.pk}:{script.sha256}"


def tell(script: Script, signature: str, now: datetime) -> None:
    """Sentence 15 (pages.md)."""
    text = words.lines(f"This file was changed outside its page, seen at {words.clock(now)}.", effect(script))
    title = f"{script.name}: changed outside its page"
    Notification.objects.create(
        event=Event.OUTSIDE_EDIT, title=title[:250], text=text, signature=signature, created_at=now
    )


def effect(script: Script) -> str:
    users = RepositoryScript.objects.filter(script=script, enabled=True)
    count = users.values("repository_id").distinct().count()
    if not count:
        return "No repository uses it."
    whom = "1 repository" if count == 1 else f"{count} repositories"
    if settings.EXTERNAL_EDITS == "block":
        return f"The next backups of {whom} fail until somebody keeps it or goes back to the last version."
    return f"The new version runs with the next backups of {whom}."
