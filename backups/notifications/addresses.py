"""Which addresses of apprise's a channel may have: those of a service that is reached over the network.

apprise also knows desktops, the log of this machine, and arguments that name files of it; none of them is for a server
whose pages others may use. What is not known to be remote is refused.
"""

import logging
import sys
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import apprise

from . import door

MOST = 2000  # characters
OWN_FILES = {"keyfile", "subfile", "pgp", "pgppub", "pgpprv", "wkd", "attach"}  # arguments that name or make files here
REFUSED = {"NotifyVapid"}  # keeps keys and subscriptions in files
MAIL = "NotifyEmail"
NO_TEMPLATE = "Path"  # a `template` that is a file's path is told by its name from one that is an id

# Nothing is written to this machine, it works in the thread that asks, and no redirection is followed: an answer
# from elsewhere says nothing about the message.
ASSET = apprise.AppriseAsset(
    storage_mode=apprise.PersistentStoreMode.MEMORY,
    async_mode=False,
    service_timeout=0,
    http_redirects=False,
    app_id="borgui",
    app_desc="borgui",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    allow_templates=False,
)


@dataclass(frozen=True)
class Address:
    """`kind`: the name of the service, for people. `problem`: why it is refused, '' where it is not."""

    kind: str
    problem: str = ""


def examine(url: str) -> Address:
    """What apprise makes of it, without any connection."""
    plugin = plugin_of(url)
    if plugin is None:
        return Address("", _not_understood(url))
    return Address(str(plugin.service_name), _problem(plugin, url))


def plugin_of(url: str) -> apprise.NotifyBase | None:
    """None where apprise does not understand it."""
    quiet()
    if not url or len(url) > MOST or any(ord(char) < 0x20 for char in url):
        return None
    found: apprise.NotifyBase | None = apprise.Apprise.instantiate(url, asset=ASSET, suppress_exceptions=True)
    return found


def quiet() -> None:
    """apprise logs addresses and messages; nobody but `apprise_call` hears it."""
    logging.getLogger("apprise").propagate = False


def _not_understood(url: str) -> str:
    scheme = url.partition("://")[0]
    if "://" not in url:
        return "An address begins with the name of its service, for example ntfys:// or mailtos://."
    if scheme in ("http", "https"):
        return "Say which service it is: jsons://... sends JSON to any web address, and the hints below name others."
    return "This is no address that apprise understands: a part of it is missing, or the service is not known."


def _problem(plugin: apprise.NotifyBase, url: str) -> str:
    if not is_remote(plugin):
        return f"{plugin.service_name} is not supported: messages go out by mail or HTTP, and nothing stays on this machine."
    if argument := _argument_with_file(plugin, url):
        return f"'{argument}' names a file or keys on this machine, which an address may not do."
    if host := next((host for host in _hosts(plugin) if door.is_forbidden(host)), ""):
        return f"No message is sent to {host}: such addresses are for the machine itself."
    return ""


def is_remote(plugin: apprise.NotifyBase) -> bool:
    """Mail, or a plugin that speaks HTTP to a service: those of desktops and logs do neither."""
    kinds = [kind for kind in type(plugin).__mro__ if kind.__module__.startswith("apprise.plugins.")]
    named = {kind.__name__ for kind in kinds}
    speaks_http = any(hasattr(sys.modules[kind.__module__], "requests") for kind in kinds)
    return not named & REFUSED and (speaks_http or MAIL in named)


def _argument_with_file(plugin: apprise.NotifyBase, url: str) -> str:
    for name in (name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)):
        known = type(plugin).template_args.get(name, {})
        if name in OWN_FILES or (name == "template" and NO_TEMPLATE in str(known.get("name", ""))):
            return name
    return ""


def _hosts(plugin: apprise.NotifyBase) -> list[str]:
    return [host for name in ("host", "smtp_host") if isinstance(host := getattr(plugin, name, None), str)]
