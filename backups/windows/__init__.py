"""Maintenance windows at work (behaviour.md, section 13): scripts once before and once after a group of backups.

`opening` is the way of one run from its claim to its end, `claiming` its beginning, `members` its backups, `crew` their
processes, `closing` its final status. `asking` is what people may ask for, `downtime` what a window saves.
"""

from backups.scheduling.openings import next_openings, set_next

from .asking import open_now, request_cancel, request_post_scripts
from .downtime import Saved, downtime_of, saved_by_thing, saved_downtime, saved_of

__all__ = [
    "Saved",
    "downtime_of",
    "next_openings",
    "open_now",
    "request_cancel",
    "request_post_scripts",
    "saved_by_thing",
    "saved_downtime",
    "saved_of",
    "set_next",
]
