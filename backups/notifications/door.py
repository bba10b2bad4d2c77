"""Which addresses of the network a message may go to: any but those that only the machine itself has business with.

The machines of a home or an office are welcome: people run their own ntfy and mail there. Link-local addresses are not:
at 169.254.169.254 and its like the machines of a cloud keep their credentials. What a name stands for is looked at when
the connection is made, so neither a redirection nor a name that changes its mind leads around it. A proxy would look the
name up itself, so the one that the environment names is not used here.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import requests

METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")
)
METADATA_NAMES = frozenset({"metadata.google.internal", "metadata.goog", "instance-data"})
# Networks whose last 32 bits are an IPv4 address: NAT64 of everybody and of one site, and what came before mapped ones.
AROUND_IPV4 = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
_is_guarded: ContextVar[bool] = ContextVar("is_guarded", default=False)
_install = threading.Lock()


class Forbidden(OSError):
    """The name stands for an address that no message goes to."""


def is_forbidden(text: str) -> bool:
    """Of an address, written as one; False for a name, which says nothing by itself (but for the known ones)."""
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return text.lower().rstrip(".") in METADATA_NAMES
    if isinstance(address, ipaddress.IPv6Address):
        address = _inner(address)
    return address.is_link_local or address.is_multicast or address.is_unspecified or address in METADATA


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address inside, where there is one."""
    if any(address in network for network in AROUND_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    tunnelled = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or tunnelled or address


@contextmanager
def guarded() -> Iterator[None]:
    """Here, and in threads with this context, looking up the name of a forbidden address raises Forbidden.

    `requests` connects to the receiver itself, whatever proxy the environment names.
    """
    with _install:
        if not isinstance(socket.getaddrinfo, _Guard):
            socket.getaddrinfo = _Guard(socket.getaddrinfo)
        if not hasattr(requests.Session.send, "is_direct"):
            requests.Session.send = _direct(requests.Session.send)  # type: ignore[method-assign]  # the way in
    token = _is_guarded.set(True)
    try:
        yield
    finally:
        _is_guarded.reset(token)


def _direct(whole: Any) -> Any:
    """`requests.Session.send`, through which every request goes."""

    @wraps(whole)
    def send(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        found: requests.Response = whole(
            session, request, **(options | {"proxies": {}} if _is_guarded.get() else options)
        )
        return found

    send.is_direct = True  # type: ignore[attr-defined]  # `guarded` asks
    return send


class _Guard:
    """`socket.getaddrinfo`, through which every library finds the addresses that it connects to."""

    def __init__(self, original: Any) -> None:
        self.original = original

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = self.original(*args, **kwargs)
        if _is_guarded.get():
            for *_, place in found:
                if is_forbidden(str(place[0])):
                    raise Forbidden(f"{place[0]} is not an address that messages may go to")
        return found
