"""News about a version of a script, told once for each version."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction

from backups.models import Event, Notification
from scripts_library.models import RepositoryScript, Script, WindowScript


def tell_once(
    event: Event, scripts: Iterable[Script], *, what: str, text_of: Callable[[Script], str], now: datetime
) -> None:
    """A notification for each of these scripts whose newest version nobody was told of. `what`: the end of its title."""
    found = {f"{event}:{script.pk}:{script.sha256}": script for script in scripts}
    if not found:
        return
    with transaction.atomic():
        told = Notification.objects.filter(event=event, signature__in=found)
        for signature in found.keys() - set(told.values_list("signature", flat=True)):
            script = found[signature]
            title = f"{script.name}: {what}"[:250]
            Notification.objects.create(
                event=event, title=title, text=text_of(script), signature=signature, created_at=now
            )


def users_of(script: Script) -> str:
    """How many repositories and windows run it, in words; "" where none does."""
    repositories = (
        RepositoryScript.objects.filter(script=script, enabled=True).values("repository_id").distinct().count()
    )
    windows = WindowScript.objects.filter(script=script, enabled=True).values("window_id").distinct().count()
    return " and ".join(
        filter(None, [counted(repositories, "repository", "repositories"), counted(windows, "window", "windows")])
    )


def counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}" if count else ""
