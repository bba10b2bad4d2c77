"""This installation's vault, and the canary in the database that tells whether its keys are the right ones."""

from functools import lru_cache
from pathlib import Path

from django.apps import apps
from django.conf import settings

from borgui.encryption import CannotDecrypt, KeyProblem, NoKey, Stamp, Vault, make_key, read_keys, stamp

CANARY = "borgui"
LOOKS = 5  # times to read key files that change while they are read


def vault() -> Vault:
    """The vault for reading; makes no key. Raises KeyProblem (NoKey where there is none).

    A key that was put there, changed or taken away meanwhile is noticed: keys are rotated while jobs run (`rotation`).
    """
    directory, given = Path(settings.KEYS_DIR), tuple(settings.ENCRYPTION_KEYS)
    for _ in range(LOOKS):
        seen = stamp(directory)
        try:
            return _opened(directory, given, seen)
        except KeyProblem:
            if stamp(directory) == seen:
                raise
    return _opened(directory, given, stamp(directory))


def vault_for_writing() -> Vault:
    """The vault; its key is made on first need. Raises KeyProblem, also where secrets under a lost key are waiting."""
    try:
        return vault()
    except NoKey:
        if stored_canary():
            raise NoKey(_lost(Path(settings.KEYS_DIR))) from None
        make_key(Path(settings.KEYS_DIR))
        return vault()


def stored_canary() -> str:
    """The encrypted canary, "" if none was written yet. Raises DatabaseError before the first migration."""
    installation = apps.get_model("accounts", "Installation")
    return installation._default_manager.values_list("key_canary", flat=True).first() or ""


def seal_canary() -> None:
    """Write the canary where there is none yet: after `migrate`, at every start. Raises KeyProblem."""
    if stored_canary():
        return
    rows = apps.get_model("accounts", "Installation")._default_manager
    rows.get_or_create(pk=1)
    rows.filter(pk=1, key_canary="").update(key_canary=vault_for_writing().encrypt(CANARY))


def key_problem() -> str:
    """Why the secrets in the database cannot be opened, in one line; "" if they can, or if there are none yet."""
    canary = stored_canary()
    try:
        if canary:
            vault().decrypt(canary)
        elif _has_keys():
            vault()
    except NoKey:
        return _lost(Path(settings.KEYS_DIR))
    except CannotDecrypt:
        return (
            f"the secrets in the database were encrypted under another key than the one in {settings.KEYS_DIR}: {_BACK}"
        )
    except KeyProblem as problem:
        return str(problem)
    return ""


_BACK = "put the right key file back, or set BORGUI_ENCRYPTION_KEYS"


def _lost(directory: Path) -> str:
    return f"the encryption key is missing in {directory}, and the database holds secrets under it: {_BACK}"


def _has_keys() -> bool:
    return bool(settings.ENCRYPTION_KEYS or read_keys(Path(settings.KEYS_DIR)))


@lru_cache(maxsize=8)
def _opened(directory: Path, given: tuple[str, ...], seen: Stamp) -> Vault:
    """Cached by place, keys and the state of the key files."""
    return Vault([*given, *read_keys(directory)])


def forget_keys() -> None:
    """Read the key files again next time."""
    _opened.cache_clear()
