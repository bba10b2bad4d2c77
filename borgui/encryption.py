"""Secrets at rest: Fernet over random keys that are files of their own, never derived from another secret.

The first key encrypts, every key decrypts. In a keys directory the first is `encryption_key`; files named
`encryption_key.ANYTHING` hold older ones. Keys given by the environment stand before those of the directory.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from borgui import keyfiles

KEY_FILE = "encryption_key"


class KeyProblem(Exception):
    """There is no usable key. The message is one sentence that says what to do."""


class NoKey(KeyProblem):
    """There is no key at all."""


class CannotDecrypt(Exception):
    """The text was encrypted under a key that we do not have, or it is damaged."""


class SealedText(str):
    """An empty text in place of one that no longer decrypts; `token` is what is stored."""

    token: str

    def __new__(cls, token: str = "") -> "SealedText":
        sealed = super().__new__(cls, "")
        sealed.token = token
        return sealed


class SealedDict(dict[str, Any]):
    """An empty dict in place of one that no longer decrypts; `token` is what is stored."""

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.token = token


def is_sealed(value: object) -> bool:
    """Whether there is a value which can no longer be decrypted. One that was filled again is a value like others."""
    return isinstance(value, SealedText | SealedDict) and not value


class Vault:
    """Encrypts with the first of `keys`, decrypts with any. Raises KeyProblem for none or malformed ones."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise NoKey("there is no encryption key")
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Raises CannotDecrypt."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeError) as error:
            raise CannotDecrypt("encrypted under another key, or damaged") from error

    def rotate(self, token: str) -> str:
        """The same secret under the first key. Raises CannotDecrypt."""
        return self.encrypt(self.decrypt(token))


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:  # the key itself must not be in the message
        raise KeyProblem("an encryption key is malformed: 44 characters of URL-safe base64 are expected") from error


def read_keys(directory: Path) -> list[str]:
    """The keys in `directory`, newest first; none if there is no key file. Raises KeyProblem for unreadable files."""
    older = sorted(directory.glob(f"{KEY_FILE}.*"), reverse=True)
    files = [path for path in (directory / KEY_FILE, *older) if path.exists()]
    return [_read_key(path) for path in files]


Stamp = tuple[tuple[str, int, int], ...]


def stamp(directory: Path) -> Stamp:
    """Of the key files in `directory`; another one whenever a key was added, replaced or taken away."""
    try:
        with os.scandir(directory) as entries:
            found = [
                (entry.name, entry.inode(), entry.stat().st_mtime_ns) for entry in entries if is_key_file(entry.name)
            ]
    except OSError:
        return ()
    return tuple(sorted(found))


def is_key_file(name: str) -> bool:
    return name == KEY_FILE or name.startswith(f"{KEY_FILE}.")


def make_key(directory: Path) -> str:
    """The key of `directory`, made if there is none; a file that exists is never replaced. Raises KeyProblem."""
    try:
        return keyfiles.read_or_make(directory / KEY_FILE, Fernet.generate_key().decode())
    except (OSError, UnicodeError) as error:
        raise KeyProblem(f"the encryption key {directory / KEY_FILE} cannot be made: {error}") from error


def _read_key(path: Path) -> str:
    try:
        key = keyfiles.read(path)
        _fernet(key)
        return key
    except KeyProblem as problem:
        raise KeyProblem(f"{path}: {problem}") from problem
    except FileNotFoundError as error:
        raise KeyProblem(f"the encryption key {path} is empty: put the key back from your copy") from error
    except (OSError, UnicodeError) as error:
        raise KeyProblem(f"the encryption key {path} cannot be read: {error}") from error
