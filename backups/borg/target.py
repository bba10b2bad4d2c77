"""Plain values that a call of borg needs: which repository, what goes in, what is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SCP_STYLE = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>[^:/]+):(?P<path>.+)")
_OPTION = re.compile(r"(?:ssh://)?(?:-|[^/]*@-)")
_URL = re.compile(r"ssh://(?:[^@/]+@)?(?P<host>\[[^\]]+\]|[^:/]+)")


@dataclass(frozen=True)
class Target:
    """How to reach and to unlock one repository."""

    path: str  # a folder, ssh://user@host:port/path, or user@host:path
    base_dir: Path  # BORG_BASE_DIR: keys, security data and caches
    host_id: str  # BORG_HOST_ID: by this borg knows its own stale locks
    passphrase: str = field(default="", repr=False)
    encryption: str = ""  # borg's mode as configured; empty: not known, judged by the passphrase
    remote_path: str = ""  # the borg program on the other side
    lock_wait: int | None = None  # seconds
    upload_rate_limit: int | None = None  # KiB/s
    rsh: str = ""  # the ssh command; empty: plain ssh
    zone: str = "UTC"  # in which borg counts days, and tells times
    pass_env: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """The machine that holds the repository; empty for a local one (borg's own rule)."""
        if self.path.startswith("file://"):
            return ""
        match = _URL.match(self.path) or _SCP_STYLE.fullmatch(self.path)
        return match["host"].strip("[]") if match else ""

    @property
    def folder(self) -> Path | None:
        """The repository's folder where it is on this machine."""
        return None if self.host else Path(self.path.removeprefix("file://"))

    @property
    def may_be_unencrypted(self) -> bool:
        """Whether an unencrypted repository is what the person asked for.

        If not, borg must refuse one: somebody may have put it in the place of the encrypted one.
        """
        if self.encryption:
            return self.encryption == "none" or self.encryption.startswith("authenticated")
        return not self.passphrase


@dataclass(frozen=True)
class Source:
    """What goes into an archive."""

    paths: tuple[str, ...]
    exclude_patterns: tuple[str, ...] = ()
    exclude_if_present: tuple[str, ...] = ()
    one_file_system: bool = False
    exclude_caches: bool = False
    compression: str = "lz4"


@dataclass(frozen=True)
class Keep:
    """Which archives prune leaves: numbers of archives, `within` as borg writes it (`7d`).

    `zone` is the one whose hours, days, weeks, months and years are meant: in another one the backup of a quarter past
    one would fall on the day before in summer, and two of them on one day when the clocks change.
    """

    within: str = ""
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    zone: str = "UTC"


def unusable_path(path: str) -> str:
    """Why borg cannot use this text as the place of a repository: one sentence, empty when it can.

    Braces are placeholders to borg, which it fills in more than once, so no way of quoting them works;
    two colons separate repository and archive.
    """
    if "{" in path or "}" in path:
        return "borg cannot use a repository path with braces in it: it reads them as placeholders."
    if "::" in path and not path.startswith("ssh://["):
        return "borg cannot use a repository path with '::' in it: what follows is the name of an archive to it."
    if any(ord(letter) < 32 for letter in path):
        return "A repository path cannot contain control characters."
    if _OPTION.match(path):
        return "The name of a machine or a user cannot begin with '-': ssh would take it for an option."
    return ""
