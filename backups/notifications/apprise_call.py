"""One message to one address, with limits of time, and in words what became of it."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import unquote

import apprise
from apprise.common import NotifyType

from . import addresses, answers, door
from .wording import Message

CONNECT, READ = 10.0, 20.0  # seconds
TYPES = {"ok": NotifyType.SUCCESS, "attention": NotifyType.WARNING, "failed": NotifyType.FAILURE}
MASK = "***"
SHORTEST_SECRET = 3
MOST_WORDS = 200  # characters of an answer
STATUS = re.compile(r"error=(\d{3})\b")

# What libraries say, in words for people; the first that fits.
SENTENCES = (
    (r"is not an address that messages may go to", "It leads to an address that no message is sent to."),
    (r"refused|Errno 111", "It refused the connection."),
    (r"certificate|CERTIFICATE|hostname mismatch", "Its certificate could not be verified."),
    (r"535|534|[Aa]uthenticat|AUTH extension", "It did not accept the user name or the password."),
    (r"STARTTLS", "It does not offer STARTTLS."),
    (r"ssl|SSL|TLS", "No encrypted connection could be made."),
    (r"timed out|timeout", "It did not answer in time."),
    (r"[Nn]ame or service|resolve|getaddrinfo|Errno -[235]|nodename", "Its name is not known."),
    (r"unreachable|No route", "It cannot be reached from this machine."),
    (r"closed|reset|aborted|Disconnected|Broken pipe", "It closed the connection."),
)


@dataclass(frozen=True)
class Sent:
    """`error`: one sentence without any secret, '' where it arrived."""

    error: str = ""

    @property
    def ok(self) -> bool:
        return not self.error


def send(url: str, message: Message, *, limit: float = 30.0) -> Sent:
    """Send it; back after `limit` seconds at the latest, whatever the receiver does."""
    return within(limit, lambda: call(url, message))


def within(limit: float, work: Callable[[], Sent]) -> Sent:
    """A receiver that drips a byte a second keeps a thread busy, and nobody waits for that one."""
    found: list[Sent] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True, name="sending")
    thread.start()
    thread.join(limit)
    return found[0] if found else Sent(f"It did not answer within {limit:g} s.")


def call(url: str, message: Message) -> Sent:
    plugin = addresses.plugin_of(url)
    if plugin is None or not addresses.is_remote(plugin):
        return Sent("Its address is not usable any more: enter it again.")
    plugin.socket_connect_timeout, plugin.socket_read_timeout, plugin.redirects = CONNECT, READ, False
    with door.guarded(), answers.short(), heard() as said:
        try:
            arrived = bool(plugin_send(plugin, message))
        except Exception as problem:  # of any library below: a fault of one message is no fault of the sender
            arrived = False
            said.append(repr(problem))
    return Sent() if arrived else Sent(sentence(said, secrets_of(url)))


def plugin_send(plugin: apprise.NotifyBase, message: Message) -> object:
    sender = apprise.Apprise(asset=addresses.ASSET)
    sender.add(plugin)
    kind = TYPES.get(message.tone, NotifyType.INFO)
    return sender.notify(title=message.title, body=message.body, notify_type=kind, body_format="text")


# --- what it said -----------------------------------------------------------------------------------------------------
_said: ContextVar[list[str] | None] = ContextVar("said", default=None)


class _Ear(logging.Handler):
    """What apprise logs where somebody listens: here, and in threads with this context."""

    def emit(self, record: logging.LogRecord) -> None:
        said = _said.get()
        is_telling = record.levelno >= logging.WARNING or "xception" in str(record.msg)
        if said is not None and is_telling:
            said.append(record.getMessage())


_ear = _Ear(logging.DEBUG)


@contextmanager
def heard() -> Iterator[list[str]]:
    """apprise answers yes or no; the reason is in its log, and only there."""
    addresses.quiet()
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(_ear)  # once: it is the same one each time
    said: list[str] = []
    token = _said.set(said)
    try:
        yield said
    finally:
        _said.reset(token)


def sentence(said: list[str], secrets: list[str]) -> str:
    text = " ".join(said)
    if found := STATUS.search(text):
        return in_words(int(found[1]))
    for pattern, words in SENTENCES:
        if re.search(pattern, text):
            return words
    return (
        f"It did not take the message: {masked(text, secrets)[:MOST_WORDS]}" if text else "It did not take the message."
    )


def in_words(status: int) -> str:
    """Of an answer of HTTP."""
    if status in (401, 403):
        return f"It did not accept the password or the token (it answered {status})."
    if status in (404, 410):
        return f"There is nothing at this address (it answered {status})."
    if status == 429:
        return "It takes no more messages at the moment (it answered 429)."
    if 300 <= status < 400:
        return f"It has moved to another address (it answered {status}): enter that one."
    return f"It answered {status}, which is an error {'of its own' if status >= 500 else 'in what it was sent'}."


def secrets_of(url: str) -> list[str]:
    """Every piece of the address, for it is not known which of them open something."""
    pieces = re.split(r"[:/?&=@#,]+", url.partition("://")[2])
    forms = {form for piece in pieces for form in (piece, unquote(piece), unquote(unquote(piece)))}
    return sorted((form for form in forms if len(form) >= SHORTEST_SECRET), key=len, reverse=True)


def masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return re.sub(r"\S+://\S+", MASK, text)
