"""The complete environment of a borg process: nothing of the server's passes that is not named here."""

import os
import shlex
from pathlib import Path

from backups.borg.finding import Borg
from backups.borg.target import Target

# A connection that died is noticed after two minutes at most, and nobody is asked anything. Host keys are checked
# as ssh is configured to: an unknown host is refused, with a message.
SSH_OPTIONS = "-o BatchMode=yes -o ConnectTimeout=30 -o ServerAliveInterval=15 -o ServerAliveCountMax=8"


def environment(borg: Borg, target: Target) -> dict[str, str]:
    """All variables of a call, but for the passphrase: that comes through a pipe (`BORG_PASSPHRASE_FD`)."""
    return {
        **target.pass_env,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",  # else borg writes JSON that is not UTF-8
        "TZ": target.zone,  # borg tells local times without an offset
        "BORG_BASE_DIR": str(target.base_dir),
        "BORG_CACHE_DIR": str(cache_folder(borg, target)),
        "BORG_HOST_ID": target.host_id,
        "BORG_EXIT_CODES": "modern",
        "BORG_RSH": remote_shell(target.rsh),
        **_answers(target),
    }


def cache_folder(borg: Borg, target: Target) -> Path:
    """Versions must not share a cache; keys and security data they do share."""
    return target.base_dir / "cache" / borg.series


def remote_shell(configured: str) -> str:
    """The ssh command with our options last: of an option given twice ssh takes the first."""
    words = shlex.split(configured or "ssh")
    if Path(words[0]).name != "ssh":
        return configured
    return f"{configured or 'ssh'} {SSH_OPTIONS}"


def _answers(target: Target) -> dict[str, str]:
    """What borg would ask a person.

    A repository that moved is accepted: its place is what a person configured, and borg still refuses one that is
    older than what it saw last, or encrypted in another way. An unencrypted one that it never saw is accepted only
    where the person chose no encryption.
    """
    return {
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes" if target.may_be_unencrypted else "no",
    }
