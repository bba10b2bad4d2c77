"""Secrets of Borg Web UI: Fernet tokens under a key that comes from the text in `.secret_key`."""

import base64
import hashlib
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

TOKEN = "gAAAA"  # how every Fernet token begins: version 128, and a time in this century
OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"


class Sealed(Exception):
    """It cannot be read with the key that we have."""


def opened(text: str, secret: str) -> str:
    """The plain text of a secret, which may be stored as it is. Raises Sealed."""
    if not text.startswith(TOKEN):
        return text
    if not secret:
        raise Sealed
    try:
        return _keys(secret).decrypt(text.encode()).decode()
    except (InvalidToken, ValueError):
        raise Sealed from None


@lru_cache(maxsize=4)
def _keys(secret: str) -> MultiFernet:
    """The key as it is made today, then as older releases made it."""
    raw = secret.encode()
    made = [hashlib.sha256(raw).digest(), raw[:32]]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in made if len(key) == 32])


def private_key_problem(text: str) -> str:
    """Why ssh could not use this key by itself; "" if it could."""
    load = load_ssh_private_key if text.lstrip().startswith(OPENSSH) else load_pem_private_key
    try:
        load(text.encode(), None)
    except TypeError:
        return "It is protected by a passphrase, which nobody could enter at night."
    except (ValueError, UnsupportedAlgorithm):
        return "It is no private key that can be read."
    return ""
