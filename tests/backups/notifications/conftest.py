from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backups.models import Channel, Event
from backups.notifications import channels

from .receivers import MailServer, WebHook, mail_server, web_hook

EVERYTHING = list(Event.values)


@pytest.fixture
def hook() -> Iterator[WebHook]:
    with web_hook() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture
def make_channel(db: None, data_dir: Any) -> Callable[..., Channel]:
    """A channel that hears everything."""

    def make(name: str = "phone", url: str = "json://127.0.0.1:9/", **fields: Any) -> Channel:
        return channels.create({"name": name, "url": url, "events": EVERYTHING, **fields})

    return make
