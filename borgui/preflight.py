"""What can go wrong before anything is started, each as one clear line: data directory, port, a second supervisor.

Plain Python: `bin/run` asks here before it makes the virtual environment.

    python3 -m borgui.preflight [--data-only]
"""

import fcntl
import os
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from borgui import env

BASE_DIR = Path(__file__).resolve().parent.parent


class CannotStart(Exception):
    """One line that says what is wrong and what to do."""


@dataclass(frozen=True)
class Place:
    """Where this installation keeps its data and where it listens (interfaces.md, "Environment")."""

    data_dir: Path
    host: str
    port: int

    @classmethod
    def from_environment(cls) -> "Place":
        """Raises env.BadSetting."""
        return cls(
            data_dir=env.path("BORGUI_DATA_DIR", BASE_DIR / "data"),
            host=env.text("BORGUI_HOST", "127.0.0.1"),
            port=env.integer("BORGUI_PORT", 8000, least=1, most=65535),
        )

    @property
    def address(self) -> str:
        """What to type into a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    @property
    def lock_path(self) -> Path:
        return self.data_dir / "run" / "supervisor.lock"


def check_data_directory(place: Place) -> None:
    """Make it and write to it. Raises CannotStart."""
    try:
        place.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.lock_path.parent.mkdir(mode=0o700, exist_ok=True)
        for directory in (place.data_dir, place.lock_path.parent):
            tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise CannotStart(
            f"The data directory {place.data_dir} cannot be written ({error.strerror}). "
            "Give this user the right to write there, or set BORGUI_DATA_DIR."
        ) from None


def check_port(place: Place) -> None:
    """Bind once and let go. Raises CannotStart."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        socket.create_server((place.host, place.port), family=family).close()
    except socket.gaierror:
        raise CannotStart(f"BORGUI_HOST is {place.host!r}, which is no address of this machine.") from None
    except OSError as error:
        raise CannotStart(
            f"Port {place.port} on {place.host} cannot be used ({os.strerror(error.errno or 0)}). "
            "End what listens there, or set BORGUI_PORT."
        ) from None


def take_lock(place: Place) -> int:
    """The descriptor that keeps a second supervisor away from this data directory. Raises CannotStart."""
    descriptor = os.open(place.lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        if not isinstance(error, BlockingIOError):
            raise CannotStart(f"File locks do not work in {place.data_dir} ({error.strerror}).") from None
        raise CannotStart(f"borgui already runs on {place.data_dir}, as process {owner or 'unknown'}.") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def check(data_only: bool = False) -> None:
    """Everything at once, leaving nothing behind but the data directory. Raises CannotStart or env.BadSetting."""
    place = Place.from_environment()
    check_data_directory(place)
    if not data_only:
        os.close(take_lock(place))
        check_port(place)


if __name__ == "__main__":
    try:
        check(data_only="--data-only" in sys.argv)
    except (CannotStart, env.BadSetting) as error:
        sys.exit(f"borgui cannot start: {error}")
