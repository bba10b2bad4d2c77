"""Where a request comes from: the address that counts for the audit log and for the throttling of sign-ins."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """The peer's address; behind a reverse proxy the one that the proxy saw, which it adds last to X-Forwarded-For.

    The header counts only where a proxy is configured (BORGUI_TRUSTED_ORIGINS) and the peer is in a private network:
    anybody can send one.
    """
    peer = valid(request.META.get("REMOTE_ADDR", ""))
    if settings.SECURE_PROXY_SSL_HEADER and (peer is None or ipaddress.ip_address(peer).is_private):
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]
        return valid(forwarded) or peer
    return peer


def counted_for(request: HttpRequest) -> str | None:
    """The address under which wrong passwords are counted: of IPv6 its network, for a single subscriber has a whole /64."""
    address = address_of(request)
    if address is None or ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)


def valid(text: str) -> str | None:
    """An IPv4 address that came through an IPv6 socket is one of IPv4."""
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found).partition("%")[0]
