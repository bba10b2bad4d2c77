"""System checks with the tag `borgui`: what would fail at two in the morning is found at start, one clear line each.

They run with `manage.py check`; `problems()` gives the lines to entry points that skip Django's own checks.
"""

import fcntl
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register, run_checks
from django.db import DatabaseError, connection

from borgui import vault
from borgui.mounts import mount_of

TAG = "borgui"
Apps = Sequence[AppConfig] | None


def problems() -> list[str]:
    """One line for everything that speaks against starting; empty if nothing does."""
    return [found.msg for found in run_checks(tags=[TAG]) if found.is_serious()]


@register(TAG)
def data_directory(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """It is there, can be written, and is on a file system of this machine whose locks work."""
    folder = Path(settings.DATA_DIR)
    problem = _writing_problem(folder) or network_problem(folder.resolve()) or _lock_problem(folder)
    return [Error(problem, id="borgui.E001")] if problem else []


def _writing_problem(folder: Path) -> str:
    if not folder.is_dir():
        return f"The data directory {folder} is not there: make it, or set BORGUI_DATA_DIR."
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"The data directory {folder} cannot be written ({error.strerror}): allow it, or set BORGUI_DATA_DIR."


def network_problem(folder: Path, mountinfo: str | None = None) -> str:
    mount = mount_of(folder, mountinfo)
    if mount is None or not mount.is_network:
        return ""
    return (
        f"The data directory {folder} is on a network file system ({mount.kind}), where locks cannot be trusted: "
        "set BORGUI_DATA_DIR to a folder on a disk of this machine. Repositories may be anywhere."
    )


def _lock_problem(folder: Path) -> str:
    """Whether a second descriptor is refused what the first holds."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".lock-check-") as first, open(first.name) as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return "" if _is_refused(second.fileno()) else _no_locks(folder, "a second lock was granted")
    except OSError as error:
        return _no_locks(folder, error.strerror or str(error))


def _is_refused(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _no_locks(folder: Path, reason: str) -> str:
    return f"File locks do not work in the data directory {folder} ({reason}): set BORGUI_DATA_DIR to a local disk."


@register(TAG)
def keys_are_private(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    folder = Path(settings.KEYS_DIR)
    try:
        is_open = bool(os.stat(folder).st_mode & 0o077)
    except OSError:
        return []
    hint = f"chmod 700 {folder}"
    return [Warning(f"Others may look into {folder}, which holds the keys.", hint, id="borgui.W001")] if is_open else []


@register(TAG)
def encryption_key(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The key opens what the database holds. Before the first migration there is nothing to open."""
    if connection.vendor == "sqlite" and not is_there(connection.settings_dict["NAME"]):
        return []
    try:
        problem = vault.key_problem()
    except DatabaseError:
        return []
    return [Error(f"{problem[:1].upper()}{problem[1:]}.", id="borgui.E002")] if problem else []


@register(TAG)
def sign_in_elsewhere(app_configs: Apps, **kwargs: Any) -> list[CheckMessage]:
    """The settings of the OpenID Connect provider fit together."""
    return [Error(problem, id="borgui.E003") for problem in _oidc_problems()]


def _oidc_problems() -> list[str]:
    if not settings.OIDC_ISSUER:
        alone = [name for name in ("CLIENT_ID", "CLIENT_SECRET", "ROLES_CLAIM") if getattr(settings, f"OIDC_{name}")]
        found = [f"BORGUI_OIDC_{name} is set without BORGUI_OIDC_ISSUER: set both, or none." for name in alone]
        if not settings.PASSWORD_SIGN_IN:
            found.append(
                "BORGUI_PASSWORD_SIGN_IN is 0 without BORGUI_OIDC_ISSUER: nobody could sign in. Leave it at 1."
            )
        return found
    missing = [name for name in ("CLIENT_ID", "CLIENT_SECRET") if not getattr(settings, f"OIDC_{name}")]
    found = [
        f"BORGUI_OIDC_ISSUER is set without BORGUI_OIDC_{name}: the provider gives both for borgui." for name in missing
    ]
    if "openid" not in settings.OIDC_SCOPES:
        found.append("BORGUI_OIDC_SCOPES lacks openid: without it a provider does not say who signs in.")
    if bool(settings.OIDC_ROLES_CLAIM) != bool(settings.OIDC_ROLES):
        found.append("BORGUI_OIDC_ROLES_CLAIM and BORGUI_OIDC_ROLES go together: set both, or none.")
    return found


def is_there(database: object) -> bool:
    """A file, or the memory of a test: connecting to what is not there would make an empty file."""
    name = str(database)
    return ":memory:" in name or name.startswith("file:") or Path(name).exists()
