"""What this server really sees of the paths that are to be backed up: in a container that is what is mounted. Linux."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from borgui.mounts import mount_of

LOOK_SECONDS = 1.0  # for all paths together: a person waits, and a number of files is only a hint
OF_THE_SYSTEM = {"/proc", "/sys", "/dev", "/run", "/etc", "/tmp"}
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True)
class Seen:
    """One path. `state`: folder, file, missing or unreadable. Without `complete` there is more than was counted."""

    path: str
    state: str
    files: int = 0
    octets: int = 0
    complete: bool = True
    hint: str = ""

    @property
    def tone(self) -> str:
        if self.state in ("missing", "unreadable"):
            return "attention"
        return "ok" if self.files else "idle"

    @property
    def icon(self) -> str:
        return {"folder": "folder", "file": "file"}.get(self.state, "triangle-alert")


def look(paths: Iterable[str]) -> list[Seen]:
    """Each path as this process sees it now; counting stops after a second."""
    deadline = time.monotonic() + LOOK_SECONDS
    return [_look(path, deadline) for path in paths]


def _look(path: str, deadline: float) -> Seen:
    try:
        found = os.stat(path)
        if not os.path.isdir(path):
            return Seen(path, "file", 1, found.st_size)
        with os.scandir(path):
            return _counted(path, deadline)
    except FileNotFoundError:
        return Seen(path, "missing", hint=_how_to_mount(path))
    except (OSError, ValueError) as error:
        return Seen(path, "unreadable", hint=getattr(error, "strerror", "") or str(error))


def _counted(path: str, deadline: float) -> Seen:
    files, octets, folders = 0, 0, [path]
    while folders:
        if time.monotonic() > deadline:
            return Seen(path, "folder", files, octets, complete=False)
        for entry in _entries(folders.pop()):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                files, octets = files + 1, octets + _size(entry)
    hint = "" if files else "It is empty: is its disk mounted?"
    return Seen(path, "folder", files, octets, hint=hint)


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


# --- in a container ---------------------------------------------------------------------------------------------------
def in_container() -> bool:
    return any(os.path.exists(mark) for mark in CONTAINER_MARKS)


def mounted() -> list[str]:
    """Folders of the host that this container sees; empty outside of one."""
    if not in_container():
        return []
    candidates = [*_folders(Path("/")), *(folder for top in _folders(Path("/")) for folder in _folders(top))]
    return sorted(str(folder) for folder in candidates if _is_mount(folder))


def _folders(parent: Path) -> list[Path]:
    if str(parent) in OF_THE_SYSTEM:
        return []
    return [Path(entry.path) for entry in _entries(str(parent)) if entry.is_dir(follow_symlinks=False)]


def _is_mount(folder: Path) -> bool:
    if str(folder) in OF_THE_SYSTEM or not os.path.ismount(folder):
        return False
    mount = mount_of(folder)
    return mount is not None and mount.kind not in ("tmpfs", "proc", "sysfs", "overlay")


def _how_to_mount(path: str) -> str:
    if not in_container():
        return "It is not there now. That is right if a script mounts it before the backup."
    return f"In a container only what is mounted is there. Add under volumes: - {path}:/source{path}:ro"
