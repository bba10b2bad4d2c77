"""Dead-man pings: a service outside is told when a schedule begins and how it ended, and raises the alarm when it is not.

In the way of healthchecks: POST to the address, with `/start` and `/fail` behind it.
"""

from urllib.parse import urlsplit, urlunsplit

import requests

from backups.models import Ping, PingKind

from . import apprise_call, door
from .apprise_call import Sent
from .wording import paragraphs

LIMIT = 10.0  # seconds
ENDINGS = {PingKind.START: "/start", PingKind.SUCCESS: "", PingKind.FAILURE: "/fail"}
SCHEMES = ("http", "https")


def problem(url: str) -> str:
    """Why this is no address to ping, '' where it is one."""
    parts = urlsplit(url) if not any(ord(char) < 0x21 for char in url) else urlsplit("")
    if parts.scheme not in SCHEMES or not parts.hostname:
        return "An address begins with https:// and names a machine."
    if door.is_forbidden(parts.hostname):
        return f"No ping is sent to {parts.hostname}: such addresses are for the machine itself."
    return ""


def address(url: str, kind: str) -> str:
    """The ending goes behind the path; a query stays behind it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + ENDINGS[PingKind(kind)], fragment=""))


def send(ping: Ping) -> Sent:
    url = ping.schedule_run.scheduled_job.ping_url
    if not url or problem(url):
        return Sent("There is no address to ping any more.")
    return apprise_call.within(LIMIT, lambda: post(address(url, ping.kind), paragraphs(ping.text)))


def post(url: str, text: str) -> Sent:
    with door.guarded():
        try:
            answer = requests.post(url, data=text.encode(), timeout=(LIMIT, LIMIT), allow_redirects=False, stream=True)
        except (requests.RequestException, OSError, ValueError) as error:
            return Sent(apprise_call.sentence([repr(error)], apprise_call.secrets_of(url)))
        with answer:
            return Sent() if answer.ok and not answer.is_redirect else Sent(apprise_call.in_words(answer.status_code))
