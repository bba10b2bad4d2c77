"""Where a repository is, taken apart as people enter it and put together as borg takes it. Plain values."""

import re
from dataclasses import dataclass
from typing import Self

_URL = re.compile(r"ssh://(?:(?P<user>[^@/]+)@)?(?P<host>\[[^\]]+\]|[^:/]+)(?::(?P<port>\d+))?(?P<folder>/.*)?")
_SCP = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>[^:/]+):(?P<folder>.+)")
ROOTS = ("", "/", "/.", "/~")


@dataclass(frozen=True)
class Place:
    """A folder on this machine, or on another one that is reached by ssh. `port` is None where nobody said."""

    folder: str
    host: str = ""
    user: str = ""
    port: int | None = None

    @classmethod
    def of(cls, path: str) -> Self:
        """From a repository's `path`: a folder, ssh://user@host:port/folder, or user@host:folder."""
        match = None if path.startswith(("/", "file://")) else _URL.fullmatch(path) or _SCP.fullmatch(path)
        if match is None:
            return cls(path.removeprefix("file://"))
        found = match.groupdict()
        port = int(found["port"]) if found.get("port") else None
        return cls(found["folder"] or "/", found["host"].strip("[]"), found["user"] or "", port)

    @property
    def path(self) -> str:
        """As borg takes it. A remote folder without a slash at its beginning is in the home of the user there."""
        if not self.host:
            return self.folder
        host = f"[{self.host}]" if ":" in self.host else self.host
        user, port = f"{self.user}@" if self.user else "", f":{self.port}" if self.port else ""
        folder = self.folder if self.folder.startswith("/") else f"/./{self.folder.removeprefix('./')}"
        return f"ssh://{user}{host}{port}{folder}"

    @property
    def parent(self) -> Self | None:
        """The folder in which it is; None at the top, or in somebody's home, which are there anyway."""
        folder = self.folder.rstrip("/").rpartition("/")[0]
        return None if folder in ROOTS or folder == "." else type(self)(folder, self.host, self.user, self.port)

    @property
    def login(self) -> str:
        return f"{self.user}@{self.host}" if self.user else self.host
