"""Script files on disk: written whole or not at all, read as text, never outside their folder. Plain Python.

A file is named by its path below the scripts folder, as its row has it: `library/docker-stop_1a2b3c.sh`
(behaviour.md, section 11).
"""

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import Refused
from .file_names import is_script, slug

LARGEST = 1024 * 1024  # bytes of a script
FOLDER = "library"
MODE = 0o755
SETTLED = 100_000_000  # ns; within the same clock tick a second change would leave the same times behind


class StoreError(Refused):
    """A file cannot be read or written. The message is one sentence that names the file."""


class Missing(StoreError):
    pass


class Unreadable(StoreError):
    """Not allowed, a folder, too large, a failing disk."""


class NotText(StoreError):
    """NUL characters, or not UTF-8."""


class OutsideFolder(StoreError):
    """The path, or the link it is, leaves the library folder."""


class NotWritten(StoreError):
    """The file is as it was before."""


@dataclass(frozen=True)
class Read:
    """One reading of a file. `stamp` is "" while the file is too fresh to be told from a later change by its times."""

    content: str
    stamp: str

    @property
    def sha256(self) -> str:
        return digest(self.content)


def digest(content: str) -> str:
    """The name of a revision: the SHA-256 of its UTF-8 bytes."""
    return hashlib.sha256(content.encode()).hexdigest()


