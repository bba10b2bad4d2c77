"""People are told: from rows that say what happened to messages at the addresses that people gave.

`events`: what there is to be told. `channels`, `addresses`, `mail`: where to. `overdue`, `edits`, `approvals`: what nobody
wrote a row about. `routing`: who is told what, and what is only counted. `wording`: the message. `sending`, `apprise_call`,
`pings`: out of the machine, by a process of its own. Whatever fails here delays and fails no backup.
"""

from datetime import datetime

from .approvals import look as look_for_approvals
from .edits import look as look_for_edits
from .outgoing import anything_due
from .overdue import look as look_for_overdue
from .routing import route

__all__ = ["anything_due", "look"]


def look(now: datetime) -> None:
    """Every minute: find what is overdue, was changed outside, or waits for approval, and decide who is told what."""
    look_for_overdue(now)
    look_for_edits(now)
    look_for_approvals(now)
    route(now)
