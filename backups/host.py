"""Who this host is. The id is kept in the data directory, so it survives a new container; borg gets it too."""

import secrets
import socket

from django.conf import settings

from borgui import keyfiles


def host_id() -> str:
    """The id of this data directory's host, made on first need: host name and eight random hex digits."""
    name = "".join(letter for letter in socket.gethostname() if letter.isalnum() or letter in "-_") or "host"
    return keyfiles.read_or_make(settings.KEYS_DIR / "host_id", f"{name}@{secrets.token_hex(4)}")


def hostname() -> str:
    return socket.gethostname()
