"""When a worker looks at what is due: right after each full minute, and every few seconds for what starts in between.

Due times are full minutes, a jitter and a change of the machine's clock are not. The minutes are those of the wall, the
seconds those of a clock that nobody sets.
"""

from dataclasses import dataclass
from datetime import datetime

AT_MOST = 5.0  # seconds between two looks


@dataclass
class Pace:
    _minute: datetime | None = None
    _looked: float = 0.0

    def is_time(self, now: datetime, monotonic: float) -> bool:
        """True once for each look; `monotonic` in seconds."""
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute and monotonic - self._looked < AT_MOST:
            return False
        self._minute, self._looked = minute, monotonic
        return True
