"""What happened: one feed of backups, test runs, and due times that nothing came of, newest first (pages.md).

`filters`: what somebody looks for. `rows`: the queries. `entries`: what is shown of one row. `feed`, `days`, `news`: pages
of it by cursor, under the headings of their days, and what is new since.
"""

from .entries import Entry
from .feed import PAGE, Cursor, Feed, page
from .filters import Filters, State, ran
from .news import News, Seen, news

__all__ = ["PAGE", "Cursor", "Entry", "Feed", "Filters", "News", "Seen", "State", "news", "page", "ran"]
