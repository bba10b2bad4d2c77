"""How borg reaches and unlocks one repository."""

import os

from django.conf import settings

from backups.borg import Target
from borgui.fields import is_sealed

from . import ssh
from .host import host_id
from .models import Repository


class PassphraseSealed(Exception):
    """The stored passphrase can no longer be decrypted; the text says what to do."""


def of(repository: Repository) -> Target:
    """The target of a repository, saved or not. Raises PassphraseSealed, OSError where the host id cannot be kept."""
    if is_sealed(repository.passphrase):
        raise PassphraseSealed(
            f"The passphrase of '{repository.name}' can no longer be decrypted: enter it again, or put the right key "
            f"back into {settings.KEYS_DIR}."
        )
    return Target(
        path=repository.path,
        passphrase=repository.passphrase,
        encryption=repository.encryption,
        remote_path=repository.remote_path,
        lock_wait=repository.lock_wait,
        upload_rate_limit=repository.upload_rate_limit,
        base_dir=settings.BORG_DIR,
        host_id=host_id(),
        rsh=_remote_shell() if repository.is_remote else "",
        pass_env={name: os.environ[name] for name in settings.PASS_ENV if name in os.environ},
    )


def _remote_shell() -> str:
    """An ssh command that is passed on to us wins; else ours."""
    passed = os.environ.get("BORG_RSH", "") if "BORG_RSH" in settings.PASS_ENV else ""
    return passed or ssh.remote_shell()