def content_problem(content: object) -> str:
    """Why this cannot be the text of a script file; "" if it can."""
    if not isinstance(content, str):
        return "a text is expected"
    if "\0" in content:
        return "holds a NUL character: a script is text"
    try:
        size = len(content.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode text"
    return f"is larger than {LARGEST // 1024} KiB" if size > LARGEST else ""


class Store:
    """The script files below `root`, the folder that holds `library`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER

    def path(self, file_path: str) -> Path:
        """Where the file is, links followed. Raises OutsideFolder."""
        parts = file_path.split("/")
        if len(parts) != 2 or parts[0] != FOLDER or parts[1] in ("", ".", "..") or "\0" in file_path:
            raise OutsideFolder(f"{file_path!r} is no file of the script library.")
        try:
            real = (self.folder / parts[1]).resolve()
        except (OSError, RuntimeError) as error:
            raise Unreadable(f"The script file {file_path} cannot be read: {error}.") from error
        if not real.is_relative_to(self.folder.resolve()):
            raise OutsideFolder(f"The script file {file_path} is a link that leaves the library folder.")
        return real

    # --- reading ------------------------------------------------------------------------------------------------------
    def read(self, file_path: str) -> Read:
        """Raises Missing, Unreadable, NotText or OutsideFolder."""
        raw, stamp = self._read_bytes(file_path)
        if b"\0" in raw:
            raise NotText(f"The script file {file_path} is not text: it holds NUL characters.")
        try:
            return Read(raw.decode("utf-8"), stamp)
        except UnicodeDecodeError as error:
            raise NotText(f"The script file {file_path} is not text in UTF-8 (byte {error.start}).") from error

    def _read_bytes(self, file_path: str) -> tuple[bytes, str]:
        path = self.path(file_path)
        try:
            # O_NONBLOCK: opening a FIFO must not wait for its other end
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise Unreadable(f"The script file {file_path} is not an ordinary file.")
                raw = file.read(LARGEST + 1)
        except FileNotFoundError as error:
            raise Missing(f"The script file {file_path} is missing.") from error
        except OSError as error:
            raise Unreadable(f"The script file {file_path} cannot be read: {error.strerror or error}.") from error
        if len(raw) > LARGEST:
            raise Unreadable(f"The script file {file_path} is larger than {LARGEST // 1024} KiB.")
        return raw, _stamp(status)

    def stamp(self, file_path: str) -> str:
        """A cheap mark that changes with the file; "" where the file is missing, unreadable or very fresh."""
        try:
            return _stamp(os.stat(self.path(file_path)))
        except (OSError, StoreError):
            return ""

    def candidates(self) -> list[str]:
        """The files that may be scripts, by name: no hidden ones, no editor's backups, no README, no folders."""
        return sorted(self.stamps())

    def stamps(self) -> dict[str, str]:
        """The same files, by name, with what `stamp` says of each. Raises Unreadable for the folder."""
        try:
            with os.scandir(self.folder) as entries:
                found = {entry.name: _stamp_of(entry) for entry in entries if entry.is_file() and is_script(entry.name)}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Unreadable(f"The script folder {self.folder} cannot be read: {error.strerror or error}.") from error
        return {f"{FOLDER}/{name}": found[name] for name in sorted(found)}

    # --- writing ------------------------------------------------------------------------------------------------------
    def new_path(self, name: str, suffix: str = ".sh", is_taken: Callable[[str], bool] = lambda path: False) -> str:
        """A path for a new script: `library/<slug>_<6 hex><suffix>`, neither on disk nor `is_taken`."""
        while True:
            file_path = f"{FOLDER}/{slug(name)}_{secrets.token_hex(3)}{suffix}"
            if not os.path.lexists(self.root / file_path) and not is_taken(file_path):
                return file_path

    @contextmanager
    def change(self, file_path: str, content: str | None = None) -> Iterator["Change"]:
        """Write or remove one file inside the block; if the block raises, the file is put back as it was.

        With a database transaction inside the block, which writes the file last and under its own lock, row and file
        change together. `content`: what it is going to write. That is on the disk before the block begins, so that
        nobody waits for the lock as long as a slow disk takes. Raises NotWritten.
        """
        with ExitStack() as drafts:
            change = Change(self, file_path)
            if content is not None:
                drafts.enter_context(change.prepared(content))
            try:
                yield change
            except BaseException:
                change.undo()
                raise

    def write(self, file_path: str, raw: bytes, status: os.stat_result | None = None) -> None:
        """Temporary file, fsync, rename, fsync of the folder. Owner and mode of a file that is there are kept.

        `status` tells them where the file is gone. Raises NotWritten or OutsideFolder.
        """
        with self.draft(file_path, raw, status) as appear:
            appear()

    @contextmanager
    def draft(self, file_path: str, raw: bytes, status: os.stat_result | None = None) -> Iterator[Callable[[], None]]:
        """`write` in two steps: the temporary file is on the disk when the block begins, the rename is what the block
        calls. What is not called leaves nothing."""
        path = self.path(file_path)
        draft = path.with_name(f".{secrets.token_hex(8)}.new")

        def appear() -> None:
            with _told(file_path):
                os.replace(draft, path)
                sync_folder(path.parent)

        try:
            with _told(file_path):
                self.folder.mkdir(mode=MODE, parents=True, exist_ok=True)
                write_draft(draft, raw, status or (path.stat() if path.exists() else None))
            yield appear
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


@contextmanager
def _told(file_path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"The script file {file_path} cannot be written: {error.strerror or error}.") from error


class Change:
    """One file about to change, and what it was before."""

    def __init__(self, store: Store, file_path: str) -> None:
        self._store = store
        self._file_path = file_path
        self._path = store.path(file_path)
        self._before: tuple[bytes, os.stat_result] | None = None
        self._after: bytes | None = None
        self._begun = False
        self._draft: tuple[bytes, tuple[int, ...]] | None = None
        self._appear: Callable[[], None] | None = None

    @contextmanager
    def prepared(self, content: str) -> Iterator[None]:
        """Inside the block `write` of this content has the slow part behind it. Raises NotWritten."""
        raw = content.encode()
        self._draft = raw, _kept_of(self._path)
        with self._store.draft(self._file_path, raw) as self._appear:
            yield

    def write(self, content: str) -> str:
        """The stamp of the file with this content. Raises NotWritten."""
        raw = content.encode()
        self._begin(raw)
        if self._appear and self._draft == (raw, _kept_of(self._path)):
            appear, self._appear = self._appear, None
            appear()
        else:
            self._store.write(self._file_path, raw)
        return self._store.stamp(self._file_path)

    def remove(self) -> None:
        """A missing file is no error. Raises NotWritten."""
        self._begin(None)
        try:
            (self._store.root / self._file_path).unlink(missing_ok=True)
            sync_folder(self._store.folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise NotWritten(
                f"The script file {self._file_path} cannot be removed: {error.strerror or error}."
            ) from error

    def undo(self) -> None:
        """Put back what was there, unless somebody else has changed the file since."""
        if not self._begun or _bytes_of(self._path) != self._after:
            return
        if self._before is not None:
            self._store.write(self._file_path, *self._before)
        elif self._after is not None:
            self._path.unlink(missing_ok=True)

    def _begin(self, after: bytes | None) -> None:
        raw = _bytes_of(self._path)
        self._before = None if raw is None else (raw, self._path.stat())
        self._after = after
        self._begun = True


def _kept_of(path: Path) -> tuple[int, ...]:
    """Owner and mode, which stay with a file that is written; () where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def _bytes_of(path: Path) -> bytes | None:
    """None where there is no ordinary file that can be read."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def write_draft(draft: Path, raw: bytes, status: os.stat_result | None) -> None:
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        if status is not None and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            _give_back(descriptor, status)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode) if status else MODE)
        os.fsync(descriptor)


def _give_back(descriptor: int, status: os.stat_result) -> None:
    """Who is not root cannot give a file away; then content counts more than the owner."""
    try:
        os.fchown(descriptor, status.st_uid, status.st_gid)
    except PermissionError:
        pass


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp(status: os.stat_result) -> str:
    age = time.time_ns() - status.st_ctime_ns
    if age < SETTLED:
        return ""
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}"


def _stamp_of(entry: "os.DirEntry[str]") -> str:
    try:
        return _stamp(entry.stat())
    except OSError:  # gone again
        return ""
