"""The directory that belongs to one job, window run or test run while it lasts (behaviour.md, sections 2, 6 and 8).

It holds the lock, the private copies of the scripts, and `state/` (STATE_DIR). The lock file has two lines: the process
that owns the run ("pid start_time boot_id"), and while one runs its child ("pid start_time token"). The kernel frees
the lock when the owner dies, also by SIGKILL; who only wants to know reads the lines and never takes the lock.
"""

import fcntl
import logging
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from borgui.process import Identity

log = logging.getLogger(__name__)
PATIENCE = 2.0  # seconds


class Busy(Exception):
    """Another living process holds the lock."""


class RunDirectory:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / "state"
        self.copies = path / "scripts"
        self.is_new = False  # this process has made it, and nobody was in it before
        self._lock: int | None = None
        self._first_line = b""
        self._synced: dict[str, int] = {}

    # --- the lock -----------------------------------------------------------------------------------------------------
    def acquire(self, patience: float = PATIENCE) -> None:
        """Take the lock and write this process into it. Raises Busy after `patience` seconds, OSError if it cannot."""
        deadline = time.monotonic() + patience
        while not self._try():
            if time.monotonic() >= deadline:
                raise Busy(f"{self.path} is in use by process {self.owner()}")
            time.sleep(0.05)
        self._first_line = f"{Identity.current()}\n".encode()
        self._rewrite(self._first_line)
        try:
            self.state.mkdir(mode=0o700, exist_ok=True)
            self.copies.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            self.release()
            raise

    def _try(self) -> bool:
        """Touches nothing but the lock before it is ours: who has it may be removing everything else."""
        try:
            self.is_new = self._make()
            descriptor = os.open(self.lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return False  # removed between the two
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # between open and flock the directory may have been removed with the lock in it: that one protects nothing
            if os.stat(self.lock_path).st_ino != os.fstat(descriptor).st_ino:
                raise FileNotFoundError(self.lock_path)
        except (BlockingIOError, FileNotFoundError):
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def _make(self) -> bool:
        """Whether it was not there."""
        try:
            self.path.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            return False
        return True

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def name_child(self, token: str, child: Identity | None = None) -> None:
        """The second line. Written with the token alone before the child is started, with its pid afterwards."""
        pid, start = (child.pid, child.start_time) if child else (0, 0)
        self._rewrite(self._first_line + f"{pid} {start} {token}\n".encode())

    def clear_child(self) -> None:
        self._rewrite(self._first_line)

    def _rewrite(self, content: bytes) -> None:
        """Into a block that the file has already. That it fails is told and stops nothing: the token finds the child."""
        if self._lock is None:
            return
        try:
            if not self._is_in_place():
                self._hold_again()
            os.pwrite(self._lock, content, 0)
            os.ftruncate(self._lock, len(content))
        except OSError as error:
            log.error("%s could not be written: %s", self.lock_path, error)

    def _is_in_place(self) -> bool:
        """Whether the path still is the file that this process has locked: a script may have removed it."""
        assert self._lock is not None
        try:
            return os.stat(self.lock_path).st_ino == os.fstat(self._lock).st_ino
        except FileNotFoundError:
            return False

    def _hold_again(self) -> None:
        """Put a lock file of ours back, unless somebody has taken the place: then the claim number decides."""
        held, self._lock = self._lock, None
        try:
            self._try()
        finally:
            if self._lock is None:
                self._lock = held
            elif held is not None:
                os.close(held)

    # --- reading it, without taking it --------------------------------------------------------------------------------
    @property
    def lock_path(self) -> Path:
        return self.path / "lock"

    def _lines(self) -> list[str]:
        try:
            return self.lock_path.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return []

    def owner(self) -> Identity | None:
        """Who wrote the first line, dead or alive; None where nobody has."""
        lines = self._lines()
        try:
            return Identity.parse(lines[0]) if lines else None
        except ValueError:
            return None

    def is_owned(self) -> bool:
        owner = self.owner()
        return owner is not None and owner.is_alive()

    def child(self) -> tuple[Identity | None, str]:
        """The recorded child (None where its pid was not written yet) and its token ('' where there is none)."""
        lines, owner = self._lines(), self.owner()
        if len(lines) < 2 or owner is None:
            return None, ""
        try:
            pid, start, token = lines[1].split(" ", 2)
            return (Identity(int(pid), int(start), owner.boot_id) if int(pid) else None), token
        except ValueError:
            return None, ""

    # --- what is in it ------------------------------------------------------------------------------------------------
    def private_copy(self, name: str, content: bytes) -> Path:
        """The path of a copy of `content` that only this run sees, mode 0700; made or repaired where it is not so."""
        path = self.copies / name
        try:
            if path.read_bytes() == content:
                return path
        except OSError:
            pass
        draft = path.with_name(f".{name}.new")
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o700)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(draft, path)
        return path

    def sync_state(self) -> None:
        """fsync what changed below STATE_DIR since the last call, and its directories: notes must survive power cuts."""
        if not os.path.isdir(self.state):
            return
        for folder, _, files in os.walk(self.state):
            is_changed = self._is_changed(folder)
            if self._sync_changed([os.path.join(folder, name) for name in files]) or is_changed:
                _fsync(folder)

    def _sync_changed(self, paths: list[str]) -> bool:
        changed = [path for path in paths if self._is_changed(path)]
        for path in changed:
            _fsync(path)
        return bool(changed)

    def _is_changed(self, path: str) -> bool:
        try:
            stamp = os.lstat(path).st_ctime_ns
        except OSError:
            return False
        known, self._synced[path] = self._synced.get(path), stamp
        return known != stamp

    def remove(self) -> None:
        """Remove everything; the lock goes last, so that a directory cut in half is still recognised as one."""
        for entry in [self.copies, self.state, *self.path.glob("*")]:
            if entry.name == "lock":
                continue
            if entry.is_dir() and not entry.is_symlink():
                _remove_tree(entry)
            else:
                with suppress(OSError):  # sweeping comes back to it
                    entry.unlink()
        _remove_tree(self.path)


def _remove_tree(path: Path) -> None:
    """What cannot be removed now, a tree a thousand folders deep for one, is told; sweeping comes back to it."""
    try:
        shutil.rmtree(path, ignore_errors=True)
    except RecursionError:
        log.error("%s is too deep to be removed", path)


def _fsync(path: str) -> None:
    """Directories and ordinary files only: opening a FIFO would wait for its other end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
