"""From states to words: every sentence about a backup on pages, in commands and in notifications (pages.md).

`phrases`: amounts and moments. `finished`: what is said of a backup that is over. `page`: what only its page says.
`window`: what is said of a maintenance window.
The order is always: the subject, then the data, then the services, then what to do. Names in plain text, codes last.
"""

from .finished import (
    Told,
    afterwards,
    data_sentence,
    down,
    last_good,
    last_good_of,
    lost,
    promise,
    saved,
    services,
    still_down,
    stops_something,
    told_again,
    told_of,
    told_works_again,
)
from .phrases import clock, day, duration, lines, size, to_the_second
from .window import failed_afterwards, told_of_window, told_window_again, told_window_works_again

__all__ = [
    "Told",
    "afterwards",
    "clock",
    "data_sentence",
    "day",
    "down",
    "duration",
    "failed_afterwards",
    "last_good",
    "last_good_of",
    "lines",
    "lost",
    "promise",
    "saved",
    "services",
    "size",
    "still_down",
    "stops_something",
    "to_the_second",
    "told_again",
    "told_of",
    "told_of_window",
    "told_window_again",
    "told_window_works_again",
    "told_works_again",
]
