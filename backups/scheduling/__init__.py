"""Schedules at work (behaviour.md, section 2): what is due now, and what will be. Time is an argument everywhere.

`turns` decides what one schedule has to do; `due` takes the turns and writes them down; `jobs` queues the backups;
`forecast` looks ahead, for pages and the status; `pace` says how often a worker looks.
"""

from .due import anything_due, start_due
from .forecast import Upcoming, paused, tonight, upcoming
from .pace import Pace

__all__ = ["Pace", "Upcoming", "anything_due", "paused", "start_due", "tonight", "upcoming"]
