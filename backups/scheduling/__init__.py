"""Schedules and windows at work (behaviour.md, sections 2 and 13): what is due now, and what will be. Time is an argument.

`turns` decides what one of them has to do; `due` takes the turns of schedules and writes them down, `openings` those of
windows; `jobs` queues the backups; `forecast` looks ahead, for pages and the status; `pace` says how often a worker looks.
"""

from datetime import datetime

from backups.models import BackupJob

from . import due, openings
from .forecast import Upcoming, coming_openings, paused, tonight, upcoming
from .pace import Pace

__all__ = ["Pace", "Upcoming", "anything_due", "coming_openings", "paused", "start_due", "tonight", "upcoming"]


def anything_due(now: datetime) -> bool:
    """One look at an index each: for those who ask every few seconds."""
    return due.anything_due(now) or openings.anything_due(now)


def start_due(now: datetime) -> list[BackupJob]:
    """Queue everything that is due, windows first: backups of schedules wait for those; the queued jobs of schedules."""
    openings.open_due(now)
    return due.start_due(now)
