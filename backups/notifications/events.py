"""What there is to be told, in people's words, and what is told unless somebody says otherwise."""

from dataclasses import dataclass

from backups.models import Event


@dataclass(frozen=True)
class Kind:
    """`is_usual`: a new channel is told of it. `tone`: ok, attention, failed or idle, the colour on pages."""

    event: Event
    label: str
    sentence: str
    is_usual: bool = True
    tone: str = "failed"


KINDS = (
    Kind(Event.FAILURE, "Not backed up", "A backup failed."),
    Kind(
        Event.BROKEN_PROMISE,
        "Services may still be stopped",
        "A script that had to run after a backup did not come to a good end.",
    ),
    Kind(Event.OVERDUE, "Overdue", "No good backup for twice the time between two of them, at least 26 hours."),
    Kind(
        Event.WORKS_AGAIN,
        "Works again",
        "The first good backup after a failure, a broken promise, or being overdue.",
        tone="ok",
    ),
    Kind(
        Event.RECOVERED,
        "Picked up after an interruption",
        "A backup was cut off, by a restart for instance, and its services were brought back.",
        tone="attention",
    ),
    Kind(Event.MISSED, "Not started", "A due time passed without a backup: the server was off.", tone="attention"),
    Kind(Event.WINDOW_NOT_OPENED, "Window did not open", "A script failed before it, so none of its backups ran."),
    Kind(Event.WINDOW_MISSED, "Window missed", "The server was off when it was to open.", tone="attention"),
    Kind(Event.WORKER_SILENT, "A machine does not report", "A backup runs there, and may be lost."),
    Kind(
        Event.APPROVAL,
        "Waits for approval",
        "With four eyes: a version of a script that another author has to approve.",
        tone="attention",
    ),
    Kind(Event.MESSAGE, "Messages of scripts", "What a script wrote into NOTIFY_FILE.", tone="idle"),
    Kind(
        Event.WARNING,
        "Backed up, with a warning",
        "Files could not be read, or a script failed afterwards.",
        is_usual=False,
        tone="attention",
    ),
    Kind(Event.SUCCESS, "Backed up", "Every good backup.", is_usual=False, tone="ok"),
    Kind(Event.SKIPPED, "Skipped", "A script said: not today.", is_usual=False, tone="idle"),
    Kind(Event.CANCELLED, "Stopped by a person", "Somebody stopped a backup.", is_usual=False, tone="idle"),
    Kind(
        Event.OUTSIDE_EDIT,
        "Script changed outside",
        "The file of a script was changed, and not on its page.",
        is_usual=False,
        tone="attention",
    ),
)
BY_NAME = {kind.event.value: kind for kind in KINDS}
USUAL = [kind.event.value for kind in KINDS if kind.is_usual]
