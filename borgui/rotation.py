"""A new encryption key takes the place of the old one, while everything runs; it may be killed at any moment and repeated.

1. The new key lies beside the old one (`encryption_key.next`): from now on everybody can read with it.
2. The old key is kept as `encryption_key.retiring`, and the new one takes the first place: everybody writes with it.
3. Whatever is stored under another key is encrypted again, a few rows at a time. A row that somebody changes meanwhile is
   left to them: they write under the new key.
4. When nothing is left, and nothing has come after a moment in which every write that had begun before is over, the old key
   goes. The files say how far it was, so a repeated call goes on where the one before was killed.

Keys of the environment cannot be changed from here: then only step 3 is done, towards the first of them.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from borgui import keyfiles
from borgui.accounts import second_factor
from borgui.encryption import KEY_FILE, CannotDecrypt, KeyProblem, NoKey, Vault, read_keys
from borgui.fields import EncryptedTextField
from borgui.vault import vault

NEXT, RETIRING = f"{KEY_FILE}.next", f"{KEY_FILE}.retiring"
BATCH = 100  # rows of a transaction
SETTLE = 30.0  # seconds: longer than any transaction of ours


class AtWork(Exception):
    """Another process rotates the keys of this installation."""


@dataclass(frozen=True)
class Column:
    """An encrypted column: table, primary key, name."""

    table: str
    key: str
    name: str


@dataclass
class Report:
    """`changed`: values encrypted again. `unreadable`: those that no key here opens; they are left as they are."""

    new_key: bool = False
    changed: int = 0
    unreadable: list[str] = field(default_factory=list)
    removed: bool = False


def rotate(settle: float = SETTLE) -> Report:
    """Everything, from wherever it stands. Raises KeyProblem, AtWork, OSError, DatabaseError."""
    directory = Path(settings.KEYS_DIR)
    with alone(directory):
        report = Report()
        if not settings.ENCRYPTION_KEYS:
            report.new_key = put_first(directory)
        report.changed = encrypt_again(report)
        if settings.ENCRYPTION_KEYS or not (directory / RETIRING).exists():
            return report
        while report.removed is False:
            time.sleep(settle)
            late = encrypt_again(report)
            report.changed += late
            report.removed = not late
        (directory / RETIRING).unlink()
        sync(directory)
        return report


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory / "rotation.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise AtWork("The keys of this installation are being rotated by another process.") from None
    finally:
        os.close(descriptor)


# --- the key files ----------------------------------------------------------------------------------------------------
def put_first(directory: Path) -> bool:
    """Steps 1 and 2, as far as they are not done; whether a key was made now. Raises KeyProblem."""
    first, following, retiring = directory / KEY_FILE, directory / NEXT, directory / RETIRING
    if not first.exists():
        raise NoKey(f"there is no encryption key in {directory} yet: it is made with the first secret")
    read_keys(directory)  # what cannot be read is found now
    is_new = False
    if not following.exists():
        if retiring.exists():
            return False
        keyfiles.read_or_make(following, Fernet.generate_key().decode())
        sync(directory)
        is_new = True
    if not retiring.exists():
        os.link(first, retiring)
        sync(directory)
    os.replace(following, first)
    sync(directory)
    return is_new


def sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- the rows ---------------------------------------------------------------------------------------------------------
def columns() -> list[Column]:
    """Every encrypted column of every table, and the canary."""
    found = [
        Column(model._meta.db_table, str(model._meta.pk.column), str(one.column))
        for model in apps.get_models()
        for one in model._meta.local_fields
        if isinstance(one, EncryptedTextField)
    ]
    installation = apps.get_model("accounts", "Installation")._meta
    return [*found, Column(installation.db_table, str(installation.pk.column), "key_canary")]


def encrypt_again(report: Report) -> int:
    """Everything that is not under the first key; how many values that were."""
    report.unreadable = []
    of_columns = sum(encrypt_column(column, report) for column in columns())
    every, first, factors = vault(), first_only(), Column("mfa_authenticator", "id", "data")
    return of_columns + second_factor.encrypt_again(lambda pk, token: again(factors, pk, token, every, first, report))


def encrypt_column(column: Column, report: Report) -> int:
    every, first, changed, after = vault(), first_only(), 0, 0
    while rows := stored(column, after):
        after = rows[-1][0]
        renewed = [
            (pk, token, found) for pk, token in rows if (found := again(column, pk, token, every, first, report))
        ]
        with transaction.atomic():
            changed += sum(replace(column, *entry) for entry in renewed)
    return changed


def first_only() -> Vault:
    """What is written now opens with it. Raises KeyProblem."""
    return Vault([*settings.ENCRYPTION_KEYS, *read_keys(Path(settings.KEYS_DIR))][:1])


def again(column: Column, pk: int, token: str, every: Vault, first: Vault, report: Report) -> str:
    """The token under the first key; '' where it is already, or cannot be opened."""
    try:
        first.decrypt(token)
        return ""
    except CannotDecrypt:
        pass
    try:
        return first.encrypt(every.decrypt(token))
    except CannotDecrypt:
        report.unreadable.append(f"{column.table}.{column.name} of row {pk}")
        return ""


def stored(column: Column, after: int) -> list[tuple[int, str]]:
    """The next few values as they are stored."""
    table, key, name = (connection.ops.quote_name(word) for word in (column.table, column.key, column.name))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}, {name} FROM {table} WHERE {key} > %s AND {name} <> '' ORDER BY {key} LIMIT {BATCH}", [after]
        )
        return [(int(pk), str(token)) for pk, token in cursor.fetchall()]


def replace(column: Column, pk: int, token: str, renewed: str) -> int:
    """1, or 0 where somebody has changed it meanwhile."""
    table, key, name = (connection.ops.quote_name(word) for word in (column.table, column.key, column.name))
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {name} = %s WHERE {key} = %s AND {name} = %s", [renewed, pk, token])
        return int(cursor.rowcount)


__all__ = ["AtWork", "KeyProblem", "Report", "rotate"]
