"""When something that runs in a job has to stop: a person, the service, or a time limit (behaviour.md, sections 4, 6, 7)."""

import signal
import time
from types import FrameType

from django.conf import settings
from django.db import Error

from scripts_library.models import ScriptExecution
from scripts_library.running import Stop

from . import quick
from .models import BackupJob, Work

LOOK = 1.0  # seconds between two looks at the database
RESERVED = 12.0  # seconds of the grace that are kept for ending what still runs


class StopRequest:
    """Set by TERM or INT: a planned stop. One per process; `instant` is monotonic."""

    def __init__(self) -> None:
        self.instant: float | None = None
        self.abandoned = False

    def listen(self) -> "StopRequest":
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._ask)
        return self

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.ask()

    def ask(self) -> None:
        if self.instant is None:
            self.instant = time.monotonic()

    def __bool__(self) -> bool:
        return self.instant is not None

    def give_up(self) -> None:
        """Nothing is running and the next thing is far: the grace need not be waited for."""
        self.abandoned = True

    def is_out_of_time(self) -> bool:
        """The grace of the planned stop is over, but for what it takes to end what still runs."""
        if self.instant is None:
            return False
        if self.abandoned:
            return True
        patience = max(settings.STOP_GRACE - RESERVED, settings.STOP_GRACE / 2)
        return time.monotonic() - self.instant >= patience


class Watch:
    """Answers 'should this stop?' for one job, or one window's run; each answer is a `Stop` or ''."""

    def __init__(self, work: Work, stop: StopRequest) -> None:
        self.work, self.stop = work, stop
        self.max_downtime = work.repository.max_downtime if isinstance(work, BackupJob) else None
        self._down_since: float | None = None
        self._looked: dict[int, float] = {}

    def pre(self, row: ScriptExecution) -> str:
        """Before and during a pre-backup script. The first call starts the clock of `max_downtime`."""
        self._down_since = self._down_since or time.monotonic()
        return self._planned() or self._asked(row) or self._downtime()

    def borg(self) -> str:
        return self._planned() or self._asked() or self._downtime()

    def post(self, row: ScriptExecution) -> str:
        """A post-backup script is stopped by a person who named it, or when a planned stop runs out of time."""
        if self.stop.is_out_of_time():
            return Stop.SHUTDOWN
        return Stop.STOPPED if self._asked(row) == Stop.STOPPED else ""

    def maintenance(self) -> str:
        return self._planned() or self._asked()

    def is_cancelled(self) -> bool:
        """Whether the job was cancelled until now; asked when borg is over, which may take less than a look."""
        self._looked.pop(0, None)
        return self._asked() == Stop.CANCELLED

    def _planned(self) -> str:
        return Stop.SHUTDOWN if self.stop else ""

    def _downtime(self) -> str:
        if self.max_downtime and self._down_since and time.monotonic() - self._down_since >= self.max_downtime:
            return Stop.MAX_DOWNTIME
        return ""

    def _asked(self, row: ScriptExecution | None = None) -> str:
        """What people asked for, read at most once a second; a database that cannot be read says nothing."""
        key, now = row.pk if row else 0, time.monotonic()
        if now - self._looked.get(key, -LOOK) < LOOK:
            return ""
        self._looked[key] = now
        try:
            with quick.database():
                return self._read(row)
        except Error:
            quick.reconnect_if_broken()
            return ""

    def _read(self, row: ScriptExecution | None) -> str:
        if row is None:
            rows = type(self.work)._default_manager.filter(pk=self.work.pk)
            return Stop.CANCELLED if rows.values_list("cancel_requested_at", flat=True).first() else ""
        found = ScriptExecution.objects.filter(pk=row.pk).values_list(
            "cancel_requested_at", f"{self.work.column}__cancel_requested_at"
        )
        mine, whole = found.first() or (None, None)
        return Stop.STOPPED if mine else Stop.CANCELLED if whole else ""
